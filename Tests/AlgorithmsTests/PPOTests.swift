import Algorithms
import Environments
import Foundation
import Neural
import Support
import Testing

/// Proximal policy optimisation, each test for a fault that it was seen to find.
@Suite struct PPOTests {
  private typealias Run = ProximalRun

  private static let line = #"{"id": "LineWorld-v0", "stepLimit": 4}"#
  private static let small = #""hiddenSizes": [8], "rolloutLength": 8, "batchSize": 4, "epochs": 3"#

  // MARK: What a rollout keeps

  /// A cut episode goes on in its last observation, not in that after the reset, and is no termination; what follows
  /// the last step of a rollout is that of the episode that goes on.
  @Test func aCutEpisodeIsWorthItsLastObservation() throws {
    let run = try Run(#""hiddenSizes": [8], "rolloutLength": 7"#, on: Self.line)
    let rollout = run.agent.rollout
    var last: [[Float]] = []
    for t in 0..<7 {
      let before = last
      last = []
      // Without learning: the rollout stays.
      try run.interaction.group.begin()
      run.agent.act(in: run.interaction.group.situation, into: run.interaction.group.actions)
      try run.interaction.group.step()
      let steps = run.interaction.group.transitions
      for lane in 0..<2 { last.append(steps.next.row(lane).array) }
      run.agent.observe(steps)
      for lane in 0..<2 {
        let isCut: Float = t == 3 ? 1 : 0
        #expect(rollout.truncated.rows[t, lane] == isCut && rollout.terminated.rows[t, lane] == 0)
        if t == 3 { #expect(rollout.finalValues.rows[t, lane] == run.value(last[lane])) }
        if t == 6 { #expect(rollout.lastValues.rows[0, lane] == run.value(last[lane])) }
        let seen = rollout.observations.array(t * 2 + lane)
        if t > 0 { #expect((seen == before[lane]) == (t != 4)) }
      }
      #expect(rollout.count == t + 1)
    }
  }

  /// Stable-Baselines3's ε, and not Adam's own 1e-8.
  @Test func defaultsThatOthersChange() {
    #expect(ProximalSettings().adamEpsilon == 1e-5)
  }

  @Test func aTerminationIsNone() throws {
    let run = try Run(#""hiddenSizes": [8], "rolloutLength": 100"#, on: #"{"id": "CartPole-v1"}"#)
    try run.run(steps: 99)
    let rollout = run.agent.rollout
    #expect(rollout.terminated.memory.contains(1) && !rollout.truncated.memory.contains(1))
  }

  /// A vector is kept as it was drawn, with its own log-probability; the environment gets it within the bounds.
  @Test func theDrawIsKeptAndTheEnvironmentGetsItClipped() throws {
    let run = try Run(#""hiddenSizes": [8], "rolloutLength": 64, "logDeviation": 1.5"#, on: #"{"id": "Pendulum-v1"}"#)
    let (group, rollout) = (run.interaction.group, run.agent.rollout)
    for _ in 0..<60 {
      try group.begin()
      run.agent.act(in: group.situation, into: group.actions)
      for lane in 0..<2 {
        let drawn = rollout.actions.rows[rollout.present.lowerBound + lane, 0]
        #expect(group.actions.rows[lane, 0] == min(max(drawn, -2), 2))
      }
      try group.step()
      run.agent.observe(group.transitions)
    }
    #expect(rollout.actions.memory.contains { abs($0) > 2 })
    let network = run.agent.learner.network
    let (seen, mean) = (RowBuffer(120, 3), RowBuffer(120, 1))
    rollout.observations.read(0..<120, into: seen.memory.baseAddress!)
    var random = RandomStream(seed: 0)
    network.draw(
      seen.read, into: ActionRows(mean.rows, network.space), isStochastic: false, &random
    )
    for row in 0..<120 {
      let score = Double(rollout.actions.rows[row, 0] - mean.rows[row, 0]) / exp(1.5)
      let want = -0.5 * score * score - 1.5 - 0.5 * log(2 * Double.pi)
      #expect(abs(Double(rollout.logProbabilities.rows[row, 0]) - want) < 1e-5)
    }
  }

  // MARK: Updates

  /// Old log-probabilities are those of the draws in every epoch; a target divergence ends the update.
  @Test func laterEpochsMoveAwayFromTheOldPolicy() throws {
    let far = #"{"id": "CartPole-v1"}"#
    let settings = #""hiddenSizes": [8], "rolloutLength": 32, "batchSize": 64, "learningRate": {"start": 0.05}"#
    let (one, many) = (try Run(settings + #", "epochs": 1"#, on: far), try Run(settings + #", "epochs": 9"#, on: far))
    try one.run(steps: 32)
    try many.run(steps: 31)
    let old = Array(many.agent.rollout.logProbabilities.memory.prefix(62))
    try many.run(steps: 1)
    #expect(Array(many.agent.rollout.logProbabilities.memory.prefix(62)) == old)
    let divergence = ["one": one, "many": many].mapValues { run in
      run.interaction.metrics.values[run.interaction.metrics.names.firstIndex(of: "approximate_kl")!]!
    }
    #expect(abs(divergence["one"]!) < 1e-6 && divergence["many"]! > 1e-3, "\(divergence)")
    #expect(one.agent.learner.updates == 1 && many.agent.learner.updates == 9)
    let limited = try Run(settings + #", "epochs": 9, "targetDivergence": 1e-4"#, on: far)
    try limited.run(steps: 32)
    #expect((1...8).contains(limited.agent.learner.updates), "\(limited.agent.learner.updates)")
  }

  /// Per minibatch: with the ratio 1 the policy's loss is minus the mean of the advantages, which is 0 then.
  @Test func advantagesAreNormalisedPerMinibatchAndReturnsAreNot() throws {
    let run = try Run(#""hiddenSizes": [8], "rolloutLength": 32, "epochs": 1"#, on: #"{"id": "CartPole-v1"}"#)
    try run.run(steps: 31)
    let before = try stored(run.agent)
    try run.run(steps: 1)
    let rollout = run.agent.rollout
    let (advantages, returns) = (Array(rollout.advantages.memory), Array(rollout.returns.memory))
    #expect(abs(advantages.prefix(5).reduce(0, +)) > 0.1)
    // The weights of before the update, whose own rollout is not full yet.
    let twin = try Run(#""hiddenSizes": [8], "rolloutLength": 32, "epochs": 1"#, on: #"{"id": "CartPole-v1"}"#)
    try restore(twin.agent, from: before)
    let objective = ProximalSettings().objective(at: 0)
    let report = try twin.agent.learner.step(on: rollout, rows: [0, 1, 2, 3, 4], objective)
    #expect(abs(report.policyLoss) < 1e-6)
    let want = (0..<5).reduce(0) { sum, row in
      let error = Double(rollout.values.memory[row] - returns[row])
      return sum + error * error / 5
    }
    #expect(abs(report.valueLoss - want) < 1e-4 * want)
  }

  @Test func constantAdvantagesAndSingleOnesStayFinite() {
    var equal: [Float] = [3, 3, 3], single: [Float] = [5]
    equal.withUnsafeMutableBufferPointer { ProximalObjective.normalize($0) }
    single.withUnsafeMutableBufferPointer { ProximalObjective.normalize($0) }
    #expect(equal == [0, 0, 0] && single == [5])
  }

  /// The slope of the whole loss along a direction in all parameters, against a difference.
  @Test(arguments: ["CartPole-v1", "Pendulum-v1"], ProximalObjective.ValueLoss.allCases)
  func theGradientIsTheSlope(id: String, valueLoss: ProximalObjective.ValueLoss) throws {
    let run = try Run(#""hiddenSizes": [8], "rolloutLength": 16, "batchSize": 8"#, on: "{\"id\": \"\(id)\"}")
    try run.run(steps: 16)
    let objective = ProximalObjective(
      clipRange: 0.1, valueClipRange: 0.2, valueLoss: valueLoss, valueCoefficient: 0.7, entropyCoefficient: 0.1)
    // Away from what drew the rollout: some ratios and values are clipped.
    let (slope, difference, report) = run.slope(of: objective, away: 0.15, over: 1e-3)
    #expect(report.clipFraction > 0 && report.clipFraction < 1)
    #expect(abs(slope - difference) < 0.01 * abs(difference) + 2e-3, "\(slope), \(difference)")
  }

  // MARK: Statistics

  private static let normalised = small + #", "normalizesObservations": true, "normalizesRewards": true"#

  /// Once per step of training, never in an evaluation, whose policy sees the same statistics.
  @Test func statisticsMoveOncePerStepAndNotInEvaluation() throws {
    let run = try Run(Self.normalised, on: Self.line)
    try run.run(steps: 21)
    #expect(run.agent.observationNormalizer?.moments.count == 42 + 1e-4)
    #expect(run.agent.rewardNormalizer?.moments.count == 42 + 1e-4)
    let before = try stored(run.interaction)
    let group = try group("LineWorld-v0")
    let policies = (0...1).map { run.agent.makePolicy(isStochastic: false, rows: 1, random: RandomStream(seed: $0)) }
    for _ in 0..<30 {
      try group.begin()
      try policies[1].act(in: group.situation, into: group.actions)
      let other = group.actions.rows[0, 0]
      try policies[0].act(in: group.situation, into: group.actions)
      #expect(group.actions.rows[0, 0] == other, "the same whatever it could draw")
      try group.step()
    }
    let after = try stored(run.interaction)
    #expect(after.scalars.map { "\($0)" } == before.scalars.map { "\($0)" })
    let same = after.tensors.elementsEqual(before.tensors) { $0 == $1 }
    #expect(same)
    // The mean of the policy at the normalised observation, within the bounds.
    let seen = RowBuffer(1, 1)
    run.agent.observationNormalizer!.normalize(group.situation.observations, into: seen.rows)
    let mean = RowBuffer(1, 1)
    var random = RandomStream(seed: 0)
    let network = run.agent.learner.network
    network.draw(seen.read, into: ActionRows(mean.rows, network.space), isStochastic: false, &random)
    network.space.clip(mean.rows)
    try policies[0].act(in: group.situation, into: group.actions)
    #expect(group.actions.rows[0, 0] == mean.rows[0, 0])
  }

  /// After an episode the discounted return starts again.
  @Test func theReturnStartsAgainWithAnEpisode() throws {
    let run = try Run(Self.normalised, on: Self.line, lanes: 1)
    var want = 0.0
    for step in 0..<10 {
      if step % 4 == 0 { want = 0 }
      var reward = 0.0
      try run.interaction.advance { reward = $0.outcomes[0].reward }
      want = 0.99 * want + reward
      #expect(run.agent.rewardNormalizer?.returns == [want])
    }
  }

  // MARK: Going on

  /// Gone on from an archive taken in the middle of a rollout, and between two epochs of an update: the same state,
  /// schedules included, restored into an agent that has gone further.
  @Test(arguments: [19, 24]) func resumesExactly(step: Int) throws {
    let settings =
      Self.normalised + #", "learningRate": {"schedule": "linear", "start": 0.01, "end": 0, "steps": 100}"#
    let asked = Counter()
    let pool = ComputePool(threads: 1) { asked.isStopping }
    let run = try Run(settings, on: Self.line, pool: pool)
    try run.run(steps: step - 1)
    if step == 24 {
      // Stopped before the second epoch of the third update.
      asked.stop(after: 1)
      #expect(throws: InterruptedError.self) { try run.interaction.advance() }
      #expect(run.interaction.isUnlearned)
    } else {
      try run.run(steps: 1)
    }
    let archive = try stored(run.interaction)
    try run.run(steps: 20)
    let expected = try stored(run.interaction)
    try run.run(steps: 7)
    try restore(run.interaction, from: archive)
    try run.run(steps: 20)
    let found = try stored(run.interaction)
    #expect(found.scalars.map { "\($0)" } == expected.scalars.map { "\($0)" })
    for (found, expected) in zip(found.tensors, expected.tensors) {
      #expect(found.tensor == expected.tensor, "\(found.name)")
    }
  }

  /// Says "stop" once, after so many questions.
  private final class Counter: @unchecked Sendable {
    private var left = -1
    func stop(after questions: Int) { left = questions }
    var isStopping: Bool {
      left -= 1
      return left == -1
    }
  }

  /// A lane whose episode was lost ends there, with the last value that is known of it.
  @Test func aLostEpisodeIsCut() throws {
    let run = try Run(#""hiddenSizes": [8], "rolloutLength": 16"#, on: #"{"id": "LineWorld-v0"}"#)
    try run.run(steps: 3)
    let group = run.interaction.group
    try group.begin()
    var situation = group.situation
    situation = Situation(observations: situation.observations, isFirst: [false, true], episode: [0, 2])
    run.agent.act(in: situation, into: group.actions)
    let rollout = run.agent.rollout
    #expect(rollout.truncated.rows.row(2)[0, 0] == 0 && rollout.truncated.rows.row(2)[0, 1] == 1)
    #expect(rollout.finalValues.rows[2, 1] == run.value(rollout.observations.array(2 * 2 + 1)))
  }

  // MARK: Learning

  /// CartPole-v1 with the settings of configs/ppo/cartpole.json but a shorter schedule, seeds 0 to 2: 475 in the mean
  /// of ten episodes by 40,000 steps in at least two.
  @Test func balancesThePole() throws {
    let settings = """
      "rolloutLength": 32, "batchSize": 256, "epochs": 20, "discount": 0.98, "lambda": 0.8,
      "learningRate": {"schedule": "linear", "start": 1e-3, "end": 0, "steps": 100000},
      "clipRange": {"schedule": "linear", "start": 0.2, "end": 0, "steps": 100000}
      """
    var reached: [Int] = []
    for seed in 0..<3 {
      let run = try Run(settings, on: #"{"id": "CartPole-v1"}"#, lanes: 8, seed: UInt64(seed))
      while run.interaction.step < 40_000 {
        try run.run(steps: 500)
        let random = RandomStream(seed: 99)
        let policy = run.agent.makePolicy(isStochastic: false, rows: 1, random: random)
        let environment = try configured(EnvironmentConfiguration.self, #"{"id": "CartPole-v1"}"#).make()
        let group = EnvironmentGroup([environment]) { 10_000 + UInt64($0) }
        var (total, episodes) = (0.0, 0)
        while episodes < 10 {
          try group.begin()
          try policy.act(in: group.situation, into: group.actions)
          try group.step()
          total += group.outcomes[0].reward
          if group.outcomes[0].isOver { episodes += 1 }
        }
        guard total / 10 >= 475 else { continue }
        reached.append(run.interaction.step)
        break
      }
    }
    #expect(reached.count >= 2, "\(reached)")
  }
}
