import Support
import TestSupport
import Testing

import Environments

/// Parameterised over the registry: a new environment is tested by its registry line.
@Suite("every registered environment")
struct RegistryTests {
  static let ids = EnvironmentRegistry.ids

  @Test("keeps the contract", arguments: EnvironmentRegistry.availableIDs)
  func contract(id: String) throws {
    let configuration = try #require(EnvironmentConfiguration(id: id))
    let report = try EnvironmentContract.check(configuration.make)
    #expect(report.findings.map(\.description) == [])
    #expect(report.steps == 3000 && report.episodes > 0)
    let expected: Set<ContractReport.Rule> = [
      .specification, .stepping, .observations, .rewards, .determinism, .copies, .archiving, .truncation, .wrongActions,
    ]
    #expect(expected.isSubset(of: report.checked))
  }

  @Test("has a summary, a unique id and options that read without faults", arguments: ids)
  func entry(id: String) throws {
    let specification = try #require(EnvironmentRegistry.specifications.first { $0.id == id })
    #expect(RegistryTests.ids.count { $0 == id } == 1)
    #expect(!specification.summary.isEmpty && !specification.summary.contains("\n"))
    var configuration = EnvironmentConfiguration()
    let fields = Fields.read(&configuration, from: JSONObject([("id", .string(id))]))
    #expect(fields.faults.isEmpty)
    if EnvironmentRegistry.availableIDs.contains(id) {
      #expect(try configuration.make().specification == specification)
    }
    // What is written out reads back as the same.
    let again = Fields.read(&configuration, from: fields.resolved)
    #expect(again.faults.isEmpty && again.resolved == fields.resolved)
  }

  @Test("the recordings of Gymnasium's environments are there")
  func recordings() {
    let files = Fixture.names(in: "gymnasium", suffix: ".jsonl")
    for name in [
      "CartPole-v1", "Pendulum-v1", "MountainCar-v0", "MountainCarContinuous-v0", "Acrobot-v1", "ContinuousCartPole",
      "Reacher-v0", "PushingArm-v0", "FrozenLake-v1", "FrozenLake8x8-v1", "Taxi-v4", "CliffWalking-v1",
      "CliffWalkingSlippery-v1",
    ] {
      #expect(files.contains("gymnasium/\(name).jsonl"))
    }
  }
}

@Suite("environment configuration")
struct EnvironmentConfigurationTests {
  private func read(_ members: [(String, JSON)]) -> (EnvironmentConfiguration, [String]) {
    var configuration = EnvironmentConfiguration()
    let fields = Fields.read(&configuration, from: JSONObject(members), path: "environment")
    return (configuration, fields.faults.map(\.description))
  }

  @Test("reads without faults when nothing is said")
  func defaults() throws {
    let (configuration, faults) = read([])
    #expect(faults.isEmpty)
    #expect(configuration.id == "ContinuousCartPole-v0" && configuration.stepLimit == 200)
    #expect(try configuration.describe().knownDynamics != nil)
  }

  @Test("a mistyped id is answered with the nearest one")
  func mistypedID() {
    let (_, faults) = read([("id", .string("Pendulm-v1"))])
    #expect(faults.count == 1)
    #expect(faults.first?.hasPrefix("environment.id: \"Pendulm-v1\" is not one of") == true)
    #expect(faults.first?.hasSuffix("did you mean \"Pendulum-v1\"?") == true)
  }

  @Test("an option of another environment is known for one, an option out of range is named")
  func options() {
    #expect(
      read([("id", .string("LineWorld-v0")), ("start", .number(JSONNumber(11)))]).1
        == ["environment.start: 11 is out of range; allowed: 0 to 10"])
    let (_, faults) = read([("id", .string("LineWorld-v0")), ("gravity", .number(JSONNumber(9)))])
    let remedy = "remove it, or use environment.id \"Pendulum-v1\""
    #expect(faults == ["environment.gravity: environment.id \"LineWorld-v0\" has no such setting; \(remedy)"])
    let (_, unknown) = read([("id", .string("LineWorld-v0")), ("colour", .number(JSONNumber(9)))])
    #expect(unknown == ["environment.colour: unknown setting; known here: id, start, stepLimit, wrappers"])
  }

  @Test("options and step limit reach the environment")
  func effect() throws {
    let (configuration, faults) = read([
      ("id", .string("LineWorld-v0")), ("start", .number(JSONNumber(5))), ("stepLimit", .number(JSONNumber(2))),
    ])
    #expect(faults.isEmpty)
    var environment = try configuration.make()
    try environment.reset(seed: 0)
    #expect(environment.physicalState?.values == [5])
    let outcomes = try [Float(0), 0].map { try environment.step([$0]) }
    #expect(outcomes.map(\.isTruncated) == [false, true])
  }

  @Test("step limit 0 means none; -1 is a fault")
  func noLimit() throws {
    let (configuration, faults) = read([("stepLimit", .number(JSONNumber(0)))])
    #expect(faults.isEmpty && configuration.stepLimit == nil)
    #expect(try configuration.make().specification.stepLimit == nil)
    #expect(read([("stepLimit", .number(JSONNumber(-1)))]).1.count == 1)
  }
}

extension Environment {
  /// A step with the values of an array.
  mutating func step(_ values: [Float]) throws -> Outcome {
    try values.withUnsafeBufferPointer { try step(.continuous($0)) }
  }
}
