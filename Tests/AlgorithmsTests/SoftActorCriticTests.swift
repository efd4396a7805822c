import Algorithms
import Environments
import Support
import Testing

/// What soft actor-critic makes of minibatches that its papers do not speak of.
struct SoftActorCriticTests {
  /// Beyond the task's end nothing has a value: whatever stands there, the update is the same.
  @Test(arguments: [Float.infinity, .nan]) func whatFollowsAnEndIsNobodysBusiness(beyond: Float) throws {
    var settings = SoftActorCriticSettings()
    (settings.hiddenSizes, settings.criticSettings.hiddenSizes, settings.batchSize) = ([8], [8], 4)
    let (observations, actions, next) = (RowBuffer(4, 2), RowBuffer(4, 1), RowBuffer(4, 2))
    let (rewards, terminated) = (RowBuffer(4, 1), RowBuffer(4, 1))
    defer { withExtendedLifetime((observations, actions, next, rewards, terminated)) {} }
    for row in 0..<4 { (observations.rows[row, 0], next.rows[row, 0], rewards.rows[row, 0]) = (Float(row), 1, 2) }
    terminated.rows[1, 0] = 1
    func update() throws -> SoftActorCritic.Report {
      let learner = SoftActorCritic(
        settings, observationSize: 2, .box(low: [-1], high: [1]), random: RandomStream(seed: 1), pool: nil)
      var (noise, random) = (RandomStream(seed: 2), RandomStream(seed: 3))
      return try learner.update(
        on: TransitionBatch(
          observations: observations.read, actions: actions.read, rewards: rewards.read, next: next.read,
          terminated: terminated.read), &noise, &random)
    }
    let expected = try update()
    next.rows[1, 0] = beyond
    #expect(try update() == expected)
  }
}
