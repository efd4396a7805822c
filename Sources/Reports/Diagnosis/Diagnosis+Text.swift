import Experiments
import Support

/// A diagnosis for people and for programs.
extension Diagnosis {
  /// Steps ahead that the table shows.
  private static let shownSteps = [1, 2, 3, 5, 10, 15, 20, 30, 50, 100, 200]

  /// As text: what was measured, tables, and the verdict last.
  package var lines: [String] {
    func short(_ value: Double?) -> String { value.map { NumberText.short($0) } ?? "" }
    func spread(_ values: [Double]) -> String { Spread(values)?.description ?? "none" }
    var lines = [
      "\(path): \(manifest.agent) on \(manifest.environment), step \(NumberText.grouped(manifest.step))",
      "\(returns.count) episodes from seed \(seed): "
        + "return \(spread(returns)), \(NumberText.grouped(transitions)) transitions",
      "errors are in deviations of the observation: root mean square over "
        + "\(columnDeviations.count { $0 > 1e-12 }) of \(columnDeviations.count) columns", "",
    ]
    if let trainingError, let policyError, let newestError, let relativePolicy, let relativeTraining {
      var table = TextTable(["one step", "error", "of the move"], rightAligned: [1, 2])
      table.append([
        "what it learned from (\(NumberText.grouped(known)))", short(trainingError), short(relativeTraining),
      ])
      table.append(["the newest tenth of that", short(newestError), ""])
      table.append(["the policy's episodes", short(policyError), short(relativePolicy)])
      lines += table.lines + [""]
    }
    if let openLoop {
      var table = TextTable(
        ["steps ahead", "error", "95 % below", "bound", "nothing moves"], rightAligned: [0, 1, 2, 3, 4])
      let last = openLoop.steps.count
      for steps in Diagnosis.shownSteps.filter({ $0 < last }) + [last] {
        table.append([
          String(steps), short(openLoop.mean[steps - 1]), short(openLoop.high[steps - 1]), short(bound(steps)),
          short(openLoop.still[steps - 1]),
        ])
      }
      lines += table.lines + [boundText, ""]
    }
    if !worstColumns.isEmpty {
      var table = TextTable(["column", "one step", "share of deviation", "last step"], rightAligned: [1, 2, 3])
      for column in worstColumns.prefix(8) {
        let last = openLoop?.columns.last?[column]
        table.append([
          name(column), short(columnErrors.isEmpty ? openLoop?.columns.first?[column] : columnErrors[column]),
          short(columnShare(column)), short(last),
        ])
      }
      if let rewardError {
        table.append([
          "reward", short(rewardError), short(rewardDeviation > 0 ? rewardError / rewardDeviation : nil),
          short(openLoop?.reward.last),
        ])
      }
      lines += table.lines + [""]
    }
    lines += trustLines
    return lines + [""] + verdict
  }

  /// Columns by their errors' share of their deviation, the largest first; none of a picture.
  package var worstColumns: [Int] {
    guard !specification.observationSpace.isImage else { return [] }
    return columnDeviations.indices.filter { columnDeviations[$0] > 1e-12 }
      .sorted { (columnShare($1) ?? 0, $0) < (columnShare($0) ?? 0, $1) }
  }

  private func columnShare(_ column: Int) -> Double? {
    let error = columnErrors.isEmpty ? openLoop?.columns.first?[column] : columnErrors[column]
    return error.map { $0 / columnDeviations[column] }
  }

  private var boundText: String {
    guard let oneStep, let lipschitz else { return "" }
    let what = lipschitzIsLocal ? "the model's Jacobians" : "how errors grow"
    var text =
      "bound: ε (L^H − 1)/(L − 1), ε \(NumberText.short(oneStep)) (95 % of errors after one step are below), "
      + "L \(NumberText.short(lipschitz)) (\(what)); it passes \(NumberText.short(settings.tolerance)) "
    text += boundPasses.map { "after \($0) \($0 == 1 ? "step" : "steps")" } ?? "never"
    text += ", the error "
    return text + (errorPasses.map { "after \($0)" } ?? "not within \(openLoop?.steps.count ?? 0)")
  }

  private var trustLines: [String] {
    var lines: [String] = []
    if let calibration {
      lines.append(
        "calibration: expected error \(NumberText.short(calibration.error)); "
          + "\(NumberText.fixed(100 * calibration.coverage, 1)) % lie in the middle 90 %")
    }
    if let rankCorrelation, let spread, let members {
      lines.append(
        "disagreement of \(members) networks: \(NumberText.short(spread)) of the error, rank correlation with it "
          + NumberText.short(rankCorrelation))
    }
    if let inverseAccuracy {
      let share = "\(NumberText.fixed(100 * inverseAccuracy, 1)) %"
      lines.append(
        specification.actionSpace.isDiscrete
          ? "the inverse model tells \(share) of the policy's actions right"
          : "the inverse model explains \(share) of how the policy's actions vary")
    }
    if let promised {
      lines.append(
        "the policy in the model: \(NumberText.short(promised.said)) in \(promised.steps) steps, really "
          + "\(NumberText.short(promised.real)) (\(promised.pairs.count) rollouts)")
    } else if let openLoop, !openLoop.returns.isEmpty {
      let count = Double(openLoop.returns.count)
      lines.append(
        "rewards of the same actions over \(openLoop.steps.count) steps: the model says "
          + "\(NumberText.short(openLoop.returns.reduce(0) { $0 + $1.said } / count)), really "
          + NumberText.short(openLoop.returns.reduce(0) { $0 + $1.real } / count))
    }
    if let worst = regions?.worst {
      lines.append(
        "errors are largest where \(name(worst.column)) is \(NumberText.short(worst.low)) to "
          + "\(NumberText.short(worst.high)): \(NumberText.short(worst.ratio)) times the mean")
    }
    if let novelty {
      lines.append(
        "the policy's states are \(NumberText.short(novelty)) times as far from known ones as those are from "
          + "each other")
    }
    return lines
  }

  /// One object with every number.
  package var json: JSON {
    func number(_ value: Double?) -> JSON { value.map { .finite($0) } ?? .null }
    func numbers(_ values: [Double]) -> JSON { .array(values.map { .finite($0) }) }
    var openLoopJSON = JSON.null
    if let openLoop {
      openLoopJSON = [
        "steps": .integers(openLoop.steps), "error": numbers(openLoop.mean), "error_95": numbers(openLoop.high),
        "nothing_moves": numbers(openLoop.still), "bound": .array(openLoop.steps.map { number(bound($0)) }),
        "columns": .array(specification.observationSpace.isImage ? [] : openLoop.columns.map(numbers)),
        "reward": numbers(openLoop.reward), "moments": .integer(openLoop.moments),
      ]
    }
    return [
      "path": .string(path), "agent": .string(manifest.agent), "environment": .string(manifest.environment),
      "seed": .integer(manifest.seed), "step": .integer(manifest.step), "returns": numbers(returns),
      "transitions": .integer(transitions), "known_transitions": .integer(known), "members": .integer(members),
      "training_error": number(trainingError), "newest_error": number(newestError),
      "policy_error": number(policyError), "relative_training_error": number(relativeTraining),
      "relative_policy_error": number(relativePolicy), "worst_hundredth": number(worstShare),
      "novelty": number(novelty),
      "column_errors": numbers(columnErrors), "column_deviations": numbers(columnDeviations),
      "reward_error": number(rewardError), "one_step": number(oneStep), "lipschitz": number(lipschitz),
      "tolerance": .finite(settings.tolerance), "bound_passes": .integer(boundPasses),
      "error_passes": .integer(errorPasses), "calibration_error": number(calibration?.error),
      "coverage_90": number(calibration?.coverage), "rank_correlation": number(rankCorrelation),
      "inverse_accuracy": number(inverseAccuracy), "disagreement_of_error": number(spread),
      "model_return": number(promised?.said),
      "real_return": number(promised?.real), "return_steps": .integer(promised?.steps), "open_loop": openLoopJSON,
      "findings": .array(findings.map { ["cause": .string($0.cause.rawValue), "text": .string($0.text)] }),
    ]
  }

  /// One number a row.
  package var csv: [UInt8] {
    var rows: [[CSVFile.Cell?]] = []
    func add(_ measure: String, _ column: String? = nil, _ at: Double? = nil, _ value: Double?) {
      guard let value, value.isFinite else { return }
      rows.append([.text(measure), column.map { .text($0) }, at.map { .number($0) }, .number(value)])
    }
    add("training_error", nil, 1, trainingError)
    add("newest_error", nil, 1, newestError)
    add("policy_error", nil, 1, policyError)
    for (column, error) in columnErrors.enumerated() { add("one_step_error", name(column), 1, error) }
    add("one_step_error", "reward", 1, rewardError)
    add("inverse_accuracy", nil, nil, inverseAccuracy)
    if let openLoop {
      for (place, steps) in openLoop.steps.enumerated() {
        let at = Double(steps)
        add("error", nil, at, openLoop.mean[place])
        add("error_95", nil, at, openLoop.high[place])
        add("bound", nil, at, bound(steps))
        add("nothing_moves", nil, at, openLoop.still[place])
        if !openLoop.reward.isEmpty { add("error", "reward", at, openLoop.reward[place]) }
        guard !specification.observationSpace.isImage else { continue }
        for (column, error) in openLoop.columns[place].enumerated() { add("error", name(column), at, error) }
      }
    }
    if let calibration {
      for (expected, observed) in zip(calibration.expected, calibration.observed) {
        add("observed_below", nil, expected, observed)
      }
    }
    add("calibration_error", nil, nil, calibration?.error)
    add("coverage_90", nil, nil, calibration?.coverage)
    add("rank_correlation", nil, nil, rankCorrelation)
    add("model_return", nil, promised.map { Double($0.steps) }, promised?.said)
    add("real_return", nil, promised.map { Double($0.steps) }, promised?.real)
    for region in regions?.regions ?? [] { add("error_ratio_from", name(region.column), region.low, region.ratio) }
    return CSVFile.bytes(["measure", "column", "at", "value"], rows)
  }
}
