import Experiments
import Foundation
import Support

/// TensorBoard's event files of runs that are learning: begun anew at first, for a viewer reads on where it stopped,
/// then only added to.
package final class LiveEvents {
  private struct Seed {
    let folder, target: String
    var events = SeedEvents()
    /// Begun when the run's record is there.
    var file: (path: String, start: Double)?
  }

  private var seeds: [Seed]

  /// Of seeds of a run, each in `folder`/RUN/seed-N, RUN the name of the run's folder.
  package init(_ run: RunDirectory, seeds: [Int], in folder: String) {
    let name = run.path.split(separator: "/").last.map(String.init) ?? "run"
    self.seeds = seeds.map { seed in
      let own = SeedDirectory.name(seed)
      return Seed(folder: "\(run.path)/\(own)", target: "\(folder)/\(name)/\(own)")
    }
  }

  /// Adds what the tables have got since the last time; `isComplete`: the runs have ended.
  /// - Throws: `ExperimentError` where files cannot be read or written; what was not added is added next time.
  package func refresh(isComplete: Bool) throws(ExperimentError) {
    for index in seeds.indices { try refresh(&seeds[index], isComplete) }
  }

  private func refresh(_ seed: inout Seed, _ isComplete: Bool) throws(ExperimentError) {
    let record = "\(seed.folder)/run.json"
    if seed.file == nil && FileSystem.kind(of: record) == .file {
      let start = RunExport.start(record)
      let path = "\(seed.target)/\(RunExport.eventName(start))"
      do throws(FileError) {
        try FileSystem.createFolder(seed.target)
        try FileSystem.writeAtomically(EventFile(time: start).bytes, to: path)
      } catch {
        throw .file(error)
      }
      seed.file = (path, start)
    }
    guard let (path, start) = seed.file else { return }
    var (events, more) = (seed.events, EventFile())
    do throws(CSVError) {
      try events.append(to: &more, from: seed.folder, start: start, isComplete: isComplete)
    } catch {
      throw .failed("\(error)")
    }
    guard !more.bytes.isEmpty else { return seed.events = events }
    guard let file = FileHandle(forWritingAtPath: path) else { throw .failed("cannot write to \(path)") }
    do {
      try file.seekToEnd()
      try file.write(contentsOf: more.bytes)
      try file.close()
    } catch {
      throw .failed("cannot write to \(path): \(error.localizedDescription)")
    }
    seed.events = events
  }
}
