import Algorithms
import Environments
import Neural
import Support
import TestSupport
import Testing

/// Targets that look through a model: the arithmetic against golden numbers, and the trajectories against plain loops.
struct ValueExpansionGoldenTests {
  @Test(.golden("neural/policy_functions.json")) func candidatesAndWeights() throws {
    let fixture = try Fixture("neural/policy_functions.json")
    let (inputs, want) = (try fixture["inputs/value_expansion"], try fixture["outputs/value_expansion"])
    #expect(try inputs["variance_epsilon"].double == 1e-8)
    func size(_ name: String) throws -> Int { try inputs[name].integer(in: 1...10_000) }
    let (rows, horizon, members) = (try size("batch"), try size("horizon"), try size("dynamics_members"))
    let (rewards, critics) = (try size("reward_members"), try size("critic_members"))
    let discount = try inputs["gamma"].float
    let real = try inputs["reward"].floats([rows])
    let terminated = try inputs["terminated"].elements(rows).map { try $0.integer(in: 0...1) }
    let imagined = try inputs["imagined_rewards"].floats([rows, horizon, members, rewards])
    let ended = try inputs["imagined_termination"].floats([rows, horizon, members])
    let q = try inputs["target_q"].floats([rows, horizon + 1, members, critics])
    let returns = ExpandedReturns(capacity: rows, members: members, rewards: rewards, horizon: horizon)
    for row in 0..<rows {
      returns.begin(row, reward: real[row], discount: terminated[row] == 1 ? 0 : discount)
      for depth in 0...horizon {
        func value(_ member: Int, _ critic: Int) -> Float {
          q[((row * (horizon + 1) + depth) * members + member) * critics + critic]
        }
        returns.estimate(
          row, depth: depth, critics: critics, critic: value,
          value: { member in (0..<critics).reduce(0) { $0 + value(member, $1) } / Float(critics) })
        guard depth < horizon else { continue }
        for member in 0..<members {
          let place = (row * horizon + depth) * members + member
          returns.advance(row, member, ended: ended[place], discount: discount) { imagined[place * rewards + $0] }
        }
      }
    }
    func all(_ value: (_ row: Int, _ depth: Int) -> Float) -> [Float] {
      (0..<rows).flatMap { row in (0...horizon).map { value(row, $0) } }
    }
    let shape = [rows, horizon + 1]
    try want["candidate_mean"].expectClose(all { returns.mean($0, depth: $1) }, shape, within: 1e-4)
    try want["candidate_variance"].expectClose(all { returns.variance($0, depth: $1) }, shape, within: 1e-4)
    try want["weights"].expectClose(all { Float(returns.weight($0, depth: $1)) }, shape, within: 1e-4)
    try want["steve_target"].expectClose((0..<rows).map(returns.weightedTarget), [rows], within: 1e-4)
    try want["mve_target"].expectClose((0..<rows).map { returns.mean($0, depth: horizon) }, [rows], within: 1e-4)
    try want["model_free_target"].expectClose((0..<rows).map { returns.mean($0, depth: 0) }, [rows], within: 1e-4)
    let use = 1 - (0..<rows).reduce(0) { $0 + returns.weight($1, depth: 0) } / Double(rows)
    try want["model_use"].expectClose([Float(use)], within: 1e-4)
  }

  /// A trajectory that is over is worth what it has earned, whatever a critic would say of where it went.
  @Test func whatIsOverIsNotValued() {
    let returns = ExpandedReturns(capacity: 1, members: 2, horizon: 1)
    returns.begin(0, reward: 1, discount: 0.5)
    returns.advance(0, 0, ended: 1, discount: 0.5) { _ in 4 }
    returns.advance(0, 1, ended: 0, discount: 0.5) { _ in 4 }
    returns.estimate(0, depth: 1, critics: 1, critic: { member, _ in member == 0 ? .nan : 8 }) { member in
      member == 0 ? .nan : 8
    }
    // 1 + ½·4 = 3, and 3 + ¼·8 = 5.
    #expect(returns.mean(0, depth: 1) == 4 && returns.variance(0, depth: 1) == 1)
    returns.begin(0, reward: 1, discount: 0)
    returns.estimate(0, depth: 0, critics: 1, critic: { _, _ in .infinity }, value: { _ in .infinity })
    #expect(returns.mean(0, depth: 0) == 1 && returns.variance(0, depth: 0) == 0)
  }

  // MARK: Through a model

  /// Member m: s' = s + (1 + m/4)·a, r = s₀ − m/8, the end's probability ¼ where s'₀ > 0, certain where s'₀ > 1.
  private final class Drift: DynamicsModel {
    let elites = [2, 0, 1]
    var tables: [TableDeclaration] { [] }
    var facts: [(name: String, value: String)] { [] }
    func fit(_ replay: Replay, _ metrics: inout Metrics) throws -> ModelFitSummary {
      ModelFitSummary(trainLoss: 0, validationLoss: nil, updates: 0)
    }
    static func step(_ member: Int, _ state: [Float], _ action: Float) -> (next: [Float], reward: Float, end: Float) {
      let next = state.map { $0 + (1 + Float(member) / 4) * action }
      return (next, state[0] - Float(member) / 8, next[0] > 1 ? 1 : next[0] > 0 ? 0.25 : 0)
    }
    func advance(_ step: ImaginedStep, by members: MemberChoice, noise: RandomStream) {
      guard case .mean(let member) = members else { preconditionFailure("\(members)") }
      for row in 0..<step.count {
        let after = Drift.step(member, Rows(step.state).row(row).array, step.action[row, 0])
        for column in 0..<2 { step.next[row, column] = after.next[column] }
        (step.reward[row, 0], step.ended[row, 0]) = (after.reward, after.end)
      }
    }
    func makeScorer(_ settings: RolloutSettings) -> any PlanScorer { preconditionFailure("nobody plans here") }
    func meanPredictions(observation: [Float], action: [Float]) -> [[Float]] { [] }
    func archive(_ archive: Archive) throws {}
  }

  private static let rows = 6

  private static func specification(_ space: ActionSpace) -> EnvironmentSpecification {
    EnvironmentSpecification(
      id: "Point", observationSpace: .box(low: [-10, -10], high: [10, 10]), actionSpace: space,
      stepLimit: 10, rewardRange: -100...100, framesPerSecond: 1, summary: "a point")
  }

  private static func learner(_ space: ActionSpace) -> SoftActorCritic {
    var settings = SoftActorCriticSettings()
    (settings.hiddenSizes, settings.criticSettings.hiddenSizes) = ([8], [8])
    (settings.batchSize, settings.temperature, settings.criticSettings.count) = (rows, 0.3, 3)
    settings.discount = 0.9
    return SoftActorCritic(settings, observationSize: 2, space, random: RandomStream(seed: 8), pool: nil)
  }

  /// A minibatch around the origin, of which row 1 has ended; the memory lives as long as `buffers`.
  private static func batch(_ columns: Int, _ buffers: inout [RowBuffer]) -> TransitionBatch {
    var random = RandomStream(seed: 4)
    let made = [2, columns, 1, 2, 1].map { RowBuffer(rows, $0) }
    for buffer in made[..<4] { random.fillUniform(buffer.memory, -0.9, 0.4) }
    if columns > 1 { for row in 0..<rows { made[1].rows[row, 0] = 1; made[1].rows[row, 1] = 0 } }
    made[4].rows[1, 0] = 1
    buffers = made
    return TransitionBatch(
      observations: made[0].read, actions: made[1].read, rewards: made[2].read, next: made[3].read,
      terminated: made[4].read)
  }

  /// What a plain loop makes of one row: targets of every horizon, those of the critics apart, by member.
  private static func candidates(
    _ row: Int, _ batch: TransitionBatch, _ learner: SoftActorCritic, horizon: Int, noise: [Float]
  ) -> [[(least: Double, single: [Double])]] {
    let (alpha, tape) = (learner.temperature.value, Tape())
    return Drift().elites.map { member in
      var state = batch.next.row(row).array
      var (past, factor) = (Double(batch.rewards[row, 0]), batch.terminated[row, 0] == 1 ? 0 : 0.9)
      return (0...horizon).map { depth in
        tape.rewind()
        var drawn = RecordedNoise([noise[depth * rows + row]])
        let seen = tape.constant(state, rows: 1, columns: 2)
        let draw = learner.policy.draw(seen, &drawn, on: tape)
        let q = learner.critics.target.network(tape.concatenateColumns([seen, draw.actions]), on: tape)
        let bonus = -Double(alpha * tape.scalar(draw.logProbabilities))
        let values = (0..<3).map { Double(tape.rows(of: q, member: $0)[0, 0]) + bonus }
        let result = (past + factor * values.min()!, values.map { past + factor * $0 })
        // Squashed to [−1, 1], the model wants what the environment takes: ±2.
        let after = Drift.step(member, state, 2 * tape.values(draw.actions)[0])
        past += factor * (Double(after.reward) + bonus)
        factor *= 0.9 * (1 - Double(after.end))
        state = after.next
        return result
      }
    }
  }

  @Test(arguments: [ValueExpansion.Settings.Kind.fixed, .weighted], [1, 3])
  func trajectoriesFollowThePlainLoop(kind: ValueExpansion.Settings.Kind, horizon: Int) {
    let space = ActionSpace.box(low: [-2], high: [2])
    let (learner, tape) = (Self.learner(space), Tape())
    var buffers: [RowBuffer] = []
    let batch = Self.batch(1, &buffers)
    var settings = ValueExpansion.Settings()
    (settings.kind, settings.horizon) = (kind, horizon)
    let expansion = ValueExpansion(settings, Drift(), Self.specification(space), batchSize: Self.rows, critics: 3)
    var noise = [Float](repeating: 0, count: (horizon + 1) * Self.rows)
    var random = RandomStream(seed: 6)
    noise.withUnsafeMutableBufferPointer { random.fillNormal($0) }
    var recorded = RecordedNoise(noise)
    let targets = RowBuffer(Self.rows, 1)
    tape.withoutGradients {
      expansion.fillTargets(
        of: batch, by: learner, critics: [0, 1, 2], temperature: learner.temperature.value, discount: 0.9, &recorded,
        on: tape, into: targets.rows)
    }
    var use = 0.0
    for row in 0..<Self.rows {
      let members = Self.candidates(row, batch, learner, horizon: horizon, noise: noise)
      let means = (0...horizon).map { depth in members.reduce(0) { $0 + $1[depth].least } / 3 }
      var want = means[horizon]
      if kind == .weighted {
        let trust = (0...horizon).map { depth in
          let all = members.flatMap { $0[depth].single }
          let center = all.reduce(0, +) / Double(all.count)
          return 1 / (all.reduce(0) { $0 + ($1 - center) * ($1 - center) } / Double(all.count) + 1e-8)
        }
        want = zip(trust, means).reduce(0) { $0 + $1.0 * $1.1 } / trust.reduce(0, +)
        use += 1 - trust[0] / trust.reduce(0, +)
      } else {
        use += 1
      }
      #expect(abs(Double(targets.rows[row, 0]) - want) < 1e-4 * max(abs(want), 0.1), "row \(row)")
    }
    #expect(targets.rows[1, 0] == batch.rewards[1, 0], "the task had ended")
    #expect(abs(expansion.modelUse - use / Double(Self.rows)) < 1e-3)
    withExtendedLifetime(buffers) {}
  }

  /// The policy takes no gradient of the critics' target, and the critics none of the slow ones.
  @Test(arguments: [true, false]) func targetsAreConstants(isDiscrete: Bool) throws {
    let space = isDiscrete ? ActionSpace.discrete(count: 2) : .box(low: [-2], high: [2])
    func update(_ kind: ValueExpansion.Settings.Kind) throws -> (SoftActorCritic, SoftActorCritic.Report, [Float]) {
      let learner = Self.learner(space)
      var settings = ValueExpansion.Settings()
      (settings.kind, settings.horizon) = (kind, 2)
      let expansion = ValueExpansion(
        settings, Drift(), Self.specification(space), batchSize: Self.rows, critics: 3)
      var buffers: [RowBuffer] = []
      let batch = Self.batch(space.columns, &buffers)
      var (noise, random) = (RandomStream(seed: 1), RandomStream(seed: 2))
      let slow = Array(learner.critics.target.network.store.values)
      let report = try learner.update(
        on: batch, expandedBy: kind == .none ? nil : expansion, &noise, &random)
      withExtendedLifetime(buffers) {}
      return (learner, report, slow)
    }
    let (_, plainReport, _) = try update(.none)
    for kind in [ValueExpansion.Settings.Kind.fixed, .weighted] {
      let (expanded, report, slow) = try update(kind)
      #expect(report.value != plainReport.value && report.value.isFinite)
      #expect(expanded.critics.target.network.store.gradientNorm == 0)
      #expect(report.temperatureLoss == plainReport.temperatureLoss)
      let moved = expanded.critics.network.store.values
      for (index, value) in expanded.critics.target.network.store.values.enumerated() {
        #expect(abs(value - (0.995 * slow[index] + 0.005 * moved[index])) < 1e-6)
      }
    }
  }
}
