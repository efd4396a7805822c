import Support

/// A list of seeds as people write it: "0-4,7".
package enum SeedList {
  /// What a seed may be: exact in every reader of JSON.
  package static let range = 0...9_007_199_254_740_991
  /// The most seeds one command runs.
  package static let maximumCount = 10_000

  /// "0-4,7" as [0, 1, 2, 3, 4, 7].
  package static func parse(_ text: String) throws(Fault) -> [Int] {
    var seeds: [Int] = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let ends = part.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false).map { seed($0) }
      guard let first = ends[0], let last = ends.count == 1 ? first : ends[1], first <= last else {
        throw Fault(message: "\"\(part)\" is neither a seed nor a range; write them as in 0-4,7")
      }
      guard last - first < maximumCount, seeds.count + last - first < maximumCount else {
        throw Fault(message: "\"\(text)\" has more than \(maximumCount) seeds")
      }
      seeds += first...last
    }
    if let repeated = firstRepeated(seeds) { throw Fault(message: "seed \(repeated) stands there twice") }
    return seeds
  }

  /// The first seed that was there before.
  package static func firstRepeated(_ seeds: [Int]) -> Int? {
    var seen: Set<Int> = []
    return seeds.first { !seen.insert($0).inserted }
  }

  private static func seed(_ text: Substring) -> Int? {
    guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let seed = Int(text),
      range.contains(seed)
    else { return nil }
    return seed
  }
}
