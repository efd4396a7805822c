import Support

/// Groups of runs beside each other: aggregates with 95 % intervals, who is better than whom and how surely, who needs
/// fewer steps, and what that comes to in a sentence.
package struct Comparison: Sendable {
  /// A number and its 95 % interval.
  package struct Estimate: Sendable {
    package var value: Double
    package var interval: Bootstrap.Interval
  }

  /// One group over the tasks that all groups have.
  package struct Summary: Sendable {
    package var group: ScoreGroup
    package var iqm, mean, median: Estimate
    /// nil without γ.
    package var optimalityGap: Estimate?
    /// Shares of scores above `levels`, with their intervals.
    package var profile: [Estimate]
    /// The fewest runs on a task.
    var runs: Int { group.tasks.map(\.scores.count).min() ?? 0 }
  }

  /// Two groups, the second of them the one that is compared with.
  package struct Pair: Sendable {
    package var name, other: String
    /// See `ScoreStatistics.probabilityOfImprovement`.
    package var improvement: Estimate
    /// Median steps of the other over median steps of this one, where both have them; above 1 this one is faster.
    package var speedup: Estimate?
  }

  package let summaries: [Summary]
  package let pairs: [Pair]
  /// Where the profiles are measured, ascending.
  package let levels: [Double]
  /// The tasks that all have.
  package let tasks: [String]
  /// What `ScoreGroup.Task.steps` are about.
  package let level: Double?
  private static let profileResamples = 2000
  private static let profileLevels = 101
  /// Below so many runs an interval says little.
  private static let fewest = 5

  /// Every group against the first, over the tasks that all have; those that only some have are told to `note`.
  /// - Parameters:
  ///   - gamma: the score that counts as solved; nil: no optimality gap.
  ///   - level: what the groups' steps are about.
  /// - Returns: nil where no task is common to all.
  package init?(_ groups: [ScoreGroup], gamma: Double?, level: Double?, note: (String) -> Void) {
    let common = (groups.first?.tasks.map(\.name) ?? []).filter { name in
      groups.allSatisfy { $0.tasks.contains { $0.name == name } }
    }
    guard groups.count >= 2, !common.isEmpty else { return nil }
    var groups = groups
    for index in groups.indices {
      for task in groups[index].tasks where !common.contains(task.name) {
        note("\(task.name) is left out: \(groups[index].name) has it, and not every other")
      }
      groups[index].tasks = common.map { name in groups[index].tasks.first { $0.name == name }! }
    }
    (tasks, self.level) = (common, level)
    let all = groups.flatMap { $0.tasks.flatMap(\.scores) }
    let (low, high) = (all.min()!, all.max()!)
    let steps = Double(Comparison.profileLevels - 1)
    let levels = (0..<Comparison.profileLevels).map { low + (high - low) * Double($0) / steps }
    self.levels = levels
    summaries = groups.map { Comparison.summary(of: $0, gamma: gamma, levels) }
    pairs = groups.dropFirst().map { Comparison.pair($0, groups[0]) }
  }

  private static func summary(of group: ScoreGroup, gamma: Double?, _ levels: [Double]) -> Summary {
    let scores = group.tasks.map(\.scores)
    func aggregates(_ scores: [[Double]]) -> [Double] {
      let means = scores.map { ScoreStatistics.mean($0) }
      let gap = gamma.map { [ScoreStatistics.optimalityGap(scores, gamma: $0)] } ?? []
      return [
        ScoreStatistics.interquartileMean(scores.flatMap { $0 }), ScoreStatistics.mean(means),
        Spread.median(means),
      ] + gap
    }
    let intervals = Bootstrap().intervals(of: [scores]) { aggregates($0[0]) }
    let estimates = zip(aggregates(scores), intervals).map { Estimate(value: $0, interval: $1) }
    var bootstrap = Bootstrap()
    bootstrap.resamples = profileResamples
    let bands = bootstrap.intervals(of: [scores]) { ScoreStatistics.profile($0[0], at: levels) }
    return Summary(
      group: group, iqm: estimates[0], mean: estimates[1], median: estimates[2],
      optimalityGap: gamma == nil ? nil : estimates[3],
      profile: zip(ScoreStatistics.profile(scores, at: levels), bands).map { Estimate(value: $0, interval: $1) })
  }

  private static func pair(_ group: ScoreGroup, _ other: ScoreGroup) -> Pair {
    func improvement(_ groups: [[[Double]]]) -> Double {
      ScoreStatistics.probabilityOfImprovement(groups[0], over: groups[1])
    }
    let scores = [group, other].map { $0.tasks.map(\.scores) }
    let interval = Bootstrap().intervals(of: scores) { [improvement($0)] }[0]
    var pair = Pair(
      name: group.name, other: other.name, improvement: Estimate(value: improvement(scores), interval: interval))
    // Steps on different tasks have no common unit.
    if group.tasks.count == 1, !group.tasks[0].steps.isEmpty, !other.tasks[0].steps.isEmpty {
      let steps = [[group.tasks[0].steps], [other.tasks[0].steps]]
      // Where half of the seeds do not get there, nobody knows after how many steps they would.
      if steps.allSatisfy({ Spread.median($0[0]).isFinite }) {
        let intervals = Bootstrap().intervals(of: steps) { [speedup($0)] }
        pair.speedup = Estimate(value: speedup(steps), interval: intervals[0])
      }
    }
    return pair
  }

  /// Of a resample it may be 0 or infinite, where a median is infinite; 1 where both are.
  private static func speedup(_ steps: [[[Double]]]) -> Double {
    let (own, other) = (Spread.median(steps[0][0]), Spread.median(steps[1][0]))
    return own == .infinity && other == .infinity ? 1 : other / own
  }

  // MARK: Words

  /// What the numbers come to, a sentence or two for every pair.
  package var conclusions: [String] {
    pairs.flatMap { pair -> [String] in
      let (own, other) = (summary(pair.name), summary(pair.other))
      let interval = pair.improvement.interval
      let verdict =
        interval.low > 0.5 ? "is better than" : interval.high < 0.5 ? "is worse than" : "is not clearly different from"
      var sentences = [
        "\(pair.name) \(verdict) \(pair.other): IQM \(NumberText.short(own.iqm.value)) against "
          + "\(NumberText.short(other.iqm.value)); a run of \(pair.name) beats one of \(pair.other) with probability "
          + "\(pair.improvement.text)."
      ]
      if let level, let sentence = speed(pair, level) { sentences.append(sentence) }
      let runs = min(own.runs, other.runs)
      if runs < Comparison.fewest {
        sentences.append("With \(runs) \(runs == 1 ? "run" : "runs") such intervals are unreliable; take 5 or more.")
      }
      return sentences
    }
  }

  private func summary(_ name: String) -> Summary { summaries.first { $0.group.name == name }! }

  private func speed(_ pair: Pair, _ level: Double) -> String? {
    let own = summary(pair.name).group.tasks[0].steps
    let other = summary(pair.other).group.tasks[0].steps
    guard tasks.count == 1, !own.isEmpty, !other.isEmpty else { return nil }
    let goal = NumberText.short(level)
    func reached(_ steps: [Double]) -> String { "\(steps.count { $0.isFinite }) of \(steps.count) seeds" }
    guard let speedup = pair.speedup else {
      return "\(goal) is reached by \(reached(own)) of \(pair.name), by \(reached(other)) of \(pair.other)."
    }
    let isFaster = speedup.value >= 1
    func factor(_ ratio: Double) -> String {
      ratio == .infinity || ratio == 0 ? "any" : "\(NumberText.fixed(isFaster ? ratio : 1 / ratio, 2))×"
    }
    let (low, high) = (speedup.interval.low, speedup.interval.high)
    let interval = isFaster ? "\(factor(low)) to \(factor(high))" : "\(factor(high)) to \(factor(low))"
    func steps(_ steps: [Double]) -> String { NumberText.grouped(Int(Spread.median(steps))) }
    return
      "\(pair.name) reaches \(goal) in \(factor(speedup.value)) \(isFaster ? "fewer" : "more") steps than "
      + "\(pair.other) (median \(steps(own)) against \(steps(other)), 95 % interval \(interval); "
      + "\(reached(own)) and \(reached(other)) get there)."
  }
}

extension Comparison.Estimate {
  /// "0.95 [0.8, 1]".
  package var text: String {
    "\(NumberText.short(value)) [\(NumberText.short(interval.low)), \(NumberText.short(interval.high))]"
  }

  /// Under "name", "name_low" and "name_high".
  fileprivate func json(_ name: String) -> JSONObject {
    [name: .finite(value), "\(name)_low": .finite(interval.low), "\(name)_high": .finite(interval.high)]
  }
}

extension Comparison {
  /// For people.
  package var lines: [String] {
    let hasGap = summaries[0].optimalityGap != nil
    var table = TextTable(
      ["group", "runs", "IQM", "mean", "median"] + (hasGap ? ["optimality gap"] : []), rightAligned: [1])
    for summary in summaries {
      table.append(
        [
          summary.group.name, summary.group.tasks.map { String($0.scores.count) }.joined(separator: "+"),
          summary.iqm.text, summary.mean.text, summary.median.text,
        ] + (hasGap ? [summary.optimalityGap?.text ?? ""] : []))
    }
    var lines = [
      "\(tasks.count == 1 ? "task" : "tasks") \(tasks.joined(separator: ", ")); 95 % bootstrap intervals in brackets",
      "",
    ]
    lines += table.lines
    if tasks.count > 1 {
      var means = TextTable(["task"] + summaries.map(\.group.name), rightAligned: Set(1...summaries.count))
      for (index, task) in tasks.enumerated() {
        means.append([task] + summaries.map { Spread($0.group.tasks[index].scores)!.description })
      }
      lines += [""] + means.lines
    }
    return lines + [""] + conclusions
  }

  /// One object with everything.
  package var json: JSON {
    let groups = summaries.map { summary -> JSON in
      let scores = summary.group.tasks.map { task -> JSON in
        [
          "task": .string(task.name), "seeds": .integers(task.seeds),
          "scores": .array(task.scores.map { .finite($0) }), "steps": .array(task.steps.map { .finite($0) }),
        ]
      }
      return .joined(
        ["group": .string(summary.group.name), "tasks": .array(scores)], summary.iqm.json("iqm"),
        summary.mean.json("mean"), summary.median.json("median"),
        summary.optimalityGap?.json("optimality_gap") ?? [:],
        ["profile": .array(summary.profile.map { .finite($0.value) })])
    }
    let pairs = self.pairs.map { pair -> JSON in
      .joined(
        ["group": .string(pair.name), "other": .string(pair.other)],
        pair.improvement.json("probability_of_improvement"), pair.speedup?.json("speedup") ?? [:])
    }
    return [
      "tasks": .texts(tasks), "groups": .array(groups), "pairs": .array(pairs),
      "profile_levels": .array(levels.map { .finite($0) }), "conclusions": .texts(conclusions),
    ]
  }

  /// A number per row: aggregates, pairs, and the performance profile of every group.
  package var csv: [UInt8] {
    var rows: [[CSVFile.Cell?]] = []
    func append(_ group: String, _ other: String?, _ name: String, _ level: Double?, _ estimate: Estimate) {
      rows.append([
        .text(group), other.map { .text($0) }, .text(name), level.map { .number($0) }, .number(estimate.value),
        .number(estimate.interval.low), .number(estimate.interval.high),
      ])
    }
    for summary in summaries {
      let name = summary.group.name
      append(name, nil, "iqm", nil, summary.iqm)
      append(name, nil, "mean", nil, summary.mean)
      append(name, nil, "median", nil, summary.median)
      if let gap = summary.optimalityGap { append(name, nil, "optimality_gap", nil, gap) }
    }
    for pair in pairs {
      append(pair.name, pair.other, "probability_of_improvement", nil, pair.improvement)
      if let speedup = pair.speedup { append(pair.name, pair.other, "speedup", level, speedup) }
    }
    for summary in summaries {
      for (level, estimate) in zip(levels, summary.profile) {
        append(summary.group.name, nil, "profile", level, estimate)
      }
    }
    return CSVFile.bytes(["group", "other", "statistic", "level", "value", "low", "high"], rows)
  }
}
