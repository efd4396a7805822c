import Environments
import Support

/// Q(s, a) of every state and action as one flat table, and one more row, always 0, for what comes after the end of the
/// task: a backup through a terminated transition reads that row and needs no test.
package final class ActionValues: ArchivableObject {
  /// States of the environment, without the row of the end.
  package let states: Int
  /// Actions in every state.
  package let actions: Int
  /// [states + 1, actions]; lives as long as the table.
  let base: UnsafeMutablePointer<Double>

  /// A table whose entries are all `initial`, the end's row excepted.
  package init(states: Int, actions: Int, initial: Double = 0) {
    precondition(states >= 1 && actions >= 1, "a table has states and actions")
    self.states = states
    self.actions = actions
    base = .allocate(capacity: (states + 1) * actions)
    base.initialize(repeating: initial, count: states * actions)
    (base + states * actions).initialize(repeating: 0, count: actions)
  }

  deinit { base.deallocate() }

  /// Offset of the row that stands for the end of the task.
  package var endRow: Int { states * actions }

  /// Q(state, action).
  package subscript(state: Int, action: Int) -> Double {
    get { base[state * actions + action] }
    set { base[state * actions + action] = newValue }
  }

  /// max over actions of the row at this offset.
  @inline(__always) func best(_ row: Int) -> Double { greatest(of: base + row, count: actions) }

  /// Σ π(a|s)·Q(s, a) of the row at this offset under the ε-greedy policy; ties share, which changes no expectation.
  @inline(__always) func expectation(_ row: Int, exploration: Double) -> Double {
    var total = 0.0
    for action in 0..<actions { total += base[row + action] }
    return (1 - exploration) * best(row) + exploration * total / Double(actions)
  }

  /// π(action|state) under the ε-greedy policy, ties sharing the greedy part.
  func probability(of action: Int, in state: Int, exploration: Double) -> Double {
    let row = state * actions
    let best = best(row)
    let share = exploration / Double(actions)
    guard base[row + action] == best else { return share }
    var ties = 0
    for other in 0..<actions where base[row + other] == best { ties += 1 }
    return share + (1 - exploration) / Double(ties)
  }

  /// Every action of the greatest value.
  package func greedyActions(_ state: Int) -> [Int] {
    let best = best(state * actions)
    return (0..<actions).filter { self[state, $0] == best }
  }

  /// One of the greedy actions, each with the same probability; takes a draw only where there are several.
  package func greedyAction(_ state: Int, _ random: inout RandomStream) -> Int {
    let row = base + state * actions
    let best = greatest(of: row, count: actions)
    var ties = 0
    var chosen = 0
    for action in 0..<actions where row[action] == best {
      if ties == 0 { chosen = action }
      ties += 1
    }
    guard ties > 1 else { return chosen }
    var place = random.integer(below: ties)
    for action in 0..<actions where row[action] == best {
      if place == 0 { return action }
      place -= 1
    }
    return chosen
  }

  /// Any action with probability ε, else a greedy one.
  func epsilonGreedyAction(_ state: Int, exploration: Double, _ random: inout RandomStream) -> Int {
    if exploration > 0 && random.uniform() < exploration { return random.integer(below: actions) }
    return greedyAction(state, &random)
  }

  package func archive(_ archive: Archive) throws {
    var table = Array(UnsafeBufferPointer(start: base, count: states * actions))
    try archive.array("values", &table, shape: [states, actions], isWeight: true, isFixed: true)
    if archive.mode == .reading { base.update(from: table, count: table.count) }
  }
}

/// The greatest of `count` ≥ 1 numbers.
@inline(__always) func greatest(of row: UnsafePointer<Double>, count: Int) -> Double {
  var best = row[0]
  for index in 1..<count { best = row[index] > best ? row[index] : best }
  return best
}

/// Acts greedily by a table, ties broken at random, and with exploration where it is stochastic.
final class TabularPolicy: RowPolicy {
  private let values: ActionValues
  private let exploration: Double

  init(_ values: ActionValues, exploration: Double) {
    self.values = values
    self.exploration = exploration
  }

  func act(_ observations: Rows, into actions: ActionRows, isStochastic: Bool, _ random: inout RandomStream) {
    for row in 0..<observations.count {
      let action = values.epsilonGreedyAction(
        Int(observations[row, 0]), exploration: isStochastic ? exploration : 0, &random)
      actions.set(row, index: action)
    }
  }
}
