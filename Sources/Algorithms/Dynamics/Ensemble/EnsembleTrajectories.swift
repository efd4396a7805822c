import CKernels
import Environments
import Support

/// Imagination through a learned ensemble: particles carry every plan over the horizon, feature-major, in chunks of
/// plans that stay in cache and are taken by the threads of the pool.
///
/// How rows are cut into chunks, and by whom they are worked, changes no bit of a return: the noise of a particle
/// depends on its plan, its number, the step and the iteration only.
package final class EnsembleTrajectories: TrajectoryEvaluator {
  let model: EnsembleDynamics
  let planner: PlannerConfiguration
  let known: (any KnownDynamicsParts)?
  /// The networks in the planner's precision.
  let kernel: UnsafePointer<ck_ensemble>
  let columns: Int
  let particles: Int
  /// The observation imagination starts from.
  let start: FloatBuffer
  private var workers: [Imagination] = []
  private(set) lazy var differentiator = EnsembleDifferentiator(self)
  /// A learned value of the last imagined state, added (discounted) to the return of trajectories that have not ended.
  package var horizonValue: (any HorizonValue)?

  init(_ model: EnsembleDynamics, _ planner: PlannerConfiguration, known: (any KnownDynamicsParts)?) {
    self.model = model
    self.planner = planner
    self.known = known
    kernel = model.kernel.pointer(planner.precision)
    columns = model.layout.actionColumns
    particles = planner.propagation == .expectation ? 1 : planner.particles
    start = FloatBuffer(count: model.layout.observationSize)
  }

  package func begin(in situation: Situation) {
    for column in 0..<start.count { start[column] = situation.observation[column] }
  }

  package var hasGradients: Bool { true }

  package func evaluate(
    _ plans: UnsafePointer<Float>, population: Int, iteration: Int, random: RandomStream,
    returns: UnsafeMutablePointer<Float>
  ) throws {
    let slots = planner.propagation == .expectation ? 1 : max(particles / model.elites.count, 1)
    let cut = PopulationCut(population: population, rowsPerPlan: slots, threads: model.pool.threads)
    while workers.count < model.pool.threads { workers.append(Imagination(self, plans: 0)) }
    for worker in workers.indices where workers[worker].capacity < cut.capacity {
      workers[worker] = Imagination(self, plans: cut.capacity)
    }
    var job = Scoring(
      owner: .passUnretained(self), plans: plans, cut: cut, iteration: iteration, key: random.key, returns: returns)
    try model.pool.runInterruptibly(tasks: cut.chunks, on: &job) { job, task, worker in
      job!.assumingMemoryBound(to: Scoring.self).pointee.score(Int(task), worker: Int(worker))
    }
  }

  /// One call of `evaluate`, chunk by chunk on the threads.
  private struct Scoring {
    let owner: Unmanaged<EnsembleTrajectories>
    let plans: UnsafePointer<Float>
    let cut: PopulationCut
    let iteration: Int
    let key: UInt64
    let returns: UnsafeMutablePointer<Float>

    func score(_ task: Int, worker: Int) {
      let owner = owner.takeUnretainedValue()
      if owner.model.pool.isStopping { return }
      owner.workers[worker].score(
        plans, range: cut.plans(task), iteration: iteration, key: key, returns: returns)
    }
  }

  package func differentiate(
    _ plans: UnsafePointer<Float>, population: Int, iteration: Int, random: RandomStream,
    gradients: UnsafeMutablePointer<Float>, returns: UnsafeMutablePointer<Float>
  ) throws {
    try model.pool.checkInterruption()
    differentiator.differentiate(plans, population: population, gradients: gradients, returns: returns)
  }
}

/// A learned value of states, for planning beyond the horizon.
package protocol HorizonValue: AnyObject {
  /// values[r] for observations in feature-major columns [size][stride]; called from several threads at once.
  func values(of observation: UnsafePointer<Float>, count: Int, stride: Int, into values: UnsafeMutablePointer<Float>)
}
