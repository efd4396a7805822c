import Dispatch
import Environments
import Foundation
import Support
import TestSupport
import Testing

/// What can go wrong with a library, a model or a simulation, and what a configuration may say.
@Suite("MuJoCo", .mujoco)
struct MuJoCoTests {
  static let ids = MuJoCoEnvironments().specifications.map(\.id)

  private func make(_ id: String, _ options: (String, JSON)...) throws -> any Environment {
    var configuration = EnvironmentConfiguration()
    let fields = Fields.read(&configuration, from: JSONObject([("id", .string(id))] + options))
    try #require(fields.faults.isEmpty, "\(fields.faults)")
    return try configuration.make()
  }

  private func error(_ body: () throws -> Void) -> String {
    do {
      try body()
      return "no error"
    } catch {
      return "\(error)"
    }
  }

  /// From velocities of 1e9 MuJoCo goes back to its start by itself; without a word, an agent would learn from that.
  @Test("a simulation that diverges is truncated, and keeps what was seen before", arguments: ids)
  func divergence(id: String) throws {
    var environment = try make(id)
    try environment.reset(seed: 1)
    var state = try #require(environment.physicalState)
    guard case .box(let low, _) = environment.specification.actionSpace else { return }
    // Positions, velocities and accelerations, and two numbers more of some.
    let positions = ["Ant-v5": 15, "Humanoid-v5": 24][id] ?? state.values.count / 3
    let velocities = ["Ant-v5": 14, "Humanoid-v5": 23][id] ?? state.values.count / 3
    for index in positions..<positions + velocities { state.values[index] = 1e9 }
    environment.physicalState = state
    var outcomes: [Outcome] = []
    var before = environment.observed
    while outcomes.count < 2, outcomes.last?.isTruncated != true {
      before = environment.observed
      let action = [Float](repeating: 0, count: low.count)
      outcomes.append(try action.withUnsafeBufferPointer { try environment.step(.continuous($0)) })
    }
    #expect(outcomes.last == Outcome(reward: 0, isTerminated: false, isTruncated: true))
    #expect(environment.observed == before)
    // Another episode is as any.
    try environment.reset(seed: 3)
    var other = try make(id)
    try other.reset(seed: 3)
    #expect(environment.observed == other.observed)
    let zeros = [Float](repeating: 0, count: low.count)
    let outcome = try zeros.withUnsafeBufferPointer { try environment.step(.continuous($0)) }
    #expect(!outcome.isTruncated)
  }

  /// mju_error would end the process.
  @Test("what MuJoCo cannot go on from is an error, with its own text")
  func fatalError() throws {
    let folder = TemporaryFolder()
    // A chain that lies on the floor, in memory that is enough to read it and not for its contacts.
    let link = """
      <body pos=".2 0 0"><joint type="hinge" axis="0 1 0"/><geom type="capsule" size=".05" fromto="0 0 0 .2 0 0"/>
      """
    let chain = String(repeating: link, count: 8) + String(repeating: "</body>", count: 8)
    let model = folder.write(
      """
      <mujoco><size memory="2500"/><worldbody><geom type="plane" size="9 9 1"/><body pos="0 0 .02">
      <joint type="slide" axis="1 0 0"/><joint type="slide" axis="0 0 1"/><joint type="hinge" axis="0 1 0"/>
      <geom size=".1"/>\(chain)</body></worldbody></mujoco>
      """, to: "small.xml")
    let text = error {
      var environment = try make("HalfCheetah-v5", ("xmlFile", .string(model)))
      try environment.reset(seed: 0)
    }
    #expect(text.hasPrefix("MuJoCo: mj_stackAlloc: out of memory") && !text.contains("\n"), "\(text)")
    // The library goes on working.
    var environment = try make("HalfCheetah-v5")
    try environment.reset(seed: 0)
    #expect(!FileManager.default.fileExists(atPath: "MUJOCO_LOG.TXT"))
  }

  @Test("a model or a library that is not there is named, with what installs it")
  func missing() throws {
    let remedy = "to install it: scripts/setup-mujoco.sh"
    let folder = TemporaryFolder()
    let nowhere = error { _ = try make("Ant-v5", ("library", .string("/nowhere"))) }
    #expect(nowhere == "there is no libmujoco at /nowhere; \(remedy)")
    let noModel = error { _ = try make("Ant-v5", ("xmlFile", .string("bee.xml"))) }
    #expect(noModel.hasPrefix("there is no model bee.xml in ") && noModel.hasSuffix(remedy), "\(noModel)")
    let text = folder.write("no library", to: "libmujoco.so.4.0.0")
    let damaged = error { _ = try make("Ant-v5", ("library", .string(text))) }
    #expect(damaged.hasPrefix("\(text) cannot be loaded: ") && damaged.hasSuffix(remedy), "\(damaged)")
    let broken = folder.write("<mujoco><worldbody></mujoco>", to: "broken.xml")
    let unread = error { _ = try make("Ant-v5", ("xmlFile", .string(broken))) }
    #expect(unread.hasPrefix("\(broken) is no model that MuJoCo can read: "), "\(unread)")
    let other = error {
      let empty = folder.write("<mujoco><worldbody/></mujoco>", to: "empty.xml")
      _ = try make("Hopper-v5", ("xmlFile", .string(empty)))
    }
    #expect(other.hasSuffix("does not suit the task: it has 0 positions, and 3 are asked for"), "\(other)")
  }

  @Test("a version that nobody knows is refused by its number")
  func unknownVersion() {
    let text = "\(MuJoCoError.unknownVersion("/a/libmujoco.so", 3_010_000))"
    #expect(text.hasPrefix("/a/libmujoco.so is version 3.10.0 of MuJoCo; known here: 4.0.0; "))
    #expect("\(MuJoCoError.unknownVersion("x", 337))".contains("version 3.3.7"))
    #expect("\(MuJoCoError.missing(place: ""))".contains("scripts/setup-mujoco.sh"))
  }

  @Test("options change what is seen")
  func options() throws {
    func size(_ id: String, _ options: (String, JSON)...) throws -> Int {
      var configuration = EnvironmentConfiguration()
      let object = JSONObject([("id", .string(id))] + options)
      try #require(Fields.read(&configuration, from: object).faults.isEmpty)
      return try configuration.make().specification.observationSpace.size
    }
    let off = JSON.bool(false)
    #expect(try size("HalfCheetah-v5", ("excludeCurrentPositionsFromObservation", off)) == 18)
    #expect(try size("Swimmer-v5", ("excludeCurrentPositionsFromObservation", off)) == 10)
    // MBPO's.
    #expect(try size("Ant-v5", ("includeCfrcExtInObservation", off)) == 27)
    // As MBPO has it, too.
    let parts = ["Cinert", "Cvel", "QfrcActuator", "CfrcExt"].map { ("include\($0)InObservation", off) }
    var configuration = EnvironmentConfiguration()
    let object = JSONObject([("id", .string("Humanoid-v5"))] + parts)
    try #require(Fields.read(&configuration, from: object).faults.isEmpty)
    #expect(try configuration.make().specification.observationSpace.size == 45)
    let fields = Fields.read(
      &configuration,
      from: JSONObject([("id", .string("Hopper-v5")), ("healthyZRange", .array([.integer(2), .integer(1)]))]))
    #expect(fields.faults.map(\.path) == ["healthyZRange"])
  }

  @Test("simulations on several threads are those of one")
  func threads() throws {
    @Sendable func run(_ seed: UInt64) throws -> [Float] {
      var environment = try #require(EnvironmentConfiguration(id: "Hopper-v5")).make()
      try environment.reset(seed: seed)
      var sampler = ActionSampler(environment.specification.actionSpace, RandomStream(seed: seed))
      for _ in 0..<50 {
        let isOver = try sampler.draw().withAction { try environment.step($0).isOver }
        if isOver { try environment.reset(seed: seed + 100) }
      }
      return environment.observed
    }
    let expected = try (0..<16).map { try run(UInt64($0)) }
    let found = Guarded([Int: [Float]]())
    DispatchQueue.concurrentPerform(iterations: 16) { index in
      let observed = (try? run(UInt64(index))) ?? []
      found.withLock { $0[index] = observed }
    }
    for index in 0..<16 { #expect(found.withLock { $0[index] } == expected[index]) }
  }

  /// Episodes end and begin in between, and lanes are more than threads.
  @Test("a group on any number of threads is a group on one", arguments: ["Hopper-v5", "PusherPETS-v0"])
  func groups(id: String) throws {
    func run(_ pool: ComputePool?) throws -> [Float] {
      let configuration = try #require(EnvironmentConfiguration(id: id))
      let group = try configuration.makeGroup(5, pool: pool) { UInt64(3 * $0) }
      var random = RandomStream(seed: 6)
      var seen: [Float] = []
      for _ in 0..<60 {
        try group.begin()
        for lane in 0..<group.count { group.actions.setUniform(lane, &random) }
        try group.step()
        seen += group.transitions.next.array + group.outcomes.map { Float($0.reward) }
      }
      return seen + group.episode.map(Float.init)
    }
    let expected = try run(nil)
    for threads in 1...3 { #expect(try run(ComputePool(threads: threads)) == expected, "\(threads) threads") }
  }

  /// A reward in the last place: nothing for most, NumPy's rounding for tasks with norms.
  @Test(
    "a recording is held to the bits that are promised",
    arguments: [
      ("HalfCheetah-v5", false), ("Reacher-v5", true),
    ])
  func promises(id: String, allowsRewards: Bool) throws {
    let environment = try make(id)
    guard environment.specification.fidelity != .rounding else { return }
    let header = #"{"env": "\#(id)", "kind": "trace", "max_episode_steps": \#(environment.specification.stepLimit!)}"#
    var played = environment
    try played.reset(seed: 1)
    let start = try #require(played.physicalState)
    guard case .box(let low, _) = environment.specification.actionSpace else { return }
    let action = [Float](repeating: 0.25, count: low.count)
    played.physicalState = start
    let outcome = try action.withUnsafeBufferPointer { try played.step(.continuous($0)) }
    let state = try #require(played.physicalState?.values)
    func report(_ reward: Double, _ state: [Double], _ observation: [Float]) throws -> TraceReport {
      let row = """
        {"kind": "probe", "state": \(start.values), "action": \(action), "next_state": \(state), \
        "observation": \(observation.map(Double.init)), "reward": \(reward), "terminated": false}
        """
      return try TraceReplay.replay(try TraceFile(Data("\(header)\n\(row)\n".utf8)), through: environment)
    }
    let seen = played.observed
    #expect(try report(outcome.reward, state, seen).passes)
    #expect(try report(outcome.reward.nextUp, state, seen).passes == allowsRewards)
    #expect(try !report(outcome.reward + 1e-8, state, seen).passes)
    #expect(try !report(outcome.reward, [state[0].nextUp] + state.dropFirst(), seen).passes)
    #expect(try !report(outcome.reward, state, [seen[0].nextUp] + seen.dropFirst()).passes)
  }
}
