import Environments
import Support

/// What one plan costs, as far as the settings tell.
package struct PlanCost: Equatable, Sendable {
  /// Action sequences that are imagined.
  package var sequences: Int
  /// Steps of each.
  package var horizon: Int
  /// Imagined trajectories of each sequence; 1 in the environment itself.
  package var particles: Int
  /// Floating-point operations of the networks' products; nil where no network imagines.
  package var operations: Double?

  /// Steps from one plan to the next.
  package var every: Int

  /// Of a planner with a learned model, or nil with the environment itself; nil where nobody knows.
  package init?(
    _ planner: PlannerConfiguration, _ model: (any DynamicsModelConfiguration)?, _ task: EnvironmentDescription
  ) {
    let (optimizer, rollout) = (planner.optimizer.settings, planner.rollout)
    guard let sequences = optimizer.sequencesPerPlan else { return nil }
    (self.sequences, horizon, every) = (sequences, rollout.horizon, planner.replanEvery)
    let isMean = rollout.propagation == .expectation || optimizer.needsGradients
    particles = model == nil || isMean ? 1 : rollout.particles
    guard let model, let row = model.operationsPerRow(DynamicsLayout(task)) else { return }
    // The mean asks every network; a gradient goes back through what came forward, at twice its cost.
    let networks = Double(isMean ? model.networks : particles) * (optimizer.needsGradients ? 3 : 1)
    operations = row * networks * Double(sequences) * Double(horizon)
  }
}
