import Experiments
import Reports
import Support
import Testing

@Suite struct RunPaceTests {
  /// 1,000 steps, an evaluation of ten episodes every 200, episodes of at most 100 steps.
  static func outlook(step: Int = 0, every: Int = 200, total: Int = 1000) -> RunOutlook {
    var configuration = ExperimentConfiguration()
    configuration.training.environmentSteps = total
    (configuration.evaluation.every, configuration.evaluation.episodes) = (every, 10)
    configuration.environment.stepLimit = 100
    return RunOutlook(step: step, configuration, activity: Activity())
  }

  @Test(arguments: [
    (0, 200, 1000, 5), (200, 200, 1000, 4), (999, 200, 1000, 1), (1000, 200, 1000, 0), (0, 300, 1000, 4),
    (900, 300, 1000, 1), (0, 0, 1000, 1), (0, 5000, 1000, 1),
  ])
  func evaluationsToCome(step: Int, every: Int, total: Int, count: Int) {
    #expect(Self.outlook(every: every, total: total).evaluations(after: step) == count)
  }

  @Test func randomStepsSayNothingAboutPlannedOnes() {
    var pace = RunPace(Self.outlook(), now: 100)
    pace.sample(step: 200, episodes: 0, .random, now: 101)
    #expect(pace.secondsLeft(.init(.random)) == nil)
    #expect(pace.stepsPerSecond == 200)
    pace.sample(step: 201, episodes: 0, .planning, now: 102)
    #expect(pace.secondsLeft(.init(.planning)) == nil)
    pace.sample(step: 211, episodes: 0, .planning, now: 112)
    #expect(pace.secondsPerStep == 1)
    // Four evaluations, of ten episodes of at most 100 steps each.
    #expect(pace.secondsLeft(.init(.planning)) == 789.0 + 4 * 1000)
  }

  @Test func evaluationsAreTimedApart() {
    var pace = RunPace(Self.outlook(), now: 0)
    pace.sample(step: 100, episodes: 2, .planning, now: 100)
    pace.sample(step: 200, episodes: 4, .planning, now: 200)
    // Episodes have had 50 steps so far.
    #expect(pace.secondsLeft(.init(.evaluating, 4, of: 10)) == 800 + 4.6 * 500)
    pace.evaluated(300)
    #expect(pace.secondsLeft(.init(.planning)) == 800.0 + 4 * 300)
    pace.sample(step: 210, episodes: 4, .planning, now: 510)
    #expect(pace.secondsPerStep == 1)
    #expect(pace.stepsPerSecond == 1)
    #expect(pace.meanSpeed(now: 510) == 1)
    // As the last one.
    pace.evaluated(100)
    #expect(pace.secondsLeft(.init(.planning)) == 790.0 + 4 * 100)
  }

  @Test func theSpeedIsThatOfTheLastSeconds() {
    var pace = RunPace(Self.outlook(step: 100), now: 0)
    for second in 1...50 { pace.sample(step: 100 + second, episodes: 0, .none, now: Double(second)) }
    for second in 1...20 { pace.sample(step: 150 + 10 * second, episodes: 0, .none, now: Double(50 + second)) }
    #expect(pace.stepsPerSecond == 10)
  }

  @Test func theEndIsNear() {
    var pace = RunPace(Self.outlook(), now: 0)
    pace.sample(step: 500, episodes: 10, .none, now: 5)
    pace.sample(step: 1000, episodes: 20, .none, now: 10)
    pace.evaluated(20)
    // The last step is made, its evaluation is not.
    #expect(pace.secondsLeft(.init(.evaluating, 5, of: 10)) == 10)
    #expect(pace.secondsLeft(.init(.none)) == 0)
  }
}
