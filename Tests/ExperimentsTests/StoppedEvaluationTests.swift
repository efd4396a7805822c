import Experiments
import Reports
import Support
import Testing

/// An evaluation that is asked to stop is left at the episodes that were completed.
@Suite struct StoppedEvaluationTests {
  @Test func completedEpisodesAreKept() throws {
    var bench = try Bench(Bench.small)
    bench.agent = nil
    try bench.train()
    var evaluation = PolicyEvaluation()
    evaluation.episodes = 5
    let path = "\(try bench.seed())/checkpoints/latest"
    let whole = try evaluation.run(path)
    #expect(whole.isComplete && whole.result.episodes.count == 5)
    // In the middle of the third one, and in that of the first.
    for kept in [2, 0] {
      let questions = Countdown(whole.result.episodes.prefix(kept).reduce(0) { $0 + $1.length } + 1)
      evaluation.shouldStop = { questions.isOver }
      let stopped = try evaluation.run(path)
      #expect(!stopped.isComplete && stopped.result.episodes == Array(whole.result.episodes.prefix(kept)))
      #expect(stopped.reached(left: 0) == "seed 0 at step 200: \(kept) of 5 episodes")
      #expect(stopped.reached(left: 1) == "seed 0 at step 200: \(kept) of 5 episodes, 1 checkpoint not measured")
      #expect(EvaluationTable([stopped]).json[0].object?["episodes_wanted"] == .integer(5))
    }
    #expect(EvaluationTable([whole]).json[0].object?["episodes_wanted"] == nil)
  }

  /// Where a plan takes long, it is given up.
  @Test func aPlanIsGivenUp() throws {
    let bench = try InterruptedFitTests.bench()
    try bench.train()
    var evaluation = PolicyEvaluation()
    evaluation.episodes = 2
    let path = "\(try bench.seed())/checkpoints/latest"
    let all = Countdown(.max)
    let asked = Guarded(0)
    evaluation.shouldStop = {
      asked.withLock { $0 += 1 }
      return all.isOver
    }
    let whole = try evaluation.run(path)
    let (questions, steps) = (asked.withLock { $0 }, whole.result.episodes.reduce(0) { $0 + $1.length })
    #expect(questions > 2 * steps, "asked within plans, too")
    for count in 0..<questions {
      let rest = Countdown(count)
      evaluation.shouldStop = { rest.isOver }
      let stopped = try evaluation.run(path)
      #expect(!stopped.isComplete)
      #expect(stopped.result.episodes == Array(whole.result.episodes.prefix(stopped.result.episodes.count)))
    }
  }
}
