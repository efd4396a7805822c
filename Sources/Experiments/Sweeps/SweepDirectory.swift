import Support

/// A planned sweep on disk:
///
///     DIR/sweep.json       the file as it was
///     DIR/configs/RUN.json every variant's resolved configuration
///     DIR/jobs.tsv         one line per job, written once; of a later rung of successive halving jobs-1.tsv and so on
///     DIR/runs/RUN/seed-N  the runs
package struct SweepDirectory: Sendable {
  package let path: String

  package init(_ path: String) {
    var path = path
    while path.count > 1 && path.hasSuffix("/") { path.removeLast() }
    self.path = path
  }

  private static func jobsName(_ rung: Int) -> String { rung == 0 ? "jobs.tsv" : "jobs-\(rung).tsv" }
  private func jobsPath(_ rung: Int) -> String { "\(path)/\(SweepDirectory.jobsName(rung))" }

  /// Whether a sweep was planned here.
  package var exists: Bool { FileSystem.kind(of: jobsPath(0)) == .file }

  /// Writes a plan; where the same one stands already, nothing.
  /// - Returns: false where it stood there already.
  /// - Throws: `.usage` where another one stands there.
  package func write(_ plan: SweepPlan) throws(ExperimentError) -> Bool {
    let text = SweepDirectory.text(plan.jobs)
    if exists {
      let old = try rethrow(FileSystem.read(jobsPath(0), limit: 1 << 30), as: ExperimentError.file)
      guard old == Array(text.utf8) else {
        throw .usage("\(path) holds another sweep; its jobs never change: choose another --out")
      }
      return false
    }
    do throws(FileError) {
      try FileSystem.createFolder("\(path)/configs")
      for variant in plan.variants {
        try FileSystem.writeAtomically(
          JSON.object(variant.resolved).prettyText, to: "\(path)/configs/\(variant.run).json")
      }
      let source = try FileSystem.read(plan.file.source, limit: JSONParser.maximumBytes)
      try FileSystem.writeAtomically(source, to: "\(path)/sweep.json")
      // Last: whoever finds it finds the rest.
      try FileSystem.writeAtomically(text, to: jobsPath(0))
    } catch {
      throw .file(error)
    }
    return true
  }

  private static func text(_ jobs: [SweepJob]) -> String {
    ([SweepJob.columns.joined(separator: "\t")] + jobs.map(\.line)).joined(separator: "\n") + "\n"
  }

  /// Every job of every rung that was planned, by index.
  package func jobs() throws(ExperimentError) -> [SweepJob] {
    guard exists else {
      throw .usage("\(path) holds no sweep; to plan one: mbrl sweep plan SWEEP.json --out \(path)")
    }
    var jobs: [SweepJob] = []
    var rung = 0
    while FileSystem.kind(of: jobsPath(rung)) == .file {
      let bytes = try rethrow(FileSystem.read(jobsPath(rung), limit: 1 << 30), as: ExperimentError.file)
      let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
      for (number, line) in lines.enumerated().dropFirst() {
        guard let job = SweepJob(line: line), job.index == jobs.count else {
          throw .failed("\(jobsPath(rung)), line \(number + 1): no job; the file was changed")
        }
        jobs.append(job)
      }
      rung += 1
    }
    return jobs
  }

  /// How successive halving goes on, where it does.
  package func halving() throws(ExperimentError) -> SweepFile.Halving? {
    try SweepFile.load("\(path)/sweep.json").halving
  }

  /// Adds a rung's jobs; once.
  package func append(_ jobs: [SweepJob], rung: Int) throws(FileError) {
    try FileSystem.writeAtomically(SweepDirectory.text(jobs), to: jobsPath(rung))
  }

  /// How a job stands.
  package func state(of job: SweepJob) -> SweepJobState {
    let seed = "\(path)/\(job.directory)"
    guard let status = RunStatus.read("\(seed)/status.json") else {
      return SweepJobState(kind: LockFile.isHeldHere("\(seed)/.lock") ? .running : .waiting, step: 0)
    }
    let step = min(status.step, job.steps)
    // Where the run is on its way to a later rung, this one is behind it.
    if status.step >= job.steps && (status.state == .done || status.total > job.steps) {
      return SweepJobState(kind: .done, step: step)
    }
    if LockFile.isHeldHere("\(seed)/.lock") { return SweepJobState(kind: .running, step: step) }
    switch status.state {
    case .diverged: return SweepJobState(kind: .diverged, step: step, reason: status.reason)
    case .failed: return SweepJobState(kind: .failed, step: step, reason: status.reason)
    // A shorter length of the same run is done, or its process was killed, or it has stored itself.
    case .done, .running, .interrupted: return SweepJobState(kind: .stopped, step: step)
    }
  }

  /// The configuration file of a job.
  package func configuration(of job: SweepJob) -> String { "\(path)/\(job.configuration)" }
  /// Where runs go.
  package var runs: String { "\(path)/runs" }
}

/// How a job of a sweep stands.
package struct SweepJobState: Sendable, Equatable {
  package enum Kind: String, Sendable, CaseIterable {
    /// Not begun.
    case waiting
    /// A process of this machine works on it.
    case running
    /// Begun, and nobody works on it: it goes on where it was stored.
    case stopped
    case failed
    /// A number was not finite: it would be so again.
    case diverged
    case done
  }

  package var kind: Kind
  package var step: Int
  package var reason: String?

  package init(kind: Kind, step: Int, reason: String? = nil) {
    (self.kind, self.step, self.reason) = (kind, step, reason)
  }

  /// Whether running it would do something.
  package var isPending: Bool { [.waiting, .stopped, .failed].contains(kind) }
}
