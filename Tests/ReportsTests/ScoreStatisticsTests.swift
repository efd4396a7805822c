import Reports
import Support
import TestSupport
import Testing

/// rliable's own numbers.
@Suite(.golden("neural/statistics.json")) struct ScoreStatisticsGoldenTests {
  private let fixture: Fixture

  init() throws { fixture = try Fixture("neural/statistics.json") }

  /// [run][task] of the file as [task][run].
  private func scores(_ fixture: Fixture) throws -> [[Double]] {
    let runs = try fixture.elements().map { try $0.elements().map { try $0.double } }
    return runs[0].indices.map { task in runs.map { $0[task] } }
  }

  private func isClose(_ got: Double, _ want: Double) -> Bool { abs(got - want) <= 1e-12 * max(1, abs(want)) }

  @Test func aggregates() throws {
    let levels = try fixture["inputs/taus"].elements().map { try $0.double }
    for name in try fixture["inputs/scores"].keys() {
      let (scores, want) = (try scores(fixture["inputs/scores/\(name)"]), try fixture["outputs/point/\(name)"])
      let means = scores.map { ScoreStatistics.mean($0) }
      #expect(isClose(ScoreStatistics.mean(means), try want["mean"].double), "\(name)")
      #expect(isClose(Spread.median(means), try want["median"].double), "\(name)")
      #expect(isClose(ScoreStatistics.interquartileMean(scores.flatMap { $0 }), try want["iqm"].double), "\(name)")
      #expect(isClose(ScoreStatistics.optimalityGap(scores, gamma: 1), try want["optimality_gap"].double), "\(name)")
      for key in try want.keys() where key.hasPrefix("optimality_gap_at_") {
        let gamma = try #require(Double(key.dropFirst("optimality_gap_at_".count)))
        #expect(
          isClose(ScoreStatistics.optimalityGap(scores, gamma: gamma), try want.member(key).double), "\(name) \(key)")
      }
      let profile = try want["performance_profile"].elements(levels.count).map { try $0.double }
      #expect(zip(ScoreStatistics.profile(scores, at: levels), profile).allSatisfy { isClose($0, $1) }, "\(name)")
      let ofMeans = try want["performance_profile_of_task_means"].elements(levels.count).map { try $0.double }
      #expect(zip(ScoreStatistics.profile([means], at: levels), ofMeans).allSatisfy { isClose($0, $1) }, "\(name)")
    }
  }

  @Test func probabilityOfImprovement() throws {
    let (x, y) = (try scores(fixture["inputs/x"]), try scores(fixture["inputs/y"]))
    let want = try fixture["outputs/probability_of_improvement"]
    #expect(isClose(ScoreStatistics.probabilityOfImprovement(x, over: y), try want["x_over_y"].double))
    #expect(isClose(ScoreStatistics.probabilityOfImprovement(y, over: x), try want["y_over_x"].double))
    #expect(isClose(ScoreStatistics.probabilityOfImprovement(x, over: x), try want["x_over_x"].double))
    for (task, want) in try want["x_over_y_per_task"].elements(x.count).enumerated() {
      #expect(isClose(ScoreStatistics.probabilityOfImprovement([x[task]], over: [y[task]]), try want.double))
    }
  }

  /// Within what one drawing of 50,000 resamples differs from another by.
  @Test func intervals() throws {
    for name in try fixture["outputs/iqm_interval"].keys() {
      let want = try fixture["outputs/iqm_interval/\(name)"]
      let scores = try scores(fixture["inputs/scores/\(name)"])
      func interval() -> Bootstrap.Interval {
        Bootstrap().intervals(of: [scores]) { [ScoreStatistics.interquartileMean($0[0].flatMap { $0 })] }[0]
      }
      let (found, tolerance) = (interval(), try want["absolute_tolerance"].double)
      #expect(abs(found.low - (try want["iqm_low"].double)) <= tolerance, "\(name): \(found)")
      #expect(abs(found.high - (try want["iqm_high"].double)) <= tolerance, "\(name): \(found)")
      #expect(found == interval())
    }
  }

  /// A curve's statistic and band at a place are those of the scores there; its 2,000 resamples scatter five times as
  /// much as 50,000 do.
  @Test func bandsOfCurves() throws {
    for name in try fixture["outputs/iqm_interval"].keys() {
      let (want, scores) = (try fixture["outputs/iqm_interval/\(name)"], try scores(fixture["inputs/scores/\(name)"]))
      let seeds = scores.map { task in
        task.enumerated().map { SeedCurve(seed: $0, points: [.init(1, $1 - 1), .init(2, $1)]) }
      }
      let point = try #require(GroupCurve("", seeds, .iqm).points.last)
      let band = try #require(point.band)
      #expect(isClose(point.value, try fixture["outputs/point/\(name)/iqm"].double))
      let tolerance = 5 * (try want["absolute_tolerance"].double)
      #expect(abs(band.low - (try want["iqm_low"].double)) <= tolerance, "\(name): \(band)")
      #expect(abs(band.high - (try want["iqm_high"].double)) <= tolerance, "\(name): \(band)")
    }
  }
}
