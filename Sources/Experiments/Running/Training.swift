import Dispatch
import Support
import Synchronization

/// Carries a training plan out: claims the directories, runs the seeds in parallel, and gathers how they ended.
package enum Training {
  /// How every seed ended, in the plan's order.
  package struct Result: Sendable {
    package var directory: RunDirectory
    package var ends: [(seed: Int, end: SeedEnd)]
    /// Environment steps that the plan asks for.
    package var requestedSteps: Int

    /// One code for the whole command.
    package var exitCode: ExitCode {
      let codes = ends.map(\.end.exitCode)
      if codes.count == 1 { return codes[0] }
      // Where something can go on, the same command has to come again: it will name the failures then.
      if codes.contains(.interrupted) { return .interrupted }
      let failures = codes.count { $0 != .success }
      return failures == 0 ? .success : failures == codes.count ? .failure : .someSeedsFailed
    }
  }

  /// A plan with its directories claimed; nobody else can work on its seeds until it is gone.
  package struct Claim {
    package var directory: RunDirectory
    fileprivate var seeds: [SeedDirectory]
  }

  /// Makes the directories and takes every seed's lock, before anything is computed.
  package static func claim(_ plan: TrainingPlan) throws(ExperimentError) -> Claim {
    var directory = plan.directory
    let settings = plan.experiment.resolved
    if plan.resume == .never {
      directory = try rethrow(RunDirectory.createFresh(directory.path, settings), as: ExperimentError.file)
    } else if !directory.exists {
      _ = try rethrow(directory.create(settings), as: ExperimentError.file)
    }
    guard directory.exists else {
      throw .failed("\(directory.path) is in the way: a folder without \(RunDirectory.configurationName)")
    }
    var seeds: [SeedDirectory] = []
    for seed in plan.seeds { seeds.append(try SeedDirectory(run: directory.path, seed: seed)) }
    return Claim(directory: directory, seeds: seeds)
  }

  /// Runs every seed of a claimed plan, `jobs` at a time; returns when all have ended. A seed that fails takes no other
  /// one down. `whileRunning` is called on this thread again and again until then.
  package static func run(
    _ plan: TrainingPlan, _ claim: consuming Claim, observer: any RunObserver, shouldStop: @escaping StopRequest,
    whileRunning: () -> Void = {}
  ) -> Result {
    let seeds = claim.seeds.map { UncheckedSeed(directory: $0) }
    let next = Atomic<Int>(0)
    let ends = Guarded<[SeedEnd?]>([SeedEnd?](repeating: nil, count: seeds.count))
    withoutActuallyEscaping({
      while true {
        let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
        guard index < seeds.count else { return }
        let directory = seeds[index].directory
        let seed = directory.seed
        let end: SeedEnd
        if shouldStop(seed, .step(-1)) {
          end = .interrupted(step: RunStatus.read(directory.statusPath)?.step ?? 0)
        } else {
          end = SeedRun.perform(
            plan.experiment, in: directory, threads: plan.threads, call: plan.call,
            origin: plan.origin?.checkpoint(seed),
            report: { observer.report(seed: seed, $0) }, shouldStop: { shouldStop(seed, $0) })
        }
        ends.withLock { $0[index] = end }
      }
    }) { work in
      let group = DispatchGroup()
      let queue = DispatchQueue(label: "mbrl.seeds", attributes: .concurrent)
      for _ in 0..<plan.jobs { queue.async(group: group, execute: DispatchWorkItem(block: work)) }
      while group.wait(timeout: .now() + .milliseconds(100)) == .timedOut { whileRunning() }
    }
    whileRunning()
    // A thread of the queue may hold on to its work a little longer than this.
    for seed in claim.seeds { seed.release() }
    let all = ends.withLock { $0 }
    return Result(
      directory: claim.directory, ends: zip(plan.seeds, all).map { ($0, $1!) },
      requestedSteps: plan.experiment.configuration.training.environmentSteps)
  }

  /// A seed's directory on its way to the one thread that uses it.
  private struct UncheckedSeed: @unchecked Sendable {
    let directory: SeedDirectory
  }
}
