import Support
import TestSupport
import Testing

import Experiments

/// Every mistake is named with its path and remedy, all at once, before anything is written.
@Suite struct ConfigurationTests {
  static let valid = "{\"environment\": {\"id\": \"Pendulum-v1\"}, \"agent\": {\"type\": \"random\"}}"

  static func read(_ text: String, name: String = "test", _ overrides: [String] = []) throws -> ExperimentFile {
    try ExperimentFile.read(try JSONParser.parse(text), name: name, source: "test.json", overrides: overrides)
  }

  static func faults(_ text: String, name: String = "test", _ overrides: [String] = []) throws -> [String] {
    do {
      _ = try read(text, name: name, overrides)
      return []
    } catch ExperimentError.configuration(_, let faults) {
      return faults.map(\.description)
    }
  }

  @Test func theSmallestFileIsEnough() throws {
    let file = try Self.read(Self.valid)
    #expect(file.configuration.name == "test")
    #expect(file.configuration.seeds == [0])
    #expect(file.configuration.training.environmentSteps == 10_000)
    #expect(file.configuration.evaluation.seed == 10_000)
  }

  @Test(arguments: [
    ("{}", ["environment.id: missing; say which task to learn", "agent.type: missing; say which agent learns"]),
    ("[1]", ["expected an object, found an array"]),
    (
      "{\"environment\": {\"id\": \"Pendulum-v2\"}, \"agent\": {\"type\": \"random\"}}",
      ["did you mean \"Pendulum-v1\"?"]
    ),
    ("{\"environment\": {\"id\": \"Pendulum-v1\"}, \"agent\": {\"type\": \"randon\"}}", ["did you mean \"random\"?"]),
    ("{\"environment\": \"Pendulum-v1\", \"agent\": {\"type\": \"random\"}}", ["environment: expected an object"]),
  ])
  func startOfMessages(text: String, expected: [String]) throws {
    let faults = try Self.faults(text)
    #expect(faults.count == expected.count, "\(faults)")
    for (fault, part) in zip(faults, expected) { #expect(fault.contains(part)) }
  }

  @Test(arguments: [
    ("training.environmentSteps=0", "training.environmentSteps: 0 is out of range; allowed: 1 to 1000000000000"),
    ("training.enviromentSteps=5", "training.enviromentSteps: unknown setting; did you mean \"environmentSteps\"?"),
    (
      "training.environmentSteps=1.5",
      "training.environmentSteps: expected a whole number, found 1.5; allowed: 1 to 1000000000000"
    ),
    (
      "training.environmentSteps=1e400",
      "training.environmentSteps: expected a whole number, found 1e400; allowed: 1 to 1000000000000"
    ),
    ("seeds=[1,2,1]", "seeds: 1 stands there twice"),
    ("seeds=[]", "seeds: has 0 elements; expected 1 to 10000"),
    ("seeds=[-1]", "seeds[0]: -1 is out of range; allowed: 0 to 9007199254740991"),
    ("seeds=many", "seeds: expected an array of whole numbers, found \"many\""),
    ("seeds=4-0", "seeds: expected an array of whole numbers, found \"4-0\""),
    ("checkpoint.keep=0", "checkpoint.keep: 0 is out of range; allowed: 1 to 1000000"),
    ("evaluation.every=-1", "evaluation.every: -1 is out of range; allowed: 0 to 1000000000000"),
    ("threads=65", "threads: 65 is out of range; allowed: 0 to 64"),
    ("name=a/b", "name: \"a/b\" cannot name a folder; use up to 100 letters, digits, '.', '_' and '-', not '.' first"),
    ("name=..", "name: \"..\" cannot name a folder; use up to 100 letters, digits, '.', '_' and '-', not '.' first"),
    (
      "environment.stepLimit=0",
      "environment.stepLimit: 0 lets an evaluation go on for ever; set a limit, or evaluation.episodes to 0"
    ),
    ("comment=1", "comment: expected a string, found a number"),
    ("traning.environmentSteps=5", "traning: unknown setting; did you mean \"training\"?"),
  ])
  func oneFault(override: String, message: String) throws {
    #expect(try Self.faults(Self.valid, [override]) == [message])
  }

  @Test func allFaultsAtOnce() throws {
    let faults = try Self.faults(
      """
      {"environment": {"id": "Pendulum-v1", "gravty": 9}, "agent": {"type": "random", "x": 1},
       "training": {"environmentSteps": "many"}, "evaluation": {"episodes": -1}, "speed": 3}
      """)
    #expect(faults.count == 5, "\(faults)")
  }

  @Test func theFileNameMustNameAFolder() throws {
    #expect(
      try Self.faults(Self.valid, name: "my run") == [
        "name: \"my run\" (the file's name) cannot name a folder; use up to 100 letters, digits, '.', '_' and '-', "
          + "not '.' first"
      ])
    #expect(try Self.faults(Self.valid, name: "my run", ["name=mine"]).isEmpty)
  }

  @Test func commentsAndSchemaAreNoSettings() throws {
    let remarked = "{\"$schema\": \"s.json\", \"comment\": \"hello\", " + Self.valid.dropFirst()
    #expect(try Self.read(remarked).resolved == Self.read(Self.valid).resolved)
  }

  @Test func provenance() throws {
    let file = try Self.read(
      Self.valid.dropLast() + ", \"evaluation\": {\"episodes\": 3}}", name: "test", ["training.environmentSteps=1e3"])
    func origin(_ path: String) -> Provenance? { file.entries.first { $0.path == path }?.provenance }
    #expect(origin("evaluation.episodes") == .file)
    #expect(origin("evaluation.every") == .standard)
    #expect(origin("training.environmentSteps") == .override)
    #expect(file.configuration.training.environmentSteps == 1000)
  }

  /// config.json of a run is a configuration like any other.
  @Test func theResolvedTreeReadsBackAsItself() throws {
    let file = try Self.read(Self.valid, name: "other", ["threads=2", "seeds=[3,4]"])
    let again = try ExperimentFile.read(.object(file.resolved), name: "x", source: "config.json")
    #expect(again.resolved == file.resolved)
    #expect(again.configuration.name == "other")
  }

  @Test func identity() throws {
    let standard = ConfigurationIdentity.hash(try Self.read(Self.valid).resolved)
    // A changed hash would orphan everyone's runs: change it knowingly only.
    #expect(standard.count == 64)
    let free = [
      "name=z", "seeds=[1,2]", "threads=2", "training.environmentSteps=77", "checkpoint.every=3", "checkpoint.keep=9",
      "logging.progressEvery=1",
    ]
    for override in free {
      #expect(ConfigurationIdentity.hash(try Self.read(Self.valid, name: "n", [override]).resolved) == standard)
    }
    for override in [
      "training.environments=3", "evaluation.seed=1", "environment.stepLimit=7", "environment.id=CartPole-v1",
    ] {
      #expect(ConfigurationIdentity.hash(try Self.read(Self.valid, name: "n", [override]).resolved) != standard)
    }
    // A run from before there were wrappers is the same as one without any; each one makes it another.
    var old = try Self.read(Self.valid).resolved
    var environment = try #require(old["environment"]?.object)
    #expect(environment["wrappers"]?.object?.members.count == 8)
    environment["wrappers"] = nil
    old["environment"] = .object(environment)
    #expect(ConfigurationIdentity.hash(old) == standard)
    #expect(ConfigurationIdentity.differences(old, try Self.read(Self.valid).resolved).isEmpty)
    for wrapper in [
      "actionRepeat=2", "rescalesActions=true", "frameStack=2", "observesTime=true", "normalizesObservations=true",
      "observationLimit=5", "pixels=16", "observesFeatures=true",
    ] {
      let wrapped = try Self.read(Self.valid, name: "n", ["environment.wrappers.\(wrapper)"]).resolved
      #expect(ConfigurationIdentity.hash(wrapped) != standard)
      #expect(ConfigurationIdentity.differences(old, wrapped).count == 1)
    }
    let shooting = try Self.read(
      #"{"agent": {"type": "random-shooting"}, "environment": {"id": "Pendulum-v1"}}"#
    ).resolved
    var agent = try #require(shooting["agent"]?.object)
    #expect(agent["inverse"]?.object?["epochs"] == .integer(0))
    agent["inverse"] = nil
    old = shooting
    old["agent"] = .object(agent)
    #expect(ConfigurationIdentity.hash(old) == ConfigurationIdentity.hash(shooting))
    // Written differently, the same experiment.
    let spelled =
      "{\"agent\": {\"type\": \"random\"}, \"evaluation\": {\"every\": 1e3}, "
      + "\"environment\": {\"id\": \"Pendulum-v1\"}}"
    #expect(ConfigurationIdentity.hash(try Self.read(spelled).resolved) == standard)
  }

  @Test func differences() throws {
    let old = try Self.read(Self.valid).resolved
    let overrides = ["evaluation.seed=1", "environment.stepLimit=9", "threads=1"]
    let new = try Self.read(Self.valid, name: "n", overrides).resolved
    #expect(
      ConfigurationIdentity.differences(old, new).map(\.description) == [
        "environment.stepLimit: 200 → 9", "evaluation.seed: 10000 → 1",
      ])
  }

  @Test func filesThatCannotBeRead() throws {
    let folder = TemporaryFolder()
    #expect(error { try ExperimentFile.load("\(folder.path)/none.json") }?.exitCode == .configuration)
    try FileSystem.writeAtomically("{\"a\": 1,\n \"a\": 2, }", to: "\(folder.path)/bad.json")
    let bad = try #require(error { try ExperimentFile.load("\(folder.path)/bad.json") })
    #expect("\(bad)".contains("line 2"))
    #expect(bad.exitCode == .configuration)
  }

  @Test func schemaFollowsTheChoice() throws {
    let schema = try ConfigurationText.schema(path: nil, overrides: ["environment.id=Acrobot-v1", "agent.type=random"])
    let properties = try #require(schema.object?["properties"]?.object)
    #expect(properties["environment"]?.object?["properties"]?.object?["stepLimit"]?.object?["default"]?.integer == 500)
    #expect(properties["training"] != nil && properties["comment"] != nil)
  }

  // MARK: config show

  /// What a setting of few values may be stands in its line; without a file the arguments choose.
  @Test func showNamesTheChoices() throws {
    let file = try ConfigurationText.load(
      path: nil, overrides: ["agent.type=pets", "environment.id=Pendulum-v1", "planner.horizon=7"])
    let lines = ConfigurationText.lines(file)
    #expect(
      lines.contains { $0.hasPrefix("planner.type ") && $0.hasSuffix("(cem, icem, mppi, random-shooting, gradient)") })
    #expect(lines.contains { $0.hasPrefix("planner.horizon ") && $0.contains(" 7 ") && $0.contains(" override ") })
    #expect(lines.contains { $0.hasPrefix("model.kind ") && $0.hasSuffix("(probabilistic, deterministic)") })
    #expect(try ConfigurationText.load(path: nil, overrides: []).configuration.agent.type == "random")
    let misspelt = try #require(error { try ConfigurationText.load(path: nil, overrides: ["agent.typ=pets"]) })
    #expect("\(misspelt)".contains("did you mean"))
  }

  /// An editor's byte order mark does no harm.
  @Test func aByteOrderMarkIsTaken() throws {
    let folder = TemporaryFolder()
    let path = folder.write(
      "\u{FEFF}{\"environment\": {\"id\": \"Pendulum-v1\"}, \"agent\": {\"type\": \"random\"}}", to: "a.json")
    #expect(try ExperimentFile.load(path).configuration.environment.id == "Pendulum-v1")
  }
}
