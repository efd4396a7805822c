import Experiments
import Support
import TestSupport

/// Run directories as `train` leaves them, as far as reports read them.
final class RunFolder {
  let folder = TemporaryFolder()

  /// One seed of a run.
  struct Seed {
    /// (step, mean, seconds).
    var curve: [(Int, Double, Double)]
    var state = RunStatus.State.done
    var reason: String?
  }

  /// Makes a run; its path.
  @discardableResult
  func run(
    _ path: String, task: String = "Pendulum-v1", name: String? = nil, settings: JSONObject = ["type": "sac"],
    _ seeds: [Seed]
  ) throws -> String {
    let directory = "\(folder.path)/\(path)"
    for (number, seed) in seeds.enumerated() {
      let place = "\(directory)/seed-\(number)"
      try FileSystem.createFolder(place)
      let rows = seed.curve.map { step, mean, seconds -> [CSVFile.Cell?] in
        var row = EvaluationRow()
        (row.step, row.mean, row.seconds) = (step, mean, seconds)
        return row.cells
      }
      try write(CSVFile.bytes(EvaluationRow.columns, rows), "\(place)/eval.csv")
      let progress = seed.curve.map { step, _, seconds -> [CSVFile.Cell?] in
        [.integer(step), .integer(2 * step), .number(1 / Double(step)), .number(seconds)]
      }
      try write(CSVFile.bytes(["env_step", "updates", "critic_loss", "wall_s"], progress), "\(place)/progress.csv")
      let step = seed.curve.last?.0 ?? 0
      let status: JSON = [
        "status": .string(seed.state.rawValue), "step": .integer(step), "total": .integer(500),
        "reason": .text(seed.reason),
      ]
      try FileSystem.writeAtomically(status.prettyText, to: "\(place)/status.json")
      let record: JSON = [
        "version": .integer(1), "seed": .integer(number),
        "sessions": [
          [
            "started": "2026-01-01T00:00:00Z", "stopped": "2026-01-01T01:00:00Z", "processorSeconds": .integer(60),
            "program": "mbrl 0", "host": .string("host-\(number)"), "arguments": ["mbrl", "train", "a b.json"],
          ]
        ],
      ]
      try FileSystem.writeAtomically(record.prettyText, to: "\(place)/run.json")
    }
    try RunDirectory(directory).writeConfiguration([
      "name": .string(name ?? path.split(separator: "/").last.map(String.init) ?? path),
      "environment": ["id": .string(task)], "agent": .object(settings),
    ])
    return directory
  }

  private func write(_ bytes: [UInt8], _ path: String) throws {
    try FileSystem.writeAtomically(String(decoding: bytes, as: UTF8.self), to: path)
  }
}
