import Algorithms
import Environments
import Support
import TestSupport
import Testing

/// Model-based policy optimisation: its rollouts, its buffer and what it draws from them.
struct MBPOTests {
  private static let specification = EnvironmentSpecification(
    id: "Point", observationSpace: .box(low: [-10, -10], high: [10, 10]), actionSpace: .box(low: [-2], high: [2]),
    stepLimit: 10, rewardRange: -100...100, framesPerSecond: 1, summary: "a point")

  /// Real transitions whose rewards are 1, at observations [i, 0].
  private func real(_ count: Int) -> Replay {
    let replay = Replay(observationSize: 2, actionColumns: 1, capacity: count, layout: .loose, storage: .copied)
    append(count, reward: 1, to: replay)
    return replay
  }

  private func append(_ count: Int, reward: Float, to replay: Replay) {
    let (observations, actions) = (RowBuffer(count, 2), RowBuffer(count, 1))
    let (rewards, terminated) = (RowBuffer(count, 1), RowBuffer(count, 1))
    for row in 0..<count {
      observations.rows[row, 0] = Float(row)
      actions.rows[row, 0] = 2
      rewards.rows[row, 0] = reward
    }
    withExtendedLifetime((observations, actions, rewards, terminated)) {
      replay.append(
        observations.read, actions.read, rewards: rewards.read, terminated: terminated.read, next: observations.read)
    }
  }

  /// Moves the first column on by 1; ends the task at 3; the reward is the column before.
  private final class Counter: DynamicsModel {
    /// Who was asked to move the rows, at every step.
    var asked: [String] = []
    var tables: [TableDeclaration] { [] }
    var facts: [(name: String, value: String)] { [] }
    func fit(_ replay: Replay, _ metrics: inout Metrics) throws -> ModelFitSummary {
      ModelFitSummary(trainLoss: 0, validationLoss: nil, updates: 0)
    }
    /// Two members, .01 apart in every column, and 4 apart where the first one is past ½.
    func makePredictions(rows: Int) -> MemberPredictions? {
      MemberPredictions(members: 2, targets: 3, capacity: rows)
    }
    func predictMembers(_ step: ImaginedStep, into predictions: MemberPredictions) {
      for row in 0..<step.count {
        let apart: Float = step.state[row, 0] > 0.5 ? 4 : 0.01
        for (member, sign) in [(0, Float(-0.5)), (1, 0.5)] {
          for target in 0..<3 { predictions.set(member, target, row, mean: sign * apart, variance: 1) }
        }
      }
    }
    func advance(_ step: ImaginedStep, by members: MemberChoice, noise: RandomStream) {
      asked.append("\(members)")
      for row in 0..<step.count {
        step.next[row, 0] = step.state[row, 0] + 1
        step.next[row, 1] = step.action[row, 0]
        step.reward[row, 0] = step.state[row, 0]
        step.ended[row, 0] = step.next[row, 0] >= 3 ? 1 : 0
      }
    }
    func makeScorer(_ settings: RolloutSettings) -> any PlanScorer { preconditionFailure("nobody plans here") }
    func meanPredictions(observation: [Float], action: [Float]) -> [[Float]] { [] }
    func archive(_ archive: Archive) throws {}
  }

  /// Always the same action.
  private final class Constant: RowPolicy {
    func act(_ observations: Rows, into actions: ActionRows, isStochastic: Bool, _ random: inout RandomStream) {
      #expect(isStochastic)
      for row in 0..<actions.count { actions.rows[row, 0] = 0.5 }
    }
  }

  /// Nothing is imagined after an imagined end, the end is stored as one, and a rollout's last step is not.
  @Test func rolloutsStopWhereTheTaskEnds() {
    let buffer = Replay(observationSize: 2, actionColumns: 1, capacity: 20_000, layout: .loose, storage: .copied)
    let rollouts = BranchedRollouts(Counter(), Self.specification)
    // Starts at 0, 1 and 2: three, two and one steps to the end.
    let report = rollouts.run(
      starts: 3000, length: 2, from: real(3), by: Constant(), into: buffer, random: RandomStream(seed: 1))
    let (observations, next) = (buffer.all(buffer.observation), buffer.all(buffer.next))
    let (rewards, ended) = (buffer.all(buffer.reward), buffer.all(buffer.terminated))
    #expect(buffer.count == report.stored)
    var begun = [0, 0, 0]
    for row in 0..<buffer.count {
      let place = observations.rows[row, 0]
      #expect(place < 3 && next.rows[row, 0] == place + 1 && next.rows[row, 1] == 0.5)
      #expect(rewards.rows[row, 0] == place)
      #expect(ended.rows[row, 0] == (place == 2 ? 1 : 0))
      if observations.rows[row, 1] == 0 { begun[Int(place)] += 1 }
    }
    #expect(begun.reduce(0, +) == 3000 && begun.allSatisfy { $0 > 900 })
    #expect(report.stored == 2 * begun[0] + 2 * begun[1] + begun[2])
    #expect(report.ended == Double(begun[1] + begun[2]) / 3000)
  }

  /// Every row of every step draws an elite; where all members are fused, any member.
  @Test func whoMovesTheRows() {
    func asked(_ judge: RolloutJudge?) -> Set<String> {
      let (model, buffer) = (
        Counter(), Replay(observationSize: 2, actionColumns: 1, capacity: 100, layout: .loose, storage: .copied)
      )
      _ = BranchedRollouts(model, Self.specification, judge: judge)
        .run(starts: 20, length: 2, from: real(2), by: Constant(), into: buffer, random: RandomStream(seed: 1))
      return Set(model.asked)
    }
    #expect(asked(nil) == ["drawn"])
    for (draw, who) in [(RolloutTrust.Draw.member, "drawn"), (.conditional, "drawnFromAll"), (.fused, "drawnFromAll")] {
      var trust = RolloutTrust()
      trust.draw = draw
      #expect(asked(RolloutJudge(trust, observationSize: 2)) == [who])
    }
  }

  /// What the judge takes off a reward, and the ends that it makes, are in the rows that are stored; what it has to know
  /// of real transitions, it is told of real ones.
  @Test func whatTheJudgeSaysIsStored() {
    func stored(_ change: (inout RolloutTrust) -> Void) -> [(place: Float, reward: Float, ended: Float)] {
      var trust = RolloutTrust()
      change(&trust)
      let buffer = Replay(observationSize: 2, actionColumns: 1, capacity: 1000, layout: .loose, storage: .copied)
      let rollouts = BranchedRollouts(Counter(), Self.specification, judge: RolloutJudge(trust, observationSize: 2))
      let real = real(1)
      if trust.surveysReal { rollouts.survey(real) }
      _ = rollouts.run(
        starts: 50, length: 3, from: real, by: Constant(), into: buffer, random: RandomStream(seed: 1))
      let (places, rewards) = (buffer.all(buffer.observation), buffer.all(buffer.reward))
      let ended = buffer.all(buffer.terminated)
      return (0..<buffer.count).map { (places.rows[$0, 0], rewards.rows[$0, 0], ended.rows[$0, 0]) }
    }
    // σ is half of the distance in each of three columns: √3/2 of it.
    let fined = stored { ($0.penalty, $0.penaltyWeight) = (.disagreement, 2) }
    #expect(fined.contains { $0.place == 2 })
    for row in fined {
      let sigma = (row.place > 0 ? 4 : 0.01) * Float(0.75).squareRoot()
      #expect(abs(row.reward - (row.place - 2 * sigma)) < 1e-5)
    }
    // Starts are at 0, where the members agree; at 1 they never did on real data.
    let halted = stored { ($0.cut, $0.haltReward) = (.halt, -7) }
    #expect(halted.count == 100 && halted.allSatisfy { $0.place < 2 })
    for row in halted {
      #expect(row.place == 1 ? row.reward == -7 && row.ended == 1 : row.reward == 0 && row.ended == 0)
    }
  }

  /// MACURA's border is the percentile of the first steps of a whole round, however it is cut into chunks: under the
  /// largest divergence of all, all first steps stay but that one.
  @Test(arguments: [1, 2, 3, 4] as [UInt64]) func aRoundHasOneBorder(seed: UInt64) throws {
    let real = try randomTransitions("Pendulum-v1", count: 300)
    let model = makeModel(
      #"{"ensembleSize": 3, "hiddenSizes": [8], "epochs": 2, "reward": "learned"}"#, for: "Pendulum-v1")
    var rows: [ModelFitRow] = []
    _ = try model.fit(real, rows: &rows)
    var trust = RolloutTrust()
    (trust.cut, trust.percentile) = (.threshold, 100)
    let specification = task("Pendulum-v1").specification
    let judge = RolloutJudge(trust, observationSize: 3)
    let rollouts = BranchedRollouts(model, specification, judge: judge)
    var borders: [Double] = []
    for round in 0..<2 {
      let buffer = Replay(observationSize: 3, actionColumns: 1, capacity: 5000, layout: .loose, storage: .copied)
      let report = rollouts.run(
        starts: 2500, length: 1, from: real, by: UniformPolicy(nil), into: buffer,
        random: RandomStream(seed: seed).stream(UInt64(round)))
      if round == 0 { #expect(report.stored == 2499) }
      // The threshold is the mean of all rounds' borders, of this round's too.
      borders.append(judge.threshold * Double(round + 1) - borders.reduce(0, +))
      #expect(borders[round] > 0)
    }
    #expect(borders[0] != borders[1])
  }

  /// Where a round is cut into chunks changes nothing that the same stream decides.
  @Test func theSameRoundIsTheSame() {
    func imagined() -> [Float] {
      let buffer = Replay(observationSize: 2, actionColumns: 1, capacity: 9000, layout: .loose, storage: .copied)
      _ = BranchedRollouts(Counter(), Self.specification).run(
        starts: 2500, length: 3, from: real(2), by: Constant(), into: buffer, random: RandomStream(seed: 7))
      let observations = buffer.all(buffer.observation)
      return withExtendedLifetime(observations) { observations.read.array }
    }
    #expect(imagined() == imagined())
  }

  /// ⌊0.05 · 256⌋ = 12 real rows, whatever is drawn; all of them before anything is imagined.
  @Test func theShareOfRealRowsIsExact() {
    let (real, imagined) = (
      real(50),
      Replay(
        observationSize: 2, actionColumns: 1, capacity: 100, layout: .loose, storage: .copied)
    )
    let minibatch = Minibatch(256, of: real)
    var random = RandomStream(seed: 3)
    func realRows() -> Int {
      let batch = minibatch.draw(
        0.05, from: real, rest: imagined, squashedTo: Self.specification.actionSpace, &random)
      // Vectors of actions come squashed: 2 of ±2 is 1.
      #expect((0..<256).allSatisfy { batch.actions[$0, 0] == 1 })
      return (0..<256).count { batch.rewards[$0, 0] == 1 }
    }
    #expect(realRows() == 256)
    append(80, reward: 2, to: imagined)
    for _ in 0..<5 { #expect(realRows() == 12) }
  }

  /// Every row of every step draws an elite; those that are none move nothing.
  @Test func everyRowDrawsAnElite() throws {
    var configuration = EnsembleDynamics.Configuration()
    (configuration.ensembleSize, configuration.elites, configuration.hiddenSizes) = (5, 3, [8])
    (configuration.kind, configuration.reward, configuration.termination) = (.deterministic, .learned, .never)
    let model = EnsembleDynamics(
      configuration, DynamicsLayout(Self.specification, known: nil), random: RandomStream(seed: 5),
      pool: ComputePool(threads: 1))
    let rows = 3000
    func moved(_ seed: UInt64) -> [Int] {
      let step = ImaginedStep(capacity: rows, observationSize: 2, actionColumns: 1)
      for row in 0..<rows { (step.state[row, 0], step.action[row, 0]) = (1, 0.5) }
      model.advance(step, by: .drawn, noise: RandomStream(seed: seed))
      let predictions = model.meanPredictions(observation: [1, 0], action: [0.5]).map { $0[0] }
      return (0..<rows).map { row in predictions.firstIndex(of: step.next[row, 0]) ?? -1 }
    }
    let first = moved(1)
    #expect(Set(first) == Set(model.elites))
    for member in model.elites { #expect(abs(first.count { $0 == member } - rows / 3) < 150) }
    #expect(moved(2) != first && moved(1) == first)
  }
}

/// The schedule of the rollouts' length.
struct RolloutLengthGoldenTests {
  /// Golden: the authors' schedule, epoch by epoch.
  @Test(.golden("neural/policy_functions.json")) func theLengthFollowsItsSchedule() throws {
    let fixture = try Fixture("neural/policy_functions.json")
    let cases = try fixture["inputs/schedules/rollout_length"].elements()
    for (given, want) in zip(cases, try fixture["outputs/schedules/rollout_length"].elements(cases.count)) {
      let parts = try given["schedule"].elements(4).map { try $0.integer(in: 0...1_000_000) }
      var schedule = RolloutLength()
      (schedule.from, schedule.to, schedule.first, schedule.last) = (parts[0], parts[1], parts[2], parts[3])
      let epochs = try given["epochs"].elements().map { try $0.integer(in: 0...1_000_000) }
      for (epoch, length) in zip(epochs, try want.elements(epochs.count)) {
        #expect(schedule.value(at: epoch) == (try length.integer(in: 0...1_000_000)), "\(parts) at \(epoch)")
      }
    }
  }
}

/// How far imagined transitions are believed, against the formulas of those who proposed the rules.
struct RolloutTrustGoldenTests {
  /// The members' predictions of a file, whose first output is the reward: here it comes last.
  private func predictions(_ inputs: Fixture) throws -> (MemberPredictions, rows: Int, targets: Int) {
    let shape = try inputs["means"].shape(rank: 3)
    let (members, rows, targets) = (shape[0], shape[1], shape[2])
    let (means, deviations) = (try inputs["means"].floats(shape), try inputs["stds"].floats(shape))
    let predictions = MemberPredictions(members: members, targets: targets, capacity: rows)
    for member in 0..<members {
      for row in 0..<rows {
        for target in 0..<targets {
          let place = (member * rows + row) * targets + (target + 1) % targets
          predictions.set(
            member, target, row, mean: means[place], variance: deviations[place] * deviations[place])
        }
      }
    }
    return (predictions, rows, targets)
  }

  @Test(.golden("neural/policy_functions.json")) func distancesAndDivergences() throws {
    let fixture = try Fixture("neural/policy_functions.json")
    let (inputs, want) = (try fixture["inputs/penalties"], try fixture["outputs/penalties"])
    let (predictions, rows, targets) = try predictions(inputs)
    func all(_ value: (Int) -> Float) -> [Float] { (0..<rows).map(value) }
    try want["mopo/penalty"].expectClose(all(predictions.largestDeviation), [rows], within: 2e-5)
    try want["mean_deviation/penalty"].expectClose(
      all { predictions.largestDistance($0, over: 0..<targets - 1) }, [rows], within: 2e-5)
    try want["root_mean_square/penalty"].expectClose(all(predictions.disagreement), [rows], within: 2e-5)
    try want["morel/discrepancy"].expectClose(all(predictions.largestPairDistance), [rows], within: 2e-5)
    let chosen = try inputs["chosen_member"].elements(rows).map { try $0.integer(in: 0...predictions.members - 1) }
    let divergences = all { predictions.divergence(of: chosen[$0], $0) }
    try want["m2ac/divergence"].expectClose(divergences, [rows], within: 2e-5)
    let share = Int(try inputs["m2ac/kept_share"].double * Double(rows))
    let kept = try want["m2ac/kept"].elements(share).map { Int32(try $0.integer(in: 0...rows - 1)) }
    #expect(RolloutJudge.lowest(share, of: divergences) == kept)
    #expect((0..<4).map { RolloutJudge.kept(of: 1000, time: $0, length: 4) } == [400, 300, 200, 100])
    #expect(RolloutJudge.kept(of: 1000, time: 0, length: 1) == 500)
    let pairs = all(predictions.pairDivergence)
    try want["macura/divergence"].expectClose(pairs, [rows], within: 2e-5)
    let border =
      try inputs["macura/xi"].double
      * RolloutJudge.percentile(try inputs["macura/zeta_percentile"].double, of: pairs.map { Double($0) })
    try want["macura/border"].expectClose([Float(border)], within: 2e-5)
    let judge = RolloutJudge(RolloutTrust(), observationSize: targets - 1)
    for earlier in try inputs["macura/previous_thresholds"].elements() { judge.remember(try earlier.double) }
    judge.remember(border)
    try want["macura/threshold"].expectClose([Float(judge.threshold)], within: 2e-5)
    let trusted = try want["macura/trusted"].elements(rows).map { try $0.integer(in: 0...1) }
    #expect(pairs.map { Double($0) < judge.threshold ? 1 : 0 } == trusted)
  }

  /// The penalty is taken off, and nothing else is changed.
  @Test(.golden("neural/policy_functions.json"), arguments: ["mopo", "mean_deviation", "root_mean_square"])
  func rewardsAreLowered(name: String) throws {
    let fixture = try Fixture("neural/policy_functions.json")
    let (inputs, want) = (try fixture["inputs/penalties"], try fixture["outputs/penalties/\(name)"])
    let (predictions, rows, targets) = try predictions(inputs)
    var trust = RolloutTrust()
    trust.penalty = name == "mopo" ? .deviation : name == "mean_deviation" ? .distance : .disagreement
    trust.penaltyWeight = try inputs["lambda"].double
    let step = ImaginedStep(capacity: rows, observationSize: targets - 1, actionColumns: 1)
    for (row, reward) in try inputs["rewards"].floats([rows]).enumerated() { step.reward[row, 0] = reward }
    var (stored, goingOn): ([Int32], [Bool]) = ([], [])
    RolloutJudge(trust, observationSize: targets - 1)
      .judge(step, predictions, time: 0, length: 1, stored: &stored, goingOn: &goingOn)
    try want["penalised_rewards"].expectClose(Rows(step.reward).array, [rows], within: 2e-5)
    #expect(stored.count == rows && goingOn.allSatisfy { $0 } && Rows(step.ended).array.allSatisfy { $0 == 0 })
  }

  /// M2AC's penalty is that of the member that moved the row.
  @Test func theMoversDivergenceIsTakenOff() {
    let predictions = MemberPredictions(members: 2, targets: 2, capacity: 2)
    for row in 0..<2 {
      predictions.set(0, 0, row, mean: Float(row), variance: 1)
      predictions.set(1, 0, row, mean: 0, variance: 4)
      for member in 0..<2 { predictions.set(member, 1, row, mean: 0, variance: 1) }
    }
    var trust = RolloutTrust()
    (trust.penalty, trust.penaltyWeight) = (.divergence, 0.5)
    let step = ImaginedStep(capacity: 2, observationSize: 1, actionColumns: 1)
    step.mover = [0, 1]
    var (stored, goingOn): ([Int32], [Bool]) = ([], [])
    RolloutJudge(trust, observationSize: 1)
      .judge(step, predictions, time: 0, length: 1, stored: &stored, goingOn: &goingOn)
    let want = [-0.5 * predictions.divergence(of: 0, 0), -0.5 * predictions.divergence(of: 1, 1)]
    #expect(Rows(step.reward).array == want && want[0] != want[1] && want[0] < 0)
  }

  /// MOReL: beyond the largest distance on REAL data the task ends, with the halt's reward.
  @Test(.golden("neural/policy_functions.json")) func rolloutsHaltWhereNothingIsKnown() throws {
    let fixture = try Fixture("neural/policy_functions.json")
    let (inputs, want) = (try fixture["inputs/penalties"], try fixture["outputs/penalties/morel"])
    let (predictions, rows, targets) = try predictions(inputs)
    var trust = RolloutTrust()
    trust.cut = .halt
    trust.coefficient = try inputs["morel/coefficient"].double
    trust.haltReward = try inputs["morel/halt_reward"].double
    let shape = try inputs["morel/data_means"].shape(rank: 3)
    let real = MemberPredictions(members: shape[0], targets: shape[2], capacity: shape[1])
    let means = try inputs["morel/data_means"].floats(shape)
    for (place, mean) in means.enumerated() {
      let (member, row) = (place / (shape[1] * shape[2]), place / shape[2] % shape[1])
      real.set(member, place % shape[2], row, mean: mean, variance: 0)
    }
    let judge = RolloutJudge(trust, observationSize: targets - 1)
    judge.observeReal(real, count: shape[1], isFirst: true)
    let step = ImaginedStep(capacity: rows, observationSize: targets - 1, actionColumns: 1)
    for (row, reward) in try inputs["rewards"].floats([rows]).enumerated() { step.reward[row, 0] = reward }
    var (stored, goingOn): ([Int32], [Bool]) = ([], [])
    judge.judge(step, predictions, time: 0, length: 1, stored: &stored, goingOn: &goingOn)
    #expect(
      Rows(step.ended).array.map { Int($0) } == (try want["halt"].elements(rows).map { try $0.integer(in: 0...1) }))
    try want["rewards"].expectClose(Rows(step.reward).array, [rows], within: 2e-5)
    #expect(stored.count == rows)
  }

  /// After its last fit the model stays as it is, and is imagined through by the policy of each round all the same; a
  /// restored agent has not forgotten.
  @Test func theModelIsNotFittedMoreOftenThanAllowed() throws {
    func agent(_ mostFits: Int) throws -> any Agent {
      try makeAgent(
        """
        {"agent": {"type": "mbpo", "initialRandomSteps": 40, "fitEvery": 20, "rolloutStarts": 30, "retainedRounds": 9,
           "updatesPerStep": 0, "hiddenSizes": [4], "criticHiddenSizes": [4], "batchSize": 4, "mostFits": \(mostFits)},
         "model": {"ensembleSize": 2, "elites": 2, "hiddenSizes": [8], "epochs": 1}}
        """, for: task("Pendulum-v1"))
    }
    func fact(_ name: String, _ agent: any Agent) -> Int {
      Int(agent.facts.first { $0.name == name }?.value ?? "") ?? -1
    }
    for mostFits in [0, 1, 2] {
      let agent = try agent(mostFits)
      let interaction = Interaction(agent, try group("Pendulum-v1"))
      while interaction.step < 100 { try interaction.advance() }
      // Due at 40, 60, 80 and 100.
      #expect(fact("model fits", agent) == (mostFits == 0 ? 4 : mostFits) && fact("imagined", agent) == 4 * 30)
    }
    let first = try agent(1)
    let interaction = Interaction(first, try group("Pendulum-v1"))
    while interaction.step < 40 { try interaction.advance() }
    let second = try agent(1)
    try restore(second, from: stored(first))
    let later = Interaction(second, try group("Pendulum-v1"))
    while later.step < 60 { try later.advance() }
    #expect(fact("model fits", second) == 1 && fact("imagined", second) > 30)
  }
}
