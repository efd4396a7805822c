import Support

/// Numbers about scores of several runs on one or more tasks (Agarwal et al. 2021, as their package has them). Scores
/// are [task][run]; what is called a task mean is over its runs.
package enum ScoreStatistics {
  /// The mean of the middle half: int(n/4) numbers are dropped at each end.
  package static func interquartileMean(_ numbers: [Double]) -> Double {
    let sorted = numbers.sorted()
    let cut = Int(0.25 * Double(sorted.count))
    return mean(sorted[cut..<sorted.count - cut])
  }

  /// Of at least one number.
  package static func mean(_ numbers: some Collection<Double>) -> Double {
    numbers.reduce(0, +) / Double(numbers.count)
  }

  /// γ − the mean of all scores, of which what is above γ counts as γ.
  package static func optimalityGap(_ scores: [[Double]], gamma: Double) -> Double {
    gamma - mean(scores.flatMap { $0.map { min($0, gamma) } })
  }

  /// The share of all scores that are above each of some levels.
  package static func profile(_ scores: [[Double]], at levels: [Double]) -> [Double] {
    let all = scores.flatMap { $0 }
    return levels.map { level in Double(all.count { $0 > level }) / Double(all.count) }
  }

  /// The chance that a run of `x` is better than one of `y` on a task, ties by half, averaged over the tasks
  /// (Mann & Whitney's U over the number of pairs).
  package static func probabilityOfImprovement(_ x: [[Double]], over y: [[Double]]) -> Double {
    mean(
      zip(x, y).map { x, y in
        var wins = 0.0
        for left in x { for right in y { wins += left > right ? 1 : left == right ? 0.5 : 0 } }
        return wins / Double(x.count * y.count)
      })
  }

  /// The number below which a share of sorted ones lies, between two neighbours in proportion; where one of them is
  /// infinite, the nearer one.
  package static func percentile(_ share: Double, ofSorted sorted: [Double]) -> Double {
    let place = share * Double(sorted.count - 1)
    let below = Int(place)
    let (low, part) = (sorted[below], place - Double(below))
    guard part > 0 else { return low }
    let high = sorted[below + 1]
    if low == high { return low }
    guard low.isFinite && high.isFinite else { return part < 0.5 ? low : high }
    return low + part * (high - low)
  }
}

/// What a statistic would be on other runs of the same kind: percentile intervals of resamples with replacement, in
/// which every task keeps its number of runs. The same scores have the same interval.
package struct Bootstrap: Sendable {
  /// Of a statistic.
  package struct Interval: Equatable, Sendable {
    package var low, high: Double

    package init(low: Double, high: Double) { (self.low, self.high) = (low, high) }
  }

  package var resamples = 50_000
  /// How much of the resamples lies within an interval.
  package var share = 0.95

  package init() {}

  /// The intervals of some numbers about several groups, [group][task][run], that `statistics` computes at once.
  package func intervals(
    of groups: [[[Double]]], _ statistics: ([[[Double]]]) -> [Double]
  ) -> [Interval] {
    var random = RandomStream(seed: 0).stream("bootstrap")
    var resampled = groups
    var found: [[Double]] = []
    for _ in 0..<resamples {
      for (group, tasks) in groups.enumerated() {
        for (task, runs) in tasks.enumerated() {
          for run in runs.indices { resampled[group][task][run] = runs[random.integer(below: runs.count)] }
        }
      }
      for (index, value) in statistics(resampled).enumerated() {
        if found.count == index { found.append([]) }
        found[index].append(value)
      }
    }
    return found.map { values in
      let sorted = values.sorted()
      return Interval(
        low: ScoreStatistics.percentile((1 - share) / 2, ofSorted: sorted),
        high: ScoreStatistics.percentile((1 + share) / 2, ofSorted: sorted))
    }
  }
}
