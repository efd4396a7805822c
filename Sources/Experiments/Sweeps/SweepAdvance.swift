import Support

/// The next rung of successive halving: the best variants of the last one, longer.
package enum SweepAdvance {
  package enum Outcome: Sendable {
    /// Jobs were added.
    case added([SweepJob])
    /// Jobs of the newest rung are missing.
    case waiting(Int)
    /// The last rung is done, or the sweep has one length.
    case finished
  }

  /// Compares the variants of the newest rung by the mean over seeds of their last evaluation within it, and plans the
  /// next one. A variant of which a seed diverged, or has no evaluation, comes last. Of equals the earlier one goes on.
  package static func run(_ directory: SweepDirectory) throws(ExperimentError) -> Outcome {
    let jobs = try directory.jobs()
    guard let halving = try directory.halving(), let rung = jobs.last?.rung else { return .finished }
    let newest = jobs.filter { $0.rung == rung }
    let missing = newest.count { ![.done, .diverged].contains(directory.state(of: $0).kind) }
    if missing > 0 { return .waiting(missing) }
    if rung + 1 >= halving.steps.count { return .finished }
    var runs: [String] = []
    for job in newest where !runs.contains(job.run) { runs.append(job.run) }
    let scores = runs.map { run in score(newest.filter { $0.run == run }, directory) }
    let kept = max(1, runs.count / halving.factor)
    let order = runs.indices.sorted { (-scores[$0], $0) < (-scores[$1], $1) }
    let chosen = Set(order.prefix(kept))
    var added: [SweepJob] = []
    for (place, run) in runs.enumerated() where chosen.contains(place) {
      for job in newest where job.run == run {
        added.append(
          SweepJob(
            index: jobs.count + added.count, run: run, seed: job.seed, rung: rung + 1, steps: halving.steps[rung + 1],
            settings: job.settings))
      }
    }
    try rethrow(directory.append(added, rung: rung + 1), as: ExperimentError.file)
    return .added(added)
  }

  private static func score(_ jobs: [SweepJob], _ directory: SweepDirectory) -> Double {
    var sum = 0.0
    for job in jobs {
      let rows = (try? CSVTable.read("\(directory.path)/\(job.directory)/eval.csv").rows(EvaluationRow.self)) ?? []
      guard let last = rows.last(where: { $0.step <= job.steps }), last.mean.isFinite,
        directory.state(of: job).kind == .done
      else { return -.infinity }
      sum += last.mean
    }
    return sum / Double(jobs.count)
  }
}
