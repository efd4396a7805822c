import Foundation

import Environments

/// Golden data beside the tests.
enum Fixture {
  /// The path of a file under Tests/Fixtures.
  static func path(_ name: String, file: String = #filePath) -> String {
    URL(fileURLWithPath: file).deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("Fixtures").appendingPathComponent(name).path
  }

  /// The recorded trace of an environment; nil where there is none. The name is the id, with or without its version.
  static func trace(of id: String) throws -> TraceFile? {
    for name in [id, String(id.dropLast(id.hasSuffix("-v0") ? 3 : 0))] {
      let path = path("gymnasium/\(name).jsonl")
      if FileManager.default.fileExists(atPath: path) { return try TraceFile(path: path) }
    }
    return nil
  }
}
