import Environments
import Support
import TestSupport
import Testing

/// Gymnasium's MuJoCo tasks against recordings of Gymnasium, to the last bit; any file of the kind.
@Suite("MuJoCo's tasks and Gymnasium's", .mujoco)
struct MuJoCoGoldenTests {
  /// Gymnasium's standard options and, by scripts/make-mujoco-episodes.py, others.
  private static let episodes = ["mujoco/episodes.jsonl", "mujoco/options.jsonl"]
  private static let draws = "mujoco/np_random.jsonl"
  static let traces = Fixture.names(in: "mujoco", suffix: ".jsonl").filter { !(episodes + [draws]).contains($0) }

  /// Single steps: every reset, and every step from a recorded state.
  @Test("every step of a recording is the same", arguments: traces)
  func steps(file: String) throws {
    guard !Fixture.isLeftOut(file) else { return print("skipped: \(Fixture.path(file)) is missing") }
    let header = try Fixture.lines(file, limit: 1)[0]
    let id = try header["env"].text
    guard let configuration = EnvironmentConfiguration(id: id) else { throw try header["env"].fault("is no task here") }
    guard case .trace(let trace) = try Recording(path: header.file) else { throw header.fault("is no trace") }
    let report = try TraceReplay.replay(trace, through: try configuration.make())
    #expect(report.passes && report.flagsAtThreshold == 0, "\(report)")
    guard report.rollouts + report.probes > 0 else { throw header.fault("no step follows") }
    #expect(report.state == .init() && report.observationUlps == .init() && report.reward == .init(), "\(report)")
    var environment = try configuration.make()
    for row in trace.rows {
      let place: Comment = "\(header.file): line \(row.line)"
      var reward = 0.0
      switch row.content {
      case .reset(let seed): try environment.reset(seed: seed)
      case .step(let start, let action, let recorded, _):
        environment.physicalState = start
        reward = try action.withAction { try environment.step($0).reward }
        #expect(reward.bitPattern == recorded.bitPattern, place)
      }
      #expect(same(environment.physicalState?.values ?? [], row.state), place)
      // In double precision, which no agent sees.
      #expect(same(environment.precise, row.observation), place)
    }
  }

  private func same(_ left: [Double], _ right: [Double]) -> Bool {
    left.elementsEqual(right) { $0.bitPattern == $1.bitPattern }
  }

  /// Whole episodes and many resets, by their digests.
  @Test("episodes and resets are the same to the end", arguments: episodes)
  func wholeEpisodes(file: String) throws {
    guard !Fixture.isLeftOut(file) else { return print("skipped: \(Fixture.path(file)) is missing") }
    var steps = 0
    for row in try Fixture.lines(file) {
      let (states, observations, rewards): ([Double], [Double], [Double])
      switch try row["kind"].choice("resets", "episode") {
      case "resets":
        (states, observations) = try manyResets(row)
        rewards = []
      default:
        let found = try episode(row)
        (states, observations, rewards) = (found.states, found.observations, found.rewards)
        steps += rewards.count
        #expect(rewards.reduce(0, +) == (try row["return"].double), "\(row.key)")
        #expect(TestDigest.of(rewards) == (try row["reward_sha256"].text), "\(row.key)")
      }
      let singles = observations.flatMap { number in TestDigest.bytes(Float(number).bitPattern.littleEndian) }
      #expect(TestDigest.of(states) == (try row["state_sha256"].text), "\(row.file): \(row.key)")
      #expect(TestDigest.of(observations) == (try row["observation_sha256"].text), "\(row.file): \(row.key)")
      #expect(Digest.sha256(singles) == (try row["observation_float32_sha256"].text), "\(row.file): \(row.key)")
    }
    #expect(steps > 0)
  }

  private func manyResets(_ row: Fixture) throws -> (states: [Double], observations: [Double]) {
    var environment = try environment(row)
    let first = UInt64(try row["first_seed"].integer(in: 0...Int.max))
    var (states, observations): ([Double], [Double]) = ([], [])
    for offset in 0..<UInt64(try row["count"].integer(in: 1...1_000_000)) {
      try environment.reset(seed: first + offset)
      states += environment.physicalState?.values ?? []
      observations += environment.precise
    }
    return (states, observations)
  }

  private func episode(
    _ row: Fixture
  ) throws -> (states: [Double], observations: [Double], rewards: [Double]) {
    var environment = try environment(row)
    var random = NumPyRandom(seed: UInt64(try row["action_seed"].integer(in: 0...Int.max)))
    guard case .box(let low, let high) = environment.specification.actionSpace else { throw row.fault("has no box") }
    try environment.reset(seed: UInt64(try row["seed"].integer(in: 0...Int.max)))
    var (states, observations, rewards) = (environment.physicalState?.values ?? [], environment.precise, [Double]())
    let steps = try row["steps"].integer(in: 1...1_000_000)
    for step in 1...steps {
      let action = zip(low, high).map { Float(random.uniform(Double($0), Double($1))) }
      let outcome = try action.withUnsafeBufferPointer { try environment.step(.continuous($0)) }
      states += environment.physicalState?.values ?? []
      observations += environment.precise
      rewards.append(outcome.reward)
      if step < steps { #expect(!outcome.isOver, "\(row.key), step \(step)") }
      if step == steps {
        #expect(outcome.isTerminated == (try row["terminated"].flag), "\(row.key)")
        #expect(outcome.isTruncated == (try row["truncated"].flag), "\(row.key)")
      }
    }
    return (states, observations, rewards)
  }

  /// The task with its options under the names that they have here: "healthy_reward" is healthyReward.
  private func environment(_ row: Fixture) throws -> any Environment {
    var object = JSONObject([("id", .string(try row["env"].text))])
    for (key, value) in row.json.object?["options"]?.object?.members ?? [] {
      let words = key.split(separator: "_")
      let name = ([words[0].lowercased()] + words.dropFirst().map(\.capitalized)).joined()
      object.members.append((name, value))
    }
    var configuration = EnvironmentConfiguration()
    let faults = Fields.read(&configuration, from: object).faults
    guard faults.isEmpty else { throw row.fault(faults.map(\.description).joined(separator: "; ")) }
    return try configuration.make()
  }
}

/// The observation in double precision, which only tests look at.
private protocol PreciselyObserved { var precise: [Double] { get } }

extension MuJoCoEnvironment: PreciselyObserved { fileprivate var precise: [Double] { observation } }
extension TimeLimit: PreciselyObserved where Base: PreciselyObserved {
  fileprivate var precise: [Double] { base.precise }
}
extension Environment {
  fileprivate var precise: [Double] { (self as? any PreciselyObserved)?.precise ?? [] }
}
