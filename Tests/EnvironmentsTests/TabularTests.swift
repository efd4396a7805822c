import Foundation
import Support
import Testing

import Environments

/// An environment with options, as a configuration names them.
func tabular(_ id: String, _ options: String = "{}") throws -> any Environment {
  guard case .object(var object) = try JSONParser.parse(options) else { throw TraceError(line: nil, message: options) }
  object.members.insert(("id", .string(id)), at: 0)
  var configuration = EnvironmentConfiguration()
  let fields = Fields.read(&configuration, from: object)
  #expect(fields.faults == [])
  return try configuration.make()
}

/// What a table says, of an environment that has one.
extension Environment {
  var table: TransitionTable { tabular!.table }
  var currentState: Int { tabular!.currentState }
  func transitions(from state: Int, taking action: Int) -> [TableOutcome] {
    tabular!.transitions(from: state, taking: action)
  }
  func text(_ style: StateTextStyle = .plain) -> String { tabular!.text(style) }
  func text(of state: Int, after lastAction: Int?, style: StateTextStyle) -> String {
    tabular!.text(of: state, after: lastAction, style: style)
  }
}

extension TableReport {
  init(_ file: TableFile, against environment: any Environment) throws {
    try self.init(file, against: environment.tabular!, of: environment.specification)
  }
}

@Suite("tabular environments")
struct TabularTests {
  /// Episodes of Gymnasium 1.4.0 from `reset(seed:)` on, with its own `ansi` pictures of the first and the last state.
  private struct Rollout: Decodable {
    struct Options: Codable {
      var isSlippery: Bool?
      var successRate: Double?
      var map: String?
      var isRainy: Bool?
    }
    var env: String
    var options: Options
    var seed: UInt64
    var actions: [Int]
    var states: [Int]
    var rewards: [Double]
    var terminated: [Bool]
    var first_text: String
    var last_text: String
  }

  @Test("episodes are Gymnasium's from the seed on, pictures included")
  func rollouts() throws {
    let text = try String(contentsOfFile: Fixture.path("gymnasium/tabular-rollouts.jsonl"), encoding: .utf8)
    let rollouts = try text.split(separator: "\n").map { try JSONDecoder().decode(Rollout.self, from: Data($0.utf8)) }
    #expect(rollouts.count == 32 && Set(rollouts.map(\.env)).count == 5)
    for rollout in rollouts {
      let options = String(decoding: try JSONEncoder().encode(rollout.options), as: UTF8.self)
      var environment = try tabular(rollout.env, options)
      let place: Comment = "\(rollout.env) \(options), seed \(rollout.seed)"
      try environment.reset(seed: rollout.seed)
      #expect(environment.text(.ansi) == rollout.first_text, place)
      var states = [environment.currentState]
      var rewards: [Double] = []
      var flags: [Bool] = []
      for action in rollout.actions {
        let outcome = try environment.step(.discrete(action))
        states.append(environment.currentState)
        rewards.append(outcome.reward)
        flags.append(outcome.isTerminated)
      }
      #expect(states == rollout.states, place)
      #expect(rewards == rollout.rewards && flags == rollout.terminated, place)
      #expect(environment.text(.ansi) == rollout.last_text, place)
    }
  }

  @Test("FrozenLake without slipping has Gymnasium's table")
  func notSlippery() throws {
    let recording = try Recording(path: Fixture.path("gymnasium/FrozenLake-v1-is_slippery=False.jsonl"))
    guard case .table(let file) = recording else { throw TraceError(line: 1, message: "not a table") }
    let report = try TableReport(file, against: try tabular("FrozenLake-v1", #"{"isSlippery": false}"#))
    #expect(report.passes && report.pairs == 64 && report.outcomes == 64, "\(report)")
    let slippery = try TableReport(file, against: try tabular("FrozenLake-v1"))
    #expect(!slippery.passes && slippery.failedLines.count == 44, "\(slippery)")
  }

  @Test(
    "a table that differs in one bit is found, with its line",
    arguments: [
      (#""probability": 0.33333333333333337, "next_state": 0"#, #""probability": 0.3333333333333333, "next_state": 0"#),
      (#""next_state": 4"#, #""next_state": 5"#), (#""reward": 0.0"#, #""reward": 1e-300"#),
      (#""terminated": false"#, #""terminated": true"#), (#""action": 0"#, #""action": 7"#),
      (#""initial": {"0": 1.0}"#, #""initial": {"1": 1.0}"#), (#""discrete": 16"#, #""discrete": 17"#),
    ])
  func wrongTables(old: String, new: String) throws {
    let text = try String(contentsOfFile: Fixture.path("gymnasium/FrozenLake-v1.jsonl"), encoding: .utf8)
    let range = try #require(text.range(of: old))
    let file = try TableFile(Data(text.replacingCharacters(in: range, with: new).utf8))
    let report = try TableReport(file, against: try tabular("FrozenLake-v1"))
    #expect(!report.passes, "\(report)")
    if old.contains("reward") { #expect(report.failedLines == [2] && report.differences[0].hasPrefix("line 2: ")) }
  }

  @Test("a map, a wall or a place that cannot be is named")
  func faults() {
    func faults(_ id: String, _ name: String, _ value: JSON) -> [String] {
      var configuration = EnvironmentConfiguration()
      let object = JSONObject([("id", .string(id)), (name, value)])
      return Fields.read(&configuration, from: object).faults.map(\.description)
    }
    #expect(
      faults("FrozenLake-v1", "map", .string("SFG/FF")) == ["map: the rows of \"SFG/FF\" are not all of one length"])
    #expect(faults("FrozenLake-v1", "map", .string("FFG")) == ["map: \"FFG\" has no start S"])
    #expect(faults("FrozenLake-v1", "map", .string("5x5")).first?.hasPrefix("map: \"5\" means nothing") == true)
    #expect(faults("GridWorld-v0", "width", .integer(3)) == ["goal: (4, 4) is outside the 3×5 places"])
    #expect(faults("GridWorld-v0", "walls", .array([.integer(4), .integer(4)])) == ["goal: (4, 4) is a wall"])
    #expect(faults("GridWorld-v0", "walls", .array([.integer(1)])).first?.contains("an x and a y") == true)
  }

  @Test("GridWorld: up raises y, borders and walls hold, +1 at the goal")
  func gridWorld() throws {
    var world = try tabular("GridWorld-v0", #"{"walls": [1, 0]}"#)
    func place(_ action: Int, from: (x: Int, y: Int)) throws -> [Int] {
      world.physicalState = PhysicalState([Double(from.y * 5 + from.x)])
      let outcome = try world.step(.discrete(action))
      let isGoal = world.currentState == 24
      #expect(outcome == Outcome(reward: isGoal ? 1 : 0, isTerminated: isGoal))
      return [world.currentState % 5, world.currentState / 5]
    }
    #expect(try place(0, from: (1, 1)) == [1, 2] && place(1, from: (2, 2)) == [2, 1])
    #expect(try place(2, from: (0, 2)) == [0, 2] && place(3, from: (0, 0)) == [0, 0])
    #expect(try place(3, from: (3, 4)) == [4, 4] && place(0, from: (4, 3)) == [4, 4])
    try world.reset(seed: 1)
    #expect(world.text() == "\n....G\n.....\n.....\n.....\n@#...\n")
    #expect(world.text(.ansi).contains("\u{1b}[41mS\u{1b}[0m#..."))
    let slippery = try tabular("GridWorld-v0", #"{"slip": 0.2}"#)
    #expect(slippery.transitions(from: 12, taking: 0).map(\.probability) == [0.8, 0.1, 0.1])
    #expect(slippery.transitions(from: 12, taking: 0).map(\.nextState) == [17, 11, 13])
  }

  @Test(
    "a maze changes after its step of the whole run, and a checkpoint knows it",
    arguments: [
      ("BlockingMaze-v0", 1000), ("ShortcutMaze-v0", 3000),
    ])
  func changes(id: String, changeAt: Int) throws {
    var maze = try tabular(id)
    try maze.reset(seed: 0)
    let before = maze.text()
    var made = 0
    while made < changeAt {
      #expect(maze.text(of: 48, after: nil, style: .plain) == before, "step \(made)")
      let archive = Archive()
      if made == changeAt - 1 {
        try maze.archive(archive)
        var restored: any Environment = try tabular(id)
        try restored.archive(Archive(scalars: archive.scalars, tensors: archive.tensors))
        _ = try restored.step(.discrete(0))
        #expect(restored.text(of: 48, after: nil, style: .plain) != before)
      }
      _ = try maze.step(.discrete(0))
      made += 1
      if made % 40 == 0 { try maze.reset(seed: UInt64(made)) }
    }
    let after = maze.text(of: 48, after: nil, style: .plain)
    let (wallBefore, wallAfter) = id == "BlockingMaze-v0" ? ("########.", ".########") : (".########", ".#######.")
    #expect(before.contains("\n\(wallBefore)\n") && after.contains("\n\(wallAfter)\n"))
    try maze.reset(seed: 5)
    #expect(maze.text() == after)
  }
}
