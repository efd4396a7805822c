import Foundation
import Support

/// One of Gymnasium's tasks: what of a simulation is seen, what is rewarded, and how an episode starts.
///
/// Every operation is in Gymnasium's order, so that every bit is Gymnasium's.
package protocol MuJoCoTask: Sendable {
  associatedtype Configuration: Configurable
  /// What is known without the library, of the standard model.
  static var facts: MuJoCoFacts { get }
  /// Numbers of an observation with a model of these sizes.
  static func observationSize(_ configuration: Configuration, _ counts: MuJoCoCounts) -> Int
  /// Of one step; default: anything.
  static func rewardRange(_ configuration: Configuration) -> ClosedRange<Double>
  /// The task with a model.
  /// - Throws: where the model lacks what the task names.
  init(_ configuration: Configuration, _ model: MuJoCoModel) throws(MuJoCoError)
  /// Draws positions and velocities of an episode's start, in the order of Gymnasium's draws.
  func begin(_ simulation: MuJoCoSimulation, _ random: inout NumPyRandom)
  /// What of the state before a step its reward needs: mostly the place whose change is rewarded, m; default: the
  /// origin.
  func place(_ simulation: MuJoCoSimulation) -> SIMD2<Double>
  /// Whether the place is a part of states: it is where positions do not tell it.
  static var remembersPlace: Bool { get }
  /// Reward and end of a step that has been simulated: `step` tells what the simulation does not.
  func outcome(_ simulation: MuJoCoSimulation, _ step: MuJoCoStep) -> Outcome
  /// Writes `observationSize` numbers.
  func observe(_ simulation: MuJoCoSimulation, _ step: MuJoCoStep?, into observation: inout MuJoCoObservation)
  /// See `Simulation`.
  var knownDynamics: (any KnownDynamics)? { get }
  /// From where it is drawn.
  static var view: MuJoCoView { get }
}

extension MuJoCoTask {
  package static func rewardRange(_ configuration: Configuration) -> ClosedRange<Double> { -.infinity ... .infinity }
  package static var remembersPlace: Bool { false }
  package func place(_ simulation: MuJoCoSimulation) -> SIMD2<Double> { SIMD2() }
  package var knownDynamics: (any KnownDynamics)? { nil }

  /// The specification with a model of these sizes.
  static func specification(_ configuration: Configuration, _ counts: MuJoCoCounts) -> EnvironmentSpecification {
    let bound = [Float](repeating: .infinity, count: observationSize(configuration, counts))
    var specification = EnvironmentSpecification(
      id: facts.id, observationSpace: .box(low: bound.map { -$0 }, high: bound),
      actionSpace: .box(low: counts.controlLow, high: counts.controlHigh), stepLimit: facts.stepLimit,
      rewardRange: rewardRange(configuration), rewardThreshold: facts.rewardThreshold,
      framesPerSecond: facts.framesPerSecond, summary: facts.summary)
    // Elsewhere the C library and the simulation round otherwise.
    #if os(Linux) && arch(x86_64)
      specification.fidelity = facts.fidelity
    #endif
    return specification
  }
}

/// What is known of a task without the library.
package struct MuJoCoFacts: Sendable {
  package var id: String
  /// The name of its model.
  var model: String
  /// The model itself, where the program brings it; nil: it comes with Gymnasium.
  var xml: String?
  package var counts: MuJoCoCounts
  /// Steps of the model in one of the task.
  var frameSkip: Int
  /// Of the model, s.
  package var timestep: Double
  var stepLimit: Int
  var rewardThreshold: Double?
  /// To Gymnasium, on x86-64.
  var fidelity = EnvironmentSpecification.Fidelity.bits
  var summary: String

  /// 1 / (frameSkip · timestep) as Gymnasium has it, but no more than 50: no film shows more.
  var framesPerSecond: Int { min(50, Int((1 / (timestep * Double(frameSkip))).rounded())) }
}

/// What a step was, apart from the simulation that it led to.
package struct MuJoCoStep {
  /// As it was given, not clipped.
  let action: UnsafeBufferPointer<Float>
  /// See `MuJoCoTask.place`: before and after the step.
  let before, after: SIMD2<Double>
  /// s
  let duration: Double

  /// m/s
  var velocity: SIMD2<Double> { (after - before) / duration }

  /// weight · Σ a², in single precision, as the action is.
  func controlCost(_ weight: Double) -> Double {
    Double(Float(weight) * NumPyArithmetic.sum(action.count) { action[$0] * action[$0] })
  }
}

/// Writes an observation, number after number.
package struct MuJoCoObservation {
  private let numbers: UnsafeMutableBufferPointer<Double>
  private(set) var count = 0

  init(_ numbers: UnsafeMutableBufferPointer<Double>) { self.numbers = numbers }

  mutating func append(_ number: Double) {
    numbers[count] = number
    count += 1
  }

  mutating func append(_ array: UnsafeMutablePointer<Double>, _ range: Range<Int>) {
    for index in range { append(array[index]) }
  }

  /// Clipped to ±bound.
  mutating func append(_ array: UnsafeMutablePointer<Double>, _ range: Range<Int>, within bound: Double) {
    for index in range { append(array[index].clipped(-bound, bound)) }
  }
}

/// The noise of starts, as Gymnasium draws it: of all positions first.
extension MuJoCoSimulation {
  /// q⁰ + U(±scale) for each position.
  func perturbPositions(_ random: inout NumPyRandom, _ scale: Double) {
    for (index, initial) in model.initialPosition.enumerated() {
      position[index] = initial + random.uniform(-scale, scale)
    }
  }

  /// q⁰ + N(0, scale²) for each position.
  func perturbPositionsNormally(_ random: inout NumPyRandom, _ scale: Double) {
    for (index, initial) in model.initialPosition.enumerated() { position[index] = initial + scale * random.normal() }
  }

  /// U(±scale) for each velocity.
  func perturbVelocities(_ random: inout NumPyRandom, _ scale: Double) {
    for index in 0..<model.counts.velocities { velocity[index] = 0 + random.uniform(-scale, scale) }
  }

  /// N(0, scale²) for each velocity.
  func perturbVelocitiesNormally(_ random: inout NumPyRandom, _ scale: Double) {
    for index in 0..<model.counts.velocities { velocity[index] = 0 + scale * random.normal() }
  }

  /// Horizontal position of the root, m.
  var root: SIMD2<Double> { SIMD2(position[0], model.counts.positions > 1 ? position[1] : 0) }

  /// The vector from one body to another, m.
  func way(from first: Int, to second: Int) -> SIMD3<Double> {
    let (start, end) = (bodyPosition + 3 * first, bodyPosition + 3 * second)
    return SIMD3(end[0] - start[0], end[1] - start[1], end[2] - start[2])
  }
}

/// Declarations that several tasks share.
extension Fields {
  func weight(_ name: String, _ value: inout Double, _ what: String) {
    number(name, &value, in: -1e9...1e9, "weight of \(what)")
  }

  func resetNoise(_ value: inout Double, _ what: String) {
    number("resetNoiseScale", &value, in: 0...1e3, "noise of an episode's start: \(what)")
  }

  /// A range in which something is healthy, [low, high], or [low] where there is no highest.
  func range(_ name: String, _ value: inout [Double], _ what: String) {
    numbers(
      name, &value, each: -1e9...1e9, count: 1...2, "lowest and highest \(what); a lowest one alone: no highest")
    if value.count == 2 && value[0] > value[1] { fault(name, "\(value[0]) is above \(value[1]); exchange them") }
  }

  /// The two settings that say whether and how an unhealthy robot ends an episode.
  func health(_ reward: inout Double, _ terminates: inout Bool) {
    number("healthyReward", &reward, in: -1e9...1e9, "reward of every step that ends healthy")
    flag("terminateWhenUnhealthy", &terminates, "an unhealthy robot ends the episode")
  }

  func exclusion(_ excludes: inout Bool, _ what: String) {
    flag("excludeCurrentPositionsFromObservation", &excludes, "observations leave \(what) out")
  }
}

/// Two bounds, the upper one perhaps missing.
struct MuJoCoRange: Sendable {
  let low, high: Double

  init(_ numbers: [Double]) { (low, high) = (numbers[0], numbers.count > 1 ? numbers[1] : .infinity) }

  /// Whether a number lies between, without the bounds.
  func surrounds(_ number: Double) -> Bool { low < number && number < high }
}
