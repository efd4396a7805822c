import Support

/// How long imagined rollouts are in the course of a run: from `first` to `last` steps, rounded down, between two
/// moments.
package struct RolloutLength: Configurable, Equatable {
  package var first = 1
  package var last = 1
  /// Environment steps until which it stays at `first`.
  package var from = 0
  /// Environment steps from which on it stays at `last`.
  package var to = 0

  /// Always 1.
  package init() {}

  package mutating func declare(_ fields: Fields) {
    fields.integer("first", &first, in: 1...1000, "imagined steps at the start")
    fields.integer("last", &last, in: 1...1000, "imagined steps at the end")
    fields.integer("from", &from, in: 0...1_000_000_000, "environment steps at which it begins to change")
    fields.integer("to", &to, in: 0...1_000_000_000, "environment steps at which it is `last`")
    if to < from { fields.fault("to", "\(to) comes before from = \(from)") }
  }

  /// ⌊first + (last − first)·clip((step − from)/(to − from), 0, 1)⌋.
  package func value(at step: Int) -> Int {
    if step >= to { return last }
    if step <= from { return first }
    let share = Double(step - from) / Double(to - from)
    return Int((Double(first) + share * Double(last - first)).rounded(.down))
  }

  /// The longest there will be.
  package var longest: Int { max(first, last) }
}
