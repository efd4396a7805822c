import Foundation
import Support

/// run.json of one seed: how it was started, where, and when; one entry per session.
package enum RunRecord {
  /// How the program was called.
  package struct Call: Sendable {
    /// The program's arguments, its own name first.
    package var arguments: [String]
    /// The file that was given.
    package var configurationPath: String
    /// "key.path=value", in order.
    package var overrides: [String]
  }

  /// Adds a session that starts now. The `origin` of a run that branches off another one stays for ever.
  package static func begin(
    _ path: String, call: Call, configurationHash: String, seed: Int, step: Int, threads: Int,
    origin: RunOrigin.Checkpoint? = nil, environment: [(name: String, value: String)] = []
  ) throws(FileError) {
    var session: JSONObject = [
      "started": .string(Clock.timestamp()), "stopped": .null, "firstStep": .integer(step), "lastStep": .null,
      "outcome": .null, "processorSeconds": .null, "arguments": .texts(call.arguments),
      "overrides": .texts(call.overrides),
      "configuration": .string(call.configurationPath), "git": .text(GitRevision.of(call.configurationPath)),
      "program": .string("mbrl \(Version.program)"), "compiler": .string(Machine.compiler),
      "system": .string(Machine.operatingSystem), "processor": .string(Machine.processor),
      "instructionSet": .string(Machine.instructionSet), "cores": .integer(Machine.cores),
      "threads": .integer(threads), "host": .string(LockFile.hostName),
      "process": .integer(Int(ProcessInfo.processInfo.processIdentifier)),
    ]
    if !environment.isEmpty {
      session["environment"] = .object(JSONObject(environment.map { ($0.name, .string($0.value)) }))
    }
    let old = (try? JSONParser.read(path))?.object
    var document: JSONObject = [
      "version": .integer(Version.runDirectory), "seed": .integer(seed),
      "configurationHash": .string(configurationHash),
    ]
    if let origin = old?["origin"] ?? origin?.json { document["origin"] = origin }
    document["sessions"] = .array((old?["sessions"]?.array ?? []) + [.object(session)])
    try FileSystem.writeAtomically(JSON.object(document).prettyText, to: path)
  }

  /// Completes the session that `begin` added; one that was killed never learns what is null in it.
  package static func end(
    _ path: String, step: Int, outcome: String, processorSeconds: Double
  ) throws(FileError) {
    guard var document = (try? JSONParser.read(path))?.object else { return }
    var sessions = readSessions(path)
    guard var last = sessions.popLast()?.object else { return }
    last["stopped"] = .string(Clock.timestamp())
    last["lastStep"] = .integer(step)
    last["outcome"] = .string(outcome)
    last["processorSeconds"] = .finite(RunFiles.rounded(processorSeconds))
    sessions.append(.object(last))
    document["sessions"] = .array(sessions)
    try FileSystem.writeAtomically(JSON.object(document).prettyText, to: path)
  }

  private static func readSessions(_ path: String) -> [JSON] {
    (try? JSONParser.read(path))?.object?["sessions"]?.array ?? []
  }
}
