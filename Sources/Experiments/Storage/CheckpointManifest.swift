import Support

/// state.json of a checkpoint: what it belongs to, the checksums of its files, and every scalar of the state.
package struct CheckpointManifest: Equatable, Sendable {
  /// One of the tensor files.
  package struct File: Equatable, Sendable {
    /// Its name in the folder.
    package var name: String
    /// Its size.
    package var bytes: Int
    /// XXH64, as `xxhsum -H64` prints it.
    package var checksum: String
  }

  /// The program that wrote it.
  package var programVersion: String
  /// `ConfigurationIdentity.hash` of the run.
  package var configurationHash: String
  /// The run's resolved configuration: a checkpoint can be evaluated wherever it is copied to.
  package var settings: JSONObject
  /// `agent.type`.
  package var agent: String
  /// `environment.id`.
  package var environment: String
  /// The run's seed.
  package var seed: Int
  /// Completed environment steps.
  package var step: Int
  /// When, UTC.
  package var created: String
  /// What the agent tells of itself.
  package var facts: [(name: String, value: String)]
  /// Bytes of each CSV file at this step; a resumed run goes on from there.
  package var offsets: [(name: String, offset: Int)]
  /// The segments of each log beside the checkpoints; see `LogFolder`.
  package var logs: [(name: String, value: String)]
  /// The tensor files.
  package var files: [File]
  /// Every scalar of the state, as text.
  package var scalars: [(name: String, value: String)]

  /// A manifest whose scalars and files are filled in when it is written.
  package init(
    programVersion: String = Version.program, configurationHash: String, settings: JSONObject, agent: String,
    environment: String, seed: Int, step: Int, created: String = Clock.timestamp(),
    facts: [(name: String, value: String)] = [], offsets: [(name: String, offset: Int)] = [],
    logs: [(name: String, value: String)] = [], files: [File] = [], scalars: [(name: String, value: String)] = []
  ) {
    self.programVersion = programVersion
    self.configurationHash = configurationHash
    self.settings = settings
    self.agent = agent
    self.environment = environment
    self.seed = seed
    self.step = step
    self.created = created
    self.facts = facts
    self.offsets = offsets
    self.logs = logs
    self.files = files
    self.scalars = scalars
  }

  /// Steps before the last one of every lane: from as many on a run of this length is complete.
  package var stepBefore: Int {
    scalars.first { $0.name == "run.progress.stepBefore" }.flatMap { Int($0.value) } ?? step
  }

  /// Its name in a checkpoint's folder.
  package static let fileName = "state.json"
  /// What the document calls itself.
  package static let format = "mbrl checkpoint"

  /// Equal documents.
  package static func == (left: CheckpointManifest, right: CheckpointManifest) -> Bool { left.json == right.json }

  /// The document, its own checksum last.
  package var text: String {
    var document = json
    document.members.append(("checksum", .string(FileChecksum.of(Array(JSON.object(json).compactText.utf8)))))
    return JSON.object(document).prettyText
  }

  private var json: JSONObject {
    JSONObject([
      ("format", .string(CheckpointManifest.format)),
      ("version", .integer(Version.checkpoint)),
      ("program", .string(programVersion)),
      ("configuration", .string(configurationHash)),
      ("settings", .object(settings)),
      ("agent", .string(agent)),
      ("environment", .string(environment)),
      ("seed", .integer(seed)),
      ("step", .integer(step)),
      ("created", .string(created)),
      ("facts", CheckpointManifest.object(facts) { .string($0) }),
      ("offsets", .object(JSONObject(offsets.map { ($0.name, .integer($0.offset)) }))),
      ("logs", CheckpointManifest.object(logs) { .string($0) }),
      (
        "files",
        .object(
          JSONObject(
            files.map {
              ($0.name, .object(JSONObject([("bytes", .integer($0.bytes)), ("xxh64", .string($0.checksum))])))
            }))
      ),
      ("scalars", CheckpointManifest.object(scalars) { .string($0) }),
    ])
  }

  private static func object(
    _ pairs: [(name: String, value: String)], _ value: (String) -> JSON
  ) -> JSON { .object(JSONObject(pairs.map { ($0.name, value($0.value)) })) }
}

extension CheckpointManifest {
  /// Why a document is no manifest that this program can use.
  package struct Fault: Error, Equatable, CustomStringConvertible {
    package var description: String
    /// Another version of the program wrote it: it is not damaged.
    package var isOtherVersion = false
  }

  /// Reads and verifies a document.
  package init(_ document: JSON) throws(Fault) {
    guard var object = document.object, object["format"]?.string == CheckpointManifest.format else {
      throw Fault(description: "not a checkpoint of this program")
    }
    guard let version = object["version"]?.integer else { throw Fault(description: "its version is missing") }
    guard version == Version.checkpoint else {
      throw Fault(
        description: "written in format version \(version) by mbrl \(object["program"]?.string ?? "?"); "
          + "mbrl \(Version.program) reads version \(Version.checkpoint)",
        isOtherVersion: true)
    }
    let checksum = object["checksum"]?.string
    object["checksum"] = nil
    guard checksum == FileChecksum.of(Array(JSON.object(object).compactText.utf8)) else {
      throw Fault(description: "\(CheckpointManifest.fileName) does not have its checksum: damaged or edited")
    }
    guard let program = object["program"]?.string, let hash = object["configuration"]?.string,
      let settings = object["settings"]?.object,
      let agent = object["agent"]?.string, let environment = object["environment"]?.string,
      let seed = object["seed"]?.integer, let step = object["step"]?.integer,
      let created = object["created"]?.string, let facts = CheckpointManifest.strings(object["facts"]),
      let scalars = CheckpointManifest.strings(object["scalars"]), let offsets = object["offsets"]?.object,
      let logs = CheckpointManifest.strings(object["logs"]), let files = object["files"]?.object
    else { throw Fault(description: "\(CheckpointManifest.fileName) lacks an entry") }
    self.init(
      programVersion: program, configurationHash: hash, settings: settings, agent: agent, environment: environment,
      seed: seed, step: step, created: created, facts: facts,
      offsets: offsets.members.map { ($0.key, $0.value.integer ?? -1) }, logs: logs,
      files: files.members.map {
        File(
          name: $0.key, bytes: $0.value.object?["bytes"]?.integer ?? -1,
          checksum: $0.value.object?["xxh64"]?.string ?? "")
      }, scalars: scalars)
  }

  private static func strings(_ json: JSON?) -> [(name: String, value: String)]? {
    json?.object?.members.map { ($0.key, $0.value.string ?? "") }
  }
}
