import Experiments
import Support

/// What `mbrl inspect` shows of a checkpoint.
package struct Inspection {
  package var checkpoint: Checkpoint

  /// Reads and verifies.
  package init(_ path: String) throws(ExperimentError) { checkpoint = try Checkpoint.read(path) }

  /// For people: what it is and its weights; with `all` everything, counters and the tensors of other state too.
  package func lines(all: Bool = false) -> [String] {
    let manifest = checkpoint.manifest
    var lines = [
      "checkpoint     \(checkpoint.path)",
      "agent          \(manifest.agent) on \(manifest.environment)",
      "seed, step     \(manifest.seed), \(manifest.step)",
      "configuration  \(manifest.configurationHash.prefix(10))",
      "written        \(manifest.created) by mbrl \(manifest.programVersion), format \(Version.checkpoint)",
      "files          \(manifest.files.map { "\($0.name) \(FileSystem.byteCount($0.bytes))" }.joined(separator: ", "))",
    ]
    lines += manifest.logs.map { "log            \($0.name) \($0.value)" }
    lines += [""] + Inspection.aligned(manifest.facts)
    if all { lines += ["", "counters"] + Inspection.aligned(counters).map { "  " + $0 } }
    let tensors = checkpoint.tensors.filter { all || $0.tensor.isWeight }
    if !tensors.isEmpty {
      var table = TextTable(["tensor", "type", "shape", "bytes", "file"], rightAligned: [3])
      for (name, tensor) in tensors {
        table.append([
          name, tensor.elementType.rawValue, "[\(tensor.shape.map(String.init).joined(separator: ", "))]",
          String(tensor.bytes.count), tensor.isWeight ? "weights" : "state",
        ])
      }
      lines += [""] + table.lines
    }
    let rest = checkpoint.tensors.count - tensors.count
    return all ? lines : lines + ["", "\(rest) tensors of other state, \(counters.count) counters: --all shows them"]
  }

  /// The whole numbers among the scalars; random streams and other bit patterns are in `json`.
  private var counters: [(name: String, value: String)] {
    checkpoint.manifest.scalars.filter { Int($0.value) != nil || $0.value == "true" || $0.value == "false" }
  }

  /// Everything for programs, random streams included.
  package var json: JSON {
    let manifest = checkpoint.manifest
    func texts(_ pairs: [(name: String, value: String)]) -> JSON {
      .object(JSONObject(pairs.map { ($0.name, .string($0.value)) }))
    }
    let tensors = checkpoint.tensors.map { name, tensor -> JSON in
      [
        "name": .string(name), "dtype": .string(tensor.elementType.rawValue), "shape": .integers(tensor.shape),
        "bytes": .integer(tensor.bytes.count),
        "file": .string(tensor.isWeight ? Checkpoint.weightsName : Checkpoint.stateName),
      ]
    }
    return [
      "checkpoint": .string(checkpoint.path), "agent": .string(manifest.agent),
      "environment": .string(manifest.environment), "seed": .integer(manifest.seed),
      "env_step": .integer(manifest.step), "configuration": .string(manifest.configurationHash),
      "created": .string(manifest.created), "program": .string(manifest.programVersion),
      "version": .integer(Version.checkpoint), "facts": texts(manifest.facts), "tensors": .array(tensors),
      "logs": texts(manifest.logs), "scalars": texts(manifest.scalars),
    ]
  }

  /// Names padded to the longest one.
  private static func aligned(_ pairs: [(name: String, value: String)]) -> [String] {
    let width = (pairs.map(\.name.count).max() ?? 0) + 2
    return pairs.map { $0.name.padded(to: width) + $0.value }
  }
}
