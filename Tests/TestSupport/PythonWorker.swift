import Environments
import Foundation
import Support

/// Pythons for tests of environments in workers. Most tests need python3 alone: Tests/Fixtures/worker holds a small
/// stand-in for gymnasium, with environments that fail as they are told.
package struct PythonWorker: Sendable {
  private let folder = TemporaryFolder()

  package init() {}

  /// Whether there is a python3.
  package static let isThere = search("python3") != nil

  /// A Python that has gymnasium: that of MBRL_TEST_PYTHON, of a virtual environment of scripts/setup-gymnasium.sh, or
  /// python3; nil: none has.
  package static let gymnasium: String? = {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().path
    let environment = ProcessInfo.processInfo.environment
    let made = ((try? FileSystem.list("\(root)/.venv")) ?? []).sorted().filter { $0.hasPrefix("gymnasium-") }
    let candidates =
      [environment["MBRL_TEST_PYTHON"]].compactMap { $0 } + made.map { "\(root)/.venv/\($0)/bin/python" }
      + [search("python3")].compactMap { $0 }
    return candidates.first { python in
      let process = Process()
      process.executableURL = URL(fileURLWithPath: python)
      process.arguments = ["-c", "import gymnasium, numpy"]
      (process.standardError, process.standardOutput) = (FileHandle.nullDevice, FileHandle.nullDevice)
      guard (try? process.run()) != nil else { return false }
      process.waitUntilExit()
      return process.terminationStatus == 0
    }
  }()

  private static func search(_ name: String) -> String? {
    let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
    return folders.map { "\($0)/\(name)" }.first(where: FileManager.default.isExecutableFile)
  }

  /// A Python that finds these folders of Tests/Fixtures/worker before everything else; lives as long as this value.
  package func python(_ parts: String..., of interpreter: String = "python3") -> String {
    let place = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("Fixtures/worker").path
    let path = parts.map { "\(place)/\($0)" }.joined(separator: ":")
    let file = folder.write(
      "#!/bin/sh\nPYTHONDONTWRITEBYTECODE=1 PYTHONPATH='\(path)' exec '\(interpreter)' \"$@\"\n",
      to: "python-\((parts + [interpreter.replacing("/", with: "+")]).joined(separator: "-"))")
    try! FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: file)
    return file
  }

  /// A file that a fault leaves when it has happened.
  package func mark(_ name: String) -> String { folder.file(name) }

  /// The settings of the stand-in's environment.
  package func settings(
    _ kwargs: JSONObject = [:], _ others: JSONObject = [:], parts: [String] = ["fake"]
  ) -> JSONObject {
    var settings: JSONObject = [
      "id": "gymnasium:Point-v0", "python": .string(parts == ["fake"] ? python("fake") : python("fake", "bare")),
      "kwargs": .object(kwargs),
    ]
    for (key, value) in others.members { settings[key] = value }
    return settings
  }

  /// An environment of these settings, with what is wrong with them.
  package static func configuration(_ settings: JSONObject) -> (EnvironmentConfiguration, [String]) {
    var configuration = EnvironmentConfiguration()
    let fields = Fields.read(&configuration, from: settings, path: "environment")
    return (configuration, fields.faults.map(\.description))
  }
}
