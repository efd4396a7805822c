/// "Did you mean": the known name nearest to a mistyped one.
package enum Suggestion {
  /// "; did you mean \"population\"?", or `otherwise` where no name is near enough to be meant.
  package static func didYouMean(_ name: String, among names: [String], otherwise: String = "") -> String {
    nearest(name, among: names).map { "; did you mean \"\($0)\"?" } ?? otherwise
  }

  /// The nearest name within a third of the longer length (at least 1 edit, but never every letter), the first of
  /// equals; letter case is free.
  package static func nearest(_ name: String, among names: [String]) -> String? {
    guard name.utf8.count <= 100 else { return nil }
    let typed = Array(name.lowercased())
    var best: (name: String, distance: Int)?
    for candidate in names {
      let known = Array(candidate.lowercased())
      let distance = editDistance(typed, known)
      let allowed = max(1, max(typed.count, known.count) / 3)
      let isWhollyOther = distance >= max(typed.count, known.count)
      if distance <= allowed, !isWhollyOther, distance < best?.distance ?? Int.max { best = (candidate, distance) }
    }
    return best?.name
  }

  /// Insertions, deletions, substitutions and swaps of neighbours (optimal string alignment).
  static func editDistance(_ left: [Character], _ right: [Character]) -> Int {
    if left.isEmpty || right.isEmpty { return max(left.count, right.count) }
    var beforePrevious = [Int](repeating: 0, count: right.count + 1)
    var previous = Array(0...right.count)
    for i in 1...left.count {
      var current = [i] + [Int](repeating: 0, count: right.count)
      for j in 1...right.count {
        let substitution = previous[j - 1] + (left[i - 1] == right[j - 1] ? 0 : 1)
        current[j] = min(previous[j] + 1, current[j - 1] + 1, substitution)
        if i > 1, j > 1, left[i - 1] == right[j - 2], left[i - 2] == right[j - 1] {
          current[j] = min(current[j], beforePrevious[j - 2] + 1)
        }
      }
      beforePrevious = previous
      previous = current
    }
    return previous[right.count]
  }
}
