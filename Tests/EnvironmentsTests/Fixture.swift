import Foundation

import Environments

/// Golden data beside the tests.
enum Fixture {
  /// The path of a file under Tests/Fixtures.
  static func path(_ name: String, file: String = #filePath) -> String {
    URL(fileURLWithPath: file).deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("Fixtures").appendingPathComponent(name).path
  }

  /// The recording of an environment; nil where there is none. The name is the id, with or without its version.
  static func recording(of id: String) throws -> Recording? {
    for name in [id, String(id.dropLast(id.hasSuffix("-v0") ? 3 : 0))] {
      let path = path("gymnasium/\(name).jsonl")
      if FileManager.default.fileExists(atPath: path) { return try Recording(path: path) }
    }
    return nil
  }

  /// The recorded trace of an environment; nil where there is none.
  static func trace(of id: String) throws -> TraceFile? {
    if case .trace(let file) = try recording(of: id) { file } else { nil }
  }

  /// The recorded table of an environment; nil where there is none.
  static func table(of id: String) throws -> TableFile? {
    if case .table(let file) = try recording(of: id) { file } else { nil }
  }
}
