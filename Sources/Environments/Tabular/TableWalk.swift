import Support

/// The state of an environment that is nothing but its table: where it is, and what will be drawn next.
package struct TableWalk: Sendable, Archivable {
  package var state = 0
  /// The last action; -1 after a reset.
  package var action = -1
  private var random = NumPyRandom(seed: 0)

  /// Before the first reset.
  package init() {}

  /// Starts an episode with Gymnasium's draws for that seed.
  package mutating func reset(in table: TransitionTable, seed: UInt64) {
    random = NumPyRandom(seed: seed)
    state = table.initialState(at: random.unit())
    action = -1
  }

  /// Draws what the action does. A sure outcome uses up a number too, as in Gymnasium.
  @inline(__always)
  package mutating func step(in table: TransitionTable, _ action: Int) -> Outcome {
    let drawn = table.outcome(from: state, taking: action, at: random.unit())
    state = drawn.nextState
    self.action = action
    return Outcome(reward: drawn.reward, isTerminated: drawn.isTerminated)
  }

  package mutating func archive(_ archive: Archive) throws {
    try archive.value("state", &state)
    try archive.value("action", &action)
    try archive.part("random", &random)
  }

  /// A damaged file must not lead out of the table.
  package func check(in table: TransitionTable) throws(EnvironmentError) {
    guard (0..<table.stateCount).contains(state), action < table.actionCount else {
      throw .failed("the archived state \(state) is not one of \(table.stateCount)")
    }
  }
}

/// A tabular environment made of a table and a walk through it: its file gives the table, its pictures and its words.
package protocol TableEnvironment: TabularTask, ConfigurableEnvironment {
  var walk: TableWalk { get set }
}

extension TableEnvironment {
  package var tabular: (any TabularTask)? { self }
  package var sketch: Sketch? { map }
  package var currentState: Int { walk.state }
  package var lastAction: Int? { walk.action < 0 ? nil : walk.action }

  package mutating func reset(seed: UInt64) { walk.reset(in: table, seed: seed) }

  package mutating func step(_ action: Action) throws -> Outcome {
    let table = table
    return walk.step(in: table, try action.index(below: table.actionCount))
  }

  /// [index of the state]
  package func observe(into observation: UnsafeMutableBufferPointer<Float>) { observation[0] = Float(walk.state) }

  /// [index of the state]
  package var state: [Double] {
    get { [Double(walk.state)] }
    set {
      precondition(newValue.count == 1, "a tabular state has 1 value")
      let index = Int(exactly: newValue[0]) ?? -1
      precondition((0..<table.stateCount).contains(index), "\(newValue[0]) is no state")
      walk.state = index
    }
  }

  package mutating func archive(_ archive: Archive) throws {
    try walk.archive(archive)
    try walk.check(in: table)
  }
}
