import Experiments
import Support

/// Shows runs while they work: a line per seed on standard error; with `json`, one object per evaluation on standard
/// output. The runs only leave their numbers; `refresh` draws them, from one thread, a few times per second.
package final class ProgressReporter: RunObserver {
  /// Before this many planned steps, or seconds of them, their cost is not told.
  private static let stepsBeforeCost = 3.0

  private struct SeedState {
    var seed: Int
    let outlook: RunOutlook
    var pace: RunPace
    var snapshot: RunSnapshot?
    /// The newest evaluation's, whatever the snapshot knows.
    var evaluationMean: Double?
    var hasToldCost = false
  }

  private let console: Console
  private let isJSON: Bool
  private let clock: @Sendable () -> Double
  private let state = Guarded<[SeedState]>([])

  /// Shows on `console`; `clock` gives seconds, never going back.
  package init(_ console: Console, isJSON: Bool, clock: @escaping @Sendable () -> Double = Clock.monotonicSeconds) {
    (self.console, self.isJSON, self.clock) = (console, isJSON, clock)
  }

  /// Takes an event in; prints only what should not wait for `refresh`.
  package func report(seed: Int, _ event: RunEvent) {
    switch event {
    case .stepped(let snapshot): change(seed) { $0.snapshot = snapshot }
    case .started(let outlook):
      let pace = RunPace(outlook, now: clock())
      state.withLock { $0.append(SeedState(seed: seed, outlook: outlook, pace: pace)) }
      if let origin = outlook.origin {
        console.note("seed \(seed): goes on from \(origin)")
      } else if outlook.step > 0 {
        console.note("seed \(seed): resumed at step \(outlook.step)")
      }
    case .evaluated(let step, let result, let isBest, let seconds, let took):
      change(seed) { state in
        state.evaluationMean = result.mean
        state.pace.evaluated(took)
      }
      if isJSON {
        let object = JSON.joined(
          ["event": "evaluation", "seed": .integer(seed), "env_step": .integer(step)], result.json,
          ["is_best": .bool(isBest), "wall_s": .finite(RunFiles.rounded(seconds))])
        console.result(object.compactText)
      }
    case .checkpointed: break
    case .warning(let text): console.warning("seed \(seed): \(text)")
    case .ended(let end): finish(seed, end)
    }
  }

  private func change(_ seed: Int, _ body: (inout SeedState) -> Void) {
    state.withLock { seeds in
      if let index = seeds.firstIndex(where: { $0.seed == seed }) { body(&seeds[index]) }
    }
  }

  /// Draws where all of them stand.
  package func refresh() {
    let now = clock()
    let (lines, costs) = state.withLock { seeds in
      var lines: [(seed: Int, line: String)] = []
      var costs: [String] = []
      for index in seeds.indices {
        let moment = seeds[index].outlook.activity.moment
        if let snapshot = seeds[index].snapshot {
          seeds[index].pace.sample(step: snapshot.step, episodes: snapshot.episodes, moment.phase, now: now)
        }
        lines.append((seeds[index].seed, ProgressReporter.line(seeds[index], moment)))
        if !seeds[index].hasToldCost, let cost = ProgressReporter.cost(seeds[index], moment) {
          costs.append(cost)
          seeds[index].hasToldCost = true
        }
      }
      return (lines, costs)
    }
    costs.forEach(console.note)
    // Not under the lock: a terminal may stand still (Ctrl-S), and no run should wait for it.
    for (seed, line) in lines { console.update(slot: seed, line: line) }
    let working = state.withLock { $0.map(\.seed) }
    for (seed, _) in lines where !working.contains(seed) { console.remove(slot: seed) }
  }

  private func finish(_ seed: Int, _ end: SeedEnd) {
    let now = clock()
    let state = state.withLock { seeds in
      let index = seeds.firstIndex { $0.seed == seed }
      return index.map { seeds.remove(at: $0) }
    }
    switch end {
    case .done(let step, true): console.note("seed \(seed): done already at step \(step)")
    case .surpassed: console.warning("seed \(seed) \(end.reason ?? "")")
    case .done, .interrupted:
      guard let state else { return }
      var suffix = ""
      if case .interrupted = end { suffix = "  interrupted and stored" }
      console.finish(slot: seed, line: ProgressReporter.lastLine(state, now) + suffix)
    case .failed(let error):
      if let state { console.finish(slot: seed, line: ProgressReporter.lastLine(state, now)) }
      console.error("seed \(seed): \(error)")
    }
  }

  // MARK: Text

  /// "seed 0  4500/10000  45%  planning  return 123  eval 150  2m 03s left  2300 steps/s": in a narrow terminal the end
  /// goes first.
  private static func line(_ state: SeedState, _ moment: Activity.Moment) -> String {
    var parts = start(state, phase: moment.text)
    if let left = state.pace.secondsLeft(moment) { parts.append("\(TimeText.duration(left)) left") }
    let isStepping = moment.phase != .fitting && moment.phase != .updating && moment.phase != .evaluating
    if isStepping, let speed = state.pace.stepsPerSecond { parts.append("\(NumberText.short(speed)) steps/s") }
    return parts.joined(separator: "  ")
  }

  /// The same at the end: with the speed of the whole session.
  private static func lastLine(_ state: SeedState, _ now: Double) -> String {
    var state = state
    if let snapshot = state.snapshot {
      state.pace.sample(step: snapshot.step, episodes: snapshot.episodes, .none, now: now)
    }
    let speed = state.pace.meanSpeed(now: now).map { "\(NumberText.short($0)) steps/s" }
    return (start(state, phase: nil) + [speed].compactMap { $0 }).joined(separator: "  ")
  }

  private static func start(_ state: SeedState, phase: String?) -> [String] {
    let (step, total) = (state.snapshot?.step ?? state.outlook.step, state.outlook.total)
    var parts = ["seed \(state.seed)", "\(step)/\(total)", "\(step * 100 / max(total, 1))%"]
    if let phase { parts.append(phase) }
    if let value = state.snapshot?.lastReturn { parts.append("return \(NumberText.short(value))") }
    if let value = state.evaluationMean ?? state.snapshot?.evaluationMean {
      parts.append("eval \(NumberText.short(value))")
    }
    return parts
  }

  /// What planning costs here, told once where the rest takes more than a minute.
  private static func cost(_ state: SeedState, _ moment: Activity.Moment) -> String? {
    guard moment.phase == .planning, let seconds = state.pace.secondsPerStep,
      state.pace.usualSteps >= stepsBeforeCost || state.pace.usualSteps * seconds >= stepsBeforeCost,
      let left = state.pace.secondsLeft(moment), left >= 60
    else { return nil }
    return "seed \(state.seed): a planned step takes \(NumberText.short(seconds)) s here; about "
      + "\(TimeText.duration(left)) to the end, evaluations included"
  }
}

extension Activity.Moment {
  /// "fitting 12/40"; nil where there is nothing to say.
  var text: String? {
    switch phase {
    case .none: nil
    case .random: "random"
    case .planning: "planning"
    case .fitting: "fitting \(done)/\(total)"
    case .updating: "updating \(done)/\(total)"
    case .evaluating: "evaluating \(done)/\(total)"
    }
  }
}

extension EvaluationResult {
  /// The statistics under the names of eval.csv.
  package var json: JSONObject {
    [
      "episodes": .integer(episodes.count), "return_mean": .finite(mean), "return_std": .finite(deviation),
      "return_min": .finite(minimum), "return_max": .finite(maximum), "length_mean": .finite(lengthMean),
    ]
  }
}
