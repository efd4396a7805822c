import CKernels
import Environments
import Support

/// Rollouts of plans through a learned ensemble: particles carry every plan over the horizon, feature-major, in chunks
/// of plans that stay in cache and are taken by the threads of the pool.
///
/// How rows are cut into chunks, and by whom they are worked, changes no bit of a return: the noise of a particle
/// depends on its plan, its number, the step and the iteration only.
package final class EnsembleScorer: PlanScorer {
  let model: EnsembleDynamics
  let settings: RolloutSettings
  /// The networks in the planner's precision.
  let kernel: UnsafePointer<ck_ensemble>
  let particles: Int
  /// The observation imagination starts from.
  let start: FloatBuffer
  private var workers: [EnsembleRollout] = []
  private lazy var differentiator = EnsembleDifferentiator(self)

  init(_ model: EnsembleDynamics, _ settings: RolloutSettings) {
    self.model = model
    self.settings = settings
    kernel = model.kernel.pointer(settings.precision)
    particles = settings.propagation == .expectation ? 1 : settings.particles
    start = FloatBuffer(count: model.layout.observationSize)
  }

  package func begin(in situation: Situation, row: Int) {
    for column in 0..<start.count { start[column] = situation.observations[row, column] }
  }

  package func score(
    _ plans: Plans, iteration: Int, noise: RandomStream, into returns: UnsafeMutableBufferPointer<Float>
  ) throws {
    let slots = settings.propagation == .expectation ? 1 : max(particles / model.elites.count, 1)
    let cut = PopulationCut(population: plans.population, rowsPerPlan: slots, threads: model.pool.threads)
    while workers.count < model.pool.threads { workers.append(EnsembleRollout(self, plans: 0)) }
    for worker in workers.indices where workers[worker].capacity < cut.capacity {
      workers[worker] = EnsembleRollout(self, plans: cut.capacity)
    }
    var job = Scoring(
      owner: .passUnretained(self), plans: plans, cut: cut, iteration: iteration, key: noise.key,
      returns: returns.baseAddress!)
    try model.pool.runInterruptibly(tasks: cut.chunks, on: &job) { job, task, worker in
      job!.assumingMemoryBound(to: Scoring.self).pointee.score(Int(task), worker: Int(worker))
    }
  }

  /// One call of `score`, chunk by chunk on the threads.
  private struct Scoring {
    let owner: Unmanaged<EnsembleScorer>
    let plans: Plans
    let cut: PopulationCut
    let iteration: Int
    let key: UInt64
    let returns: UnsafeMutablePointer<Float>

    func score(_ task: Int, worker: Int) {
      let owner = owner.takeUnretainedValue()
      if owner.model.pool.isStopping { return }
      owner.workers[worker].score(plans, range: cut.plans(task), iteration: iteration, key: key, returns: returns)
    }
  }

  package func differentiate(
    _ plans: Plans, iteration: Int, noise: RandomStream, gradients: Plans,
    into returns: UnsafeMutableBufferPointer<Float>
  ) throws {
    try model.pool.checkInterruption()
    differentiator.differentiate(plans, gradients: gradients, into: returns)
  }
}
