import Foundation
import Support

/// One group's curve: a statistic over its seeds at every place, and the bounds between which it would lie with other
/// seeds.
package struct GroupCurve: Sendable {
  package enum Statistic: String, CaseIterable, Sendable {
    /// The mean over the seeds of a task, then over the tasks.
    case mean
    /// The mean of the middle half of all seeds of all tasks.
    case iqm

    package var title: String { self == .mean ? "mean" : "interquartile mean" }

    /// Of scores [task][run].
    func value(_ scores: [[Double]]) -> Double {
      switch self {
      case .mean: ScoreStatistics.mean(scores.map { ScoreStatistics.mean($0) })
      case .iqm: ScoreStatistics.interquartileMean(scores.flatMap { $0 })
      }
    }
  }

  package struct Point: Equatable, Sendable {
    package var x, value: Double
    /// 95 %, of resampled seeds; nil of one seed.
    package var band: Bootstrap.Interval?
    /// How many seeds are there; whether these are all.
    package var seeds: Int
    package var isWhole: Bool
  }

  package var name: String
  /// [task][seed].
  package var seeds: [[SeedCurve]]
  package var points: [Point]
  /// Those of the smallest task.
  package var seedCount: Int { seeds.map(\.count).min() ?? 0 }

  /// More places than these are thinned out.
  private static let mostPlaces = 100
  /// As for profiles.
  private static let resamples = 2000

  /// The curve of seeds, [task][seed]; those without points do not count.
  ///
  /// Its places are those at which any seed has a point: from where all have begun to where fewer than half of a task's
  /// are left. After its end a seed does not count, or, with `holding`, keeps its last value.
  /// - Parameters:
  ///   - isLogarithmic: spreads thinned places so.
  ///   - limit: places beyond it are left out.
  package init(
    _ name: String, _ seeds: [[SeedCurve]], _ statistic: Statistic, holding: Bool = false, isLogarithmic: Bool = false,
    until limit: Double = .infinity
  ) {
    let seeds = seeds.map { $0.filter { !$0.points.isEmpty } }
    (self.name, self.seeds) = (name, seeds)
    guard !seeds.isEmpty, seeds.allSatisfy({ !$0.isEmpty }) else {
      points = []
      return
    }
    let all = seeds.flatMap { $0 }
    let first = all.map { $0.points[0].x }.max()!
    let places = GroupCurve.places(all, from: first, to: limit, isLogarithmic)
    var points: [Point] = []
    for x in places {
      let values = seeds.map { $0.compactMap { $0.value(at: x, holding: holding) } }
      guard zip(values, seeds).allSatisfy({ !$0.isEmpty && 2 * $0.count >= $1.count }) else { break }
      let count = values.reduce(0) { $0 + $1.count }
      var point = Point(x: x, value: statistic.value(values), seeds: count, isWhole: count == all.count)
      if values.contains(where: { $0.count > 1 }) { point.band = GroupCurve.band(values, statistic) }
      points.append(point)
    }
    self.points = points
  }

  /// Where the curve is computed, ascending.
  private static func places(
    _ curves: [SeedCurve], from first: Double, to limit: Double, _ isLogarithmic: Bool
  ) -> [Double] {
    let all = Set(curves.flatMap { $0.points.map(\.x) }).filter {
      $0 >= first && $0 <= limit && (!isLogarithmic || $0 > 0)
    }.sorted()
    guard all.count > mostPlaces, let low = all.first, let high = all.last else { return all }
    return (0..<mostPlaces).map { index in
      let share = Double(index) / Double(mostPlaces - 1)
      if index == mostPlaces - 1 { return high }
      guard isLogarithmic, low > 0 else { return low + (high - low) * share }
      return exp(log(low) + (log(high) - log(low)) * share)
    }
  }

  /// Of [task][run]; every place draws the same seeds.
  static func band(_ values: [[Double]], _ statistic: Statistic) -> Bootstrap.Interval {
    var bootstrap = Bootstrap()
    bootstrap.resamples = resamples
    return bootstrap.intervals(of: [values]) { [statistic.value($0[0])] }[0]
  }
}
