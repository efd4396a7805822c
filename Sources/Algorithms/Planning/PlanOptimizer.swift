import Environments
import Support

/// Where an optimiser's random numbers come from: a stream, or recorded numbers in a test.
package protocol NoiseSource {
  /// Standard normals.
  mutating func fillNormal(_ out: UnsafeMutableBufferPointer<Float>)
  /// Standard normals within ±bound.
  mutating func fillTruncatedNormal(_ out: UnsafeMutableBufferPointer<Float>, bound: Float)
  /// Uniforms in [low, high).
  mutating func fillUniform(_ out: UnsafeMutableBufferPointer<Float>, _ low: Float, _ high: Float)
}

extension RandomStream: NoiseSource {}

/// What a planner has to solve at one moment: the best sequence of actions over the horizon. Returns are maximised.
package struct PlanProblem {
  package let horizon: Int
  package let space: ActionSpace
  /// Every draw of the search comes from here.
  package var random: any NoiseSource
  /// Tells what plans are worth.
  package let scorer: any PlanScorer
  /// Of imagination.
  package let noise: RandomStream

  package init(
    horizon: Int, space: ActionSpace, random: any NoiseSource, scorer: any PlanScorer, noise: RandomStream
  ) {
    self.horizon = horizon
    self.space = space
    self.random = random
    self.scorer = scorer
    self.noise = noise
  }

  /// Floats of one plan.
  package var planSize: Int { horizon * space.columns }
}

/// A way of searching for a plan. It keeps what it found as the start of the next search.
package protocol PlanOptimizer: ArchivableObject {
  /// Forgets everything: a new episode begins.
  func reset()
  /// Searches and writes the chosen plan [horizon, columns]; returns its predicted return where one was evaluated.
  /// Where it throws, what is kept for the next search is as it was.
  func optimize(_ problem: inout PlanProblem, into plan: MutableRows) throws -> Float?
  /// Moves what is kept `steps` steps ahead in time, because that many actions were taken.
  func shift(by steps: Int)
}

/// The settings of one kind of planner: those of the section `planner` that are the optimiser's own.
package protocol PlanOptimizerConfiguration: Configurable {
  /// Sequences that are scored for one plan, at most; default: nil, nobody counts them.
  var sequencesPerPlan: Int? { get }
  /// Plans that it asks the scorer's gradients of at once; default: 0.
  var differentiatedPlans: Int { get }
  /// Warns of settings that nothing reads where actions are of that space. Default: of nothing.
  func warn(_ space: ActionSpace, _ fields: Fields)
  /// What one search for plans of that length holds in memory. Default: nothing worth mentioning.
  func memory(horizon: Int, space: ActionSpace) -> MemoryNeed
  /// Builds the optimiser for plans of that length in that space.
  func makeOptimizer(horizon: Int, space: ActionSpace) -> any PlanOptimizer
}

extension PlanOptimizerConfiguration {
  package var sequencesPerPlan: Int? { nil }
  package var differentiatedPlans: Int { 0 }
  /// Whether it asks the scorer for gradients.
  package var needsGradients: Bool { differentiatedPlans > 0 }
  package func warn(_ space: ActionSpace, _ fields: Fields) {}
  package func memory(horizon: Int, space: ActionSpace) -> MemoryNeed { MemoryNeed() }
}

/// Every planner; a new one is one file and one line here.
package enum PlanOptimizers: Family {
  package static let meaning = "how action sequences are searched"
  package static let entries: [Entry<any PlanOptimizerConfiguration>] = [
    Entry("cem", "cross-entropy method, truncated normal (PETS)") { CrossEntropyMethod.Configuration() },
    Entry("icem", "cross-entropy method with coloured noise and kept elites") {
      ImprovedCrossEntropyMethod.Configuration()
    },
    Entry("mppi", "path integral control: exponentially weighted sequences") { PathIntegral.Configuration() },
    Entry("random-shooting", "uniform sequences, the best one is taken") { RandomShooting.Configuration() },
    Entry("gradient", "gradient ascent on the actions through the learned model") { GradientShooting.Configuration() },
  ]

  package static func declare(_ settings: inout any PlanOptimizerConfiguration, _ fields: Fields) {
    settings.declare(fields)
  }
}
