import Experiments
import Support

/// Shows runs while they work: a line per seed on standard error; with `json`, one object per evaluation on standard
/// output. The runs only leave their numbers; `refresh` draws them, from one thread, a few times per second.
package final class ProgressReporter: RunObserver {
  private struct SeedState {
    var seed: Int
    var total: Int
    var snapshot: RunSnapshot?
    /// Where and when this session started to train, for the speed.
    var firstStep: Int
    var started: Double
    var isChanged = true
  }

  private let console: Console
  private let isJSON: Bool
  private let state = Guarded<[SeedState]>([])

  /// Shows on `console`.
  package init(_ console: Console, isJSON: Bool) { (self.console, self.isJSON) = (console, isJSON) }

  /// Takes an event in; prints only what should not wait for `refresh`.
  package func report(seed: Int, _ event: RunEvent) {
    switch event {
    case .stepped(let snapshot):
      state.withLock { seeds in
        guard let index = seeds.firstIndex(where: { $0.seed == seed }) else { return }
        seeds[index].snapshot = snapshot
        seeds[index].isChanged = true
      }
    case .started(let step, let total):
      state.withLock {
        $0.append(SeedState(seed: seed, total: total, firstStep: step, started: Clock.monotonicSeconds()))
      }
      if step > 0 { console.note("seed \(seed): resumed at step \(step)") }
    case .evaluated(let step, let result, let isBest, let seconds):
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

  /// Draws what has changed.
  package func refresh() {
    let now = Clock.monotonicSeconds()
    let lines = state.withLock { seeds in
      let changed = seeds.filter(\.isChanged)
      for index in seeds.indices { seeds[index].isChanged = false }
      return changed.compactMap { ($0.seed, ProgressReporter.line($0, now: now)) }
    }
    for (seed, line) in lines { console.update(slot: seed, line: line) }
  }

  private func finish(_ seed: Int, _ end: SeedEnd) {
    let state = state.withLock { seeds in
      let index = seeds.firstIndex { $0.seed == seed }
      return index.map { seeds.remove(at: $0) }
    }
    switch end {
    case .done(let step, true): console.note("seed \(seed): done already at step \(step)")
    case .surpassed: console.warning("seed \(seed) \(end.reason ?? "")")
    case .done, .interrupted:
      guard let state else { return }
      let line = ProgressReporter.line(state, now: Clock.monotonicSeconds())
      var suffix = ""
      if case .interrupted = end { suffix = "  interrupted and stored" }
      console.finish(slot: seed, line: line + suffix)
    case .failed(let error):
      if let state { console.finish(slot: seed, line: ProgressReporter.line(state, now: Clock.monotonicSeconds())) }
      console.error("seed \(seed): \(error)")
    }
  }

  /// "seed 0  4500/10000  45%  return 123  eval 150  2300 steps/s  2m 03s left".
  private static func line(_ state: SeedState, now: Double) -> String {
    let step = state.snapshot?.step ?? state.firstStep
    let elapsed = now - state.started
    var parts = ["seed \(state.seed)", "\(step)/\(state.total)", "\(step * 100 / max(state.total, 1))%"]
    if let value = state.snapshot?.lastReturn { parts.append("return \(NumberText.short(value))") }
    if let value = state.snapshot?.evaluationMean { parts.append("eval \(NumberText.short(value))") }
    let done = step - state.firstStep
    if done > 0 && elapsed > 0 { parts.append("\(NumberText.short(Double(done) / elapsed)) steps/s") }
    if step < state.total {
      parts.append("\(TimeText.remaining(done: done, total: state.total - state.firstStep, elapsed: elapsed)) left")
    }
    return parts.joined(separator: "  ")
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
