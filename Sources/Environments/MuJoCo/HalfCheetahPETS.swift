import Support

/// HalfCheetahPETS-v0: HalfCheetah as the PETS authors have it, whose reward a model need not learn.
///
/// K. Chua et al., "Deep reinforcement learning in a handful of trials using probabilistic dynamics models" (2018),
/// kchua/handful-of-trials 77fd880: the first number of an observation is the velocity forward, Δx/dt, so that
///
///     reward = observation₀ − .1 Σ a²
///
/// and starts differ by N(0, .001²). The robot is that of Gymnasium's HalfCheetah-v5, theirs was that of mujoco-py; the
/// velocity is that of the last step, 0 at a start. Never terminates; 1000 steps of 5 × .01 s.
package struct HalfCheetahPETS: MuJoCoTask {
  package typealias Configuration = NoOptions

  package static let facts: MuJoCoFacts = {
    var facts = HalfCheetah.facts
    facts.id = "HalfCheetahPETS-v0"
    facts.rewardThreshold = nil
    facts.fidelity = .rounding
    facts.summary = "HalfCheetah with its velocity observed, as PETS has it, in MuJoCo (1000 steps)"
    return facts
  }()
  package static var view: MuJoCoView { HalfCheetah.view }
  private static let controlWeight = 0.1
  private static let noise = 0.001

  package init(_ configuration: NoOptions, _ model: MuJoCoModel) throws(MuJoCoError) {
    try model.require(positions: 3)
  }

  package static func observationSize(_ configuration: NoOptions, _ counts: MuJoCoCounts) -> Int {
    counts.positions + counts.velocities
  }

  package func begin(_ simulation: MuJoCoSimulation, _ random: inout NumPyRandom) {
    simulation.perturbPositionsNormally(&random, HalfCheetahPETS.noise)
    simulation.perturbVelocitiesNormally(&random, HalfCheetahPETS.noise)
  }

  package func place(_ simulation: MuJoCoSimulation) -> SIMD2<Double> { simulation.root }

  package func outcome(_ simulation: MuJoCoSimulation, _ step: MuJoCoStep) -> Outcome {
    Outcome(reward: step.velocity.x - step.controlCost(HalfCheetahPETS.controlWeight), isTerminated: false)
  }

  /// [Δx/dt (m/s), z (m), angles (rad), their velocities]
  package func observe(
    _ simulation: MuJoCoSimulation, _ step: MuJoCoStep?, into observation: inout MuJoCoObservation
  ) {
    observation.append(step?.velocity.x ?? 0)
    observation.append(simulation.position, 1..<simulation.model.counts.positions)
    observation.append(simulation.velocity, 0..<simulation.model.counts.velocities)
  }

  package var knownDynamics: (any KnownDynamics)? { Known() }

  /// Reward and features as the authors have them.
  private struct Known: KnownDynamics {
    /// Without the velocity, which the next one does not depend on, and with the torso's angle as sine and cosine.
    var modelFeatures: [ObservationFeature]? { [.value(1), .sine(2), .cosine(2)] + (3..<18).map { .value($0) } }
    var predictsChange: [Bool]? { [false] + [Bool](repeating: true, count: 17) }

    func rewards(of columns: TransitionColumns, into reward: UnsafeMutablePointer<Float>) {
      let velocity = columns.nextObservationColumn(0)
      for row in 0..<columns.count {
        reward[row] = velocity[row] - Float(HalfCheetahPETS.controlWeight) * columns.squaredAction(row, columns: 6)
      }
    }
  }
}
