/// How often something that happens every `every` steps falls due while a counter goes from one number to another; no
/// step size jumps over it.
package enum Cadence {
  /// How many multiples of `every` lie in from + 1 ... to; 0 where `every` is 0: never.
  package static func count(every: Int, from: Int, to: Int) -> Int { every > 0 ? to / every - from / every : 0 }

  /// The steps up to the last of these multiples that come after the last multiple before them.
  package static func span(every: Int, from: Int, to: Int) -> Range<Int> {
    every > 0 ? from / every * every..<to / every * every : to..<to
  }

  /// Whether there is one.
  package static func isDue(every: Int, from: Int, to: Int) -> Bool { count(every: every, from: from, to: to) > 0 }
}
