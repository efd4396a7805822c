import Experiments
import Algorithms
import Foundation
import Support

/// A checkpoint of the published ensemble (5 members, 3×500, with Adam's moments) to the disk and back.
enum CheckpointBenchmarks {
  static let all: [Benchmark] = [
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
  ]

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
