import Algorithms
import Experiments
import Foundation
import Support

/// A checkpoint of the published ensemble (5 members, 3×500, with Adam's moments) to the disk and back.
enum CheckpointBenchmarks {
  static let all: [Benchmark] =
    [
      Benchmark("checkpoint-write", "5 members 3x500 with moments, fsynced", items: megabytes, unit: "MB") { pool in
        let (model, folder) = (model(pool), BenchmarkFolder())
        return { try write(model, to: folder.path) }
      },
      Benchmark("checkpoint-read", "the same, checksums verified", items: megabytes, unit: "MB") { pool in
        let (model, folder) = (model(pool), BenchmarkFolder())
        try write(model, to: folder.path)
        return {
          let archive = try Checkpoint.read("\(folder.path)/checkpoint").makeArchive()
          try archive.part("model", model)
        }
      },
    ] + [20_000, 200_000].flatMap { [replay($0, .logged), replay($0, .copied)] }

  /// 1,000 new rows and a checkpoint of a full replay (17 observations, 6 actions): with logs its size does not matter.
  private static func replay(_ rows: Int, _ storage: Replay.Storage) -> Benchmark {
    Benchmark("", "1,000 rows into a full replay, then a checkpoint, \(storage)", items: 1000, unit: "rows") { _ in
      let (replay, folder) = (ReplayBenchmarks.replay(capacity: rows, storage), BenchmarkFolder())
      let (store, steps) = (CheckpointStore("\(folder.path)/checkpoints"), ReplayBenchmarks.Steps(17, 6))
      let logs = LogFolder(store.logs)
      var step = 0
      func run(_ count: Int) throws {
        for _ in 0..<count { steps.append(to: replay) }
        step += count
        let archive = Archive(in: logs)
        try archive.part("replay", replay)
        let manifest = CheckpointManifest(
          configurationHash: "", settings: JSONObject(), agent: "", environment: "", seed: 0, step: step)
        try store.write(archive, manifest, keep: 2, protected: [])
      }
      try run(rows)
      return { try withExtendedLifetime(folder) { try run(1000) } }
    }.at("checkpoint-\(storage)-replay", rows)
  }

  /// Parameters and two moments of each, 4 bytes.
  private static let megabytes = Double(5 * (6 * 500 + 2 * 501 * 500 + 501 * 8)) * 12 / 1e6

  private static func model(_ pool: ComputePool) -> EnsembleDynamics {
    var configuration = EnsembleDynamics.Configuration()
    configuration.hiddenSizes = [500, 500, 500]
    return TrainingBenchmarks.model(configuration, pool)
  }

  private static func write(_ model: EnsembleDynamics, to folder: String) throws {
    let archive = Archive()
    try archive.part("model", model)
    let manifest = CheckpointManifest(
      configurationHash: "", settings: JSONObject(), agent: "", environment: "", seed: 0, step: 0)
    try Checkpoint.write(archive, manifest, to: "\(folder)/checkpoint")
  }
}

/// A folder that goes away with the workload.
private final class BenchmarkFolder: Sendable {
  let path = "\(FileManager.default.temporaryDirectory.path)/mbrl-bench-\(UUID().uuidString)"

  init() { try? FileSystem.createFolder(path) }
  deinit { try? FileSystem.removeTree(path) }
}
