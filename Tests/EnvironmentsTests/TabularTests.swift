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

@Suite("tabular environments")
struct TabularTests {
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
