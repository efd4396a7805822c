import Environments
import Experiments
import Reports
import Support
import TestSupport
import Testing

@Suite struct ProgressReporterTests {
  private let stage = ConsoleStage()

  private func snapshot(step: Int, mean: Double = .nan) -> RunEvent {
    var progress = RunProgress(lanes: 1)
    (progress.step, progress.episodes, progress.recentReturns, progress.evaluationMean) = (step, 4, [7], mean)
    return .stepped(RunSnapshot(progress))
  }

  private func result(_ total: Double) -> EvaluationResult {
    var episode = Evaluation.Episode(seed: 1)
    episode.total = total
    return EvaluationResult(episodes: [episode])
  }

  /// The last thing on a live terminal.
  private var shown: String { String(stage.messages.split(separator: "\n").last?.split(separator: "J").last ?? "") }

  @Test func everyPhaseIsNamed() {
    let console = stage.console(Terminal(isLive: true, hasColour: false, columns: 200))
    let reporter = ProgressReporter(console, isJSON: false) { stage.seconds.withLock { $0 } }
    let outlook = RunPaceTests.outlook()
    func show(_ phase: Activity.Phase, _ done: Int = 0, of total: Int = 0) -> String {
      outlook.activity.set(phase, done, of: total)
      stage.advance(1)
      reporter.refresh()
      return shown
    }
    reporter.report(seed: 3, .started(outlook))
    #expect(show(.random) == "seed 3  0/1000  0%  random")
    reporter.report(seed: 3, snapshot(step: 100))
    #expect(show(.random) == "seed 3  100/1000  10%  random  return 7  50 steps/s")
    #expect(show(.fitting, 12, of: 40) == "seed 3  100/1000  10%  fitting 12/40  return 7")
    reporter.report(seed: 3, snapshot(step: 101))
    _ = show(.planning)
    reporter.report(seed: 3, snapshot(step: 102))
    // 898 steps of a second, and five evaluations of ten episodes of 25.5 steps.
    #expect(show(.planning) == "seed 3  102/1000  10%  planning  return 7  36m 13s left  20.4 steps/s")
    #expect(stage.messages.contains("seed 3: a planned step takes 1 s here; about") == false)
    reporter.report(seed: 3, snapshot(step: 104))
    stage.advance(1)
    _ = show(.planning)
    #expect(stage.messages.contains("seed 3: a planned step takes 1 s here; about 36m"))
    #expect(show(.evaluating, 3, of: 10).hasPrefix("seed 3  104/1000  10%  evaluating 3/10  return 7  "))
  }

  @Test func theLastLineShowsTheLastEvaluation() {
    let console = stage.console(Terminal(isLive: false, hasColour: false))
    let reporter = ProgressReporter(console, isJSON: false) { stage.seconds.withLock { $0 } }
    reporter.report(seed: 0, .started(RunPaceTests.outlook()))
    reporter.report(seed: 0, snapshot(step: 500, mean: 9.4))
    reporter.report(seed: 0, .evaluated(step: 500, result(9.4), isBest: true, seconds: 5, took: 1))
    stage.advance(11)
    reporter.report(seed: 0, snapshot(step: 1000, mean: 9.4))
    reporter.report(seed: 0, .evaluated(step: 1000, result(500), isBest: true, seconds: 11, took: 1))
    reporter.report(seed: 0, .ended(.done(step: 1000, wasDone: false)))
    #expect(stage.messages == "seed 0  1000/1000  100%  return 7  eval 500  111.1 steps/s\n")
  }

  @Test func anEvaluationAloneIsShownToo() {
    let console = stage.console(Terminal(isLive: true, hasColour: false, columns: 200))
    let reporter = EvaluationReporter(console) { stage.seconds.withLock { $0 } }
    var moment = EvaluationReporter.Moment(seed: 2, step: 700, episodes: 10)
    stage.advance(1)
    reporter.begin(moment)
    #expect(shown == "seed 2 at step 700  evaluating 0/10  step 0, return 0")
    for outcome in [nil, Outcome(reward: 2, isTerminated: true), nil, Outcome(reward: 5, isTerminated: false)] {
      moment.take(outcome)
      stage.advance(3)
      reporter.update(moment)
    }
    #expect(shown == "seed 2 at step 700  evaluating 1/10  step 1, return 5  1m 48s left")
    reporter.end(moment)
    #expect(stage.messages.hasSuffix("\u{1B}[1A\r\u{1B}[J"))
  }
}
