import Support
import Testing

import Environments

/// Parameterised over the registry: a new environment is tested by its registry line.
@Suite("every registered environment")
struct RegistryTests {
  static let ids = EnvironmentRegistry.ids

  @Test("keeps the contract", arguments: ids)
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

  @Test("agrees with its recorded trace, the state to the last bit", arguments: ids)
  func trace(id: String) throws {
    guard let trace = try Fixture.trace(of: id) else { return }
    let report = try TraceReplay.replay(trace, through: try #require(EnvironmentConfiguration(id: id)).make())
    #expect(report.passes, "\(report)")
    #expect(report.flagsAtThreshold == 0, "\(report)")
    #expect(report.rollouts > 0 && report.probes == 120)
    // Another platform's libm may round its cosines differently.
    #if os(Linux) && arch(x86_64)
      #expect(report.state == TraceReport.Deviation(), "\(report)")
      #expect(report.reward == TraceReport.Deviation(), "\(report)")
      // NumPy's float32 cosine, used by Acrobot's reset only, is not the C library's.
      if id != "Acrobot-v1" { #expect(report.observationUlps == TraceReport.Deviation(), "\(report)") }
    #endif
  }

  @Test("agrees with its recorded table in every bit", arguments: ids)
  func table(id: String) throws {
    guard let file = try Fixture.table(of: id) else { return }
    let description = try #require(EnvironmentConfiguration(id: id)).describe()
    let environment = try #require(description.tabular)
    let report = try TableReport(file, against: environment, of: description.specification)
    #expect(report.passes, "\(report)")
    #expect(report.pairs == environment.stateCount * environment.actionCount)
  }

  @Test("has a summary, a unique id and options that read without faults", arguments: ids)
  func entry(id: String) throws {
    let specification = try #require(EnvironmentRegistry.specifications.first { $0.id == id })
    #expect(RegistryTests.ids.count { $0 == id } == 1)
    #expect(!specification.summary.isEmpty && !specification.summary.contains("\n"))
    var configuration = EnvironmentConfiguration()
    let fields = Fields.read(&configuration, from: JSONObject([("id", .string(id))]))
    #expect(fields.faults.isEmpty)
    #expect(try configuration.make().specification == specification)
    // What is written out reads back as the same.
    let again = Fields.read(&configuration, from: fields.resolved)
    #expect(again.faults.isEmpty && again.resolved == fields.resolved)
  }

  @Test("the recordings of Gymnasium's environments are there")
  func tracesExist() throws {
    for id in [
      "CartPole-v1", "Pendulum-v1", "MountainCar-v0", "MountainCarContinuous-v0", "Acrobot-v1", "ContinuousCartPole-v0",
    ] {
      #expect(try Fixture.trace(of: id) != nil, "\(id)")
    }
    for id in ["FrozenLake-v1", "FrozenLake8x8-v1", "Taxi-v4", "CliffWalking-v1", "CliffWalkingSlippery-v1"] {
      #expect(try Fixture.table(of: id) != nil, "\(id)")
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

  @Test("an option of another environment is unknown, an option out of range is named")
  func options() {
    #expect(
      read([("id", .string("LineWorld-v0")), ("start", .number(JSONNumber(11)))]).1
        == ["environment.start: 11 is out of range; allowed: 0 to 10"])
    let (_, faults) = read([("id", .string("LineWorld-v0")), ("gravity", .number(JSONNumber(9)))])
    #expect(faults == ["environment.gravity: unknown setting; known here: id, start, stepLimit"])
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
