import Support

/// How far forecasts are from what happened, by how many steps they look ahead.
package struct OpenLoopErrors: Sendable {
  /// Steps ahead, 1...; the same places below.
  package private(set) var steps: [Int] = []
  /// In `Units`: the mean over moments and voices, and what 95 % stay below.
  package private(set) var mean: [Double] = []
  package private(set) var high: [Double] = []
  /// What it is to say that nothing moves.
  package private(set) var still: [Double] = []
  /// Per step and column, root mean square in the column's own unit.
  package private(set) var columns: [[Double]] = []
  /// Of the reward likewise; empty where none is predicted.
  package private(set) var reward: [Double] = []
  /// Sums of rewards over all steps, per moment: said and real; empty where none is predicted.
  package private(set) var returns: [(said: Double, real: Double)] = []
  /// Moments that forecasts were made from.
  package private(set) var moments = 0

  /// Forecasts of `horizon` steps from about `most` moments, evenly spread over the episodes; nil where no episode is
  /// long enough.
  package init?(
    _ forecaster: any Forecaster, _ trajectories: [Trajectory], _ units: Units, horizon: Int, most: Int,
    progress: (_ done: Int, _ of: Int) throws -> Void
  ) rethrows {
    let all = trajectories.indices.flatMap { index in
      (forecaster.context - 1..<max(forecaster.context - 1, trajectories[index].steps - horizon + 1)).map {
        (index, $0)
      }
    }
    guard !all.isEmpty, horizon > 0 else { return nil }
    moments = min(most, all.count)
    steps = Array(1...horizon)
    let size = trajectories[0].columns
    var distances = [[Double]](repeating: [], count: horizon)
    var squares = [[Double]](repeating: [Double](repeating: 0, count: size), count: horizon)
    still = [Double](repeating: 0, count: horizon)
    var (rewardSquares, voices) = ([Double](repeating: 0, count: horizon), 0)
    for moment in 0..<moments {
      try progress(moment, moments)
      let (index, start) = all[moment * all.count / moments]
      let trajectory = trajectories[index]
      let forecast = forecaster.forecast(trajectory, from: start, steps: horizon)
      for (voice, path) in forecast.voices.enumerated() {
        voices += 1
        for time in 0..<horizon {
          let (said, real) = (path[time * size..<(time + 1) * size], trajectory.observation(start + time + 1))
          let distance = units.distance(said, real)
          distances[time].append(distance.isFinite ? distance : .infinity)
          for (column, (one, other)) in zip(said, real).enumerated() {
            squares[time][column] += (Double(one) - Double(other)) * (Double(one) - Double(other))
          }
          if let rewards = forecast.rewards {
            let miss = rewards[voice][time] - trajectory.rewards[start + time]
            rewardSquares[time] += miss * miss
          }
        }
      }
      for time in 0..<horizon {
        still[time] +=
          units.distance(trajectory.observation(start), trajectory.observation(start + time + 1)) / Double(moments)
      }
      if let rewards = forecast.rewards {
        let said = rewards.reduce(0) { $0 + $1.reduce(0, +) } / Double(rewards.count)
        returns.append((said, trajectory.rewards[start..<start + horizon].reduce(0, +)))
      }
    }
    mean = distances.map { $0.reduce(0, +) / Double($0.count) }
    high = distances.map { ScoreStatistics.percentile(0.95, ofSorted: $0.sorted()) }
    columns = squares.map { $0.map { ($0 / Double(voices)).squareRoot() } }
    if !returns.isEmpty { reward = rewardSquares.map { ($0 / Double(voices)).squareRoot() } }
  }

  /// The first number of steps whose mean error is above a tolerance.
  package func firstStep(above tolerance: Double) -> Int? {
    zip(steps, mean).first { !($0.1 <= tolerance) }?.0
  }

  /// L of error(k + 1) = error(1) + L·error(k), by least squares: how errors really grow; nil of fewer than 3 steps.
  package var growth: Double? {
    guard mean.count >= 3, mean.allSatisfy(\.isFinite) else { return nil }
    var (above, below) = (0.0, 0.0)
    for step in 0..<mean.count - 1 {
      above += (mean[step + 1] - mean[0]) * mean[step]
      below += mean[step] * mean[step]
    }
    return below > 0 ? above / below : nil
  }
}
