import Reports
import Algorithms
import Support
import Testing

import Environments
import Experiments
import TestSupport

/// What every agent promises, on the real run loop: a new agent is tested here without any new test code.
@Suite struct AgentContractTests {
  /// Settings that make any agent quick; those that an agent does not have are left out. Models are fitted at the ends
  /// of the 15-step episodes: several times, before, at and after the stops.
  static let quick: [(path: String, value: String)] = [
    ("agent.initialRandomSteps", "30"), ("agent.startSteps", "30"), ("agent.batchSize", "8"),
    ("agent.fitEvery", "15"), ("agent.imaginationLength", "6"), ("agent.sequenceLength", "4"),
    ("agent.rolloutLength", "9"), ("agent.epochs", "3"), ("agent.hiddenSizes", "[8, 8]"),
    ("agent.criticHiddenSizes", "[8]"), ("agent.rolloutStarts", "20"), ("agent.updatesPerStep", "2"),
    ("model.ensembleSize", "2"), ("model.hiddenSizes", "[8]"),
    ("model.epochs", "3"), ("model.batchSize", "16"), ("planner.horizon", "4"), ("planner.particles", "4"),
    ("planner.population", "12"), ("planner.elites", "4"), ("planner.iterations", "2"), ("planner.restarts", "2"),
  ]

  /// A vector of actions, a vector of observations, a table: an agent is tested on the first that suits it.
  static let environments = ["LineWorld-v0", "CartPole-v1", "GridWorld-v0"]

  static func bench(_ agent: String, steps: Int = 100) throws -> Bench {
    try bench(Case(agent: agent), steps: steps)
  }

  static func bench(_ variant: Case, steps: Int = 100) throws -> Bench {
    let benches = try environments.map { environment in
      var bench = try Bench(
        """
        {"name": "contract", "environment": {"id": "\(environment)", "stepLimit": 15},
         "agent": {"type": "\(variant.agent)"}, "training": {"environmentSteps": \(steps)},
         "evaluation": {"every": 40, "episodes": 2}, "checkpoint": {"every": 35}, "logging": {"progressEvery": 10}}
        """)
      bench.agent = nil
      return bench
    }
    var bench = try #require(benches.first { (try? $0.plan()) != nil })
    guard let guest = variant.guest else { return bench }
    let likeness = try bench.plan().experiment.configuration.task().specification
    bench.environment = EnvironmentConfiguration(
      id: "Point", PointSettings(like: likeness, isThreaded: guest == .threaded, isPicture: guest == .picture))
    return bench
  }

  static func overrides(_ bench: Bench, _ variant: Case? = nil) throws -> [String] {
    let known = Set(try bench.plan(variant?.settings ?? []).experiment.entries.map(\.path))
    let ends = variant?.agent == "double-horizon" ? "never" : "learned"
    let learned = variant?.guest == nil ? [] : [("model.reward", "learned"), ("model.termination", ends)]
    return (quick + learned).filter { known.contains($0.path) }.map { "\($0.path)=\($0.value)" }
      + (variant?.settings ?? [])
  }

  static let agents = Agents.entries.map(\.name)

  /// Tasks that are not values, or are seen as pictures.
  enum Guest: String { case threaded, picture }

  /// An agent, with settings that have a way of their own to break a promise, on its own task or a guest's.
  struct Case: Sendable, CustomTestStringConvertible {
    var agent: String
    var settings: [String] = []
    var guest: Guest?
    var testDescription: String { ([agent] + settings + [guest?.rawValue ?? ""]).joined(separator: " ") }
  }

  /// Every agent; those that imagine through an ensemble in bfloat16, too; every agent on three environments that are
  /// stepped together, on one that refuses copies and lives on a thread of its own, on three of those, and, where it
  /// does not need a table, on pictures.
  static let variants: [Case] =
    agents.map { Case(agent: $0) }
    + agents.filter { has("planner.precision", $0) }.map { Case(agent: $0, settings: ["planner.precision=bfloat16"]) }
    + [
      Case(
        agent: "random-shooting",
        settings: ["agent.inverse.epochs=2", "agent.inverse.proposals=3", "agent.inverse.featureLoss=0.5"])
    ]
    + agents.map { Case(agent: $0, settings: ["training.environments=3"]) }
    + agents.map { Case(agent: $0, guest: .threaded) }
    + agents.map { Case(agent: $0, settings: ["training.environments=3"], guest: .threaded) }
    + agents.filter { $0 != "dyna-q" }.map { Case(agent: $0, guest: .picture) } + laden

  /// Agents with everything on that their defaults leave out.
  static let laden = [
    Case(
      agent: "dqn",
      settings: [
        "agent.isDouble=true", "agent.isDueling=true", "agent.nStepReturns=3", "agent.priorityExponent=0.6",
        "agent.updatesPerStep=0.75", "agent.targetEvery=20", "agent.standardizesObservations=true",
      ]),
    Case(
      agent: "mbpo",
      settings: [
        "agent.trust.penalty=disagreement", "agent.trust.cut=threshold", "agent.rolloutLength.last=3",
        "agent.rolloutLength.to=60",
      ]),
    Case(
      agent: "sac",
      settings: ["environment.wrappers.normalizesObservations=true", "environment.wrappers.frameStack=2"]),
    Case(agent: "mbpo", settings: ["agent.valueExpansion.type=weighted", "agent.rolloutStarts=0"]),
    Case(
      agent: "mbpo",
      settings: [
        "agent.trust.cut=information", "agent.trust.draw=conditional", "agent.trust.weight=spread",
        "agent.rolloutLength.first=3",
      ]),
    Case(agent: "mbpo", settings: ["agent.trust.penalty=deviation", "agent.trust.cut=halt", "agent.mostFits=1"]),
    Case(agent: "mbpo", settings: ["agent.trust.cut=share", "agent.rolloutLength.first=2"]),
    Case(
      agent: "dreamer",
      settings: [
        "agent.latent.type=gaussian", "agent.latent.count=5", "agent.latent.averagesFreeNats=true",
        "agent.behaviour.reinforceShare=0.5", "agent.behaviour.slowPeriod=3", "agent.behaviour.bootstrapsSlowly=true",
        "agent.behaviour.staysNearSlow=false", "agent.behaviour.normalizesReturns=false",
        "agent.curiosity.type=disagreement", "agent.curiosity.taskWeight=0.5",
      ]),
    Case(agent: "dyna", settings: ["agent.nStepReturns=2", "agent.priorityExponent=1", "agent.updateEvery=4"]),
    Case(
      agent: "sac",
      settings: [
        "agent.nStepReturns=3", "agent.critics=4", "agent.targetCritics=2", "agent.criticLayerNorm=true",
        "agent.criticDropout=0.1",
      ]),
  ]

  private static func has(_ setting: String, _ agent: String) -> Bool {
    (try? bench(agent).plan().experiment.entries.contains { $0.path == setting }) ?? false
  }

  @Test func somePlannersAreTestedInBfloat16() {
    #expect(Self.variants.count { $0.settings == ["planner.precision=bfloat16"] } >= 2)
  }

  @Test(arguments: variants)
  func stoppedAnywhereItEndsInTheSameBytes(variant: Case) throws {
    let undisturbed = try Self.bench(variant)
    let overrides = try Self.overrides(undisturbed, variant)
    #expect(try undisturbed.train(overrides).exitCode == .success)
    let expected = try reproducible(try undisturbed.seed())
    let stopped = try Self.bench(variant)
    // In the random phase, in an episode, at its end, in an evaluation, between plans.
    let isGroup = variant.settings == ["training.environments=3"]
    let stops: [StopPoint] =
      isGroup
      ? [.step(6), .step(42), .step(45), .evaluation(81), .step(93)]
      : [.step(7), .step(44), .step(45), .evaluation(80), .step(93)]
    for stop in stops { #expect(try stopped.train(overrides, stop: once(stop)).exitCode == .interrupted) }
    #expect(try stopped.train(overrides).exitCode == .success)
    let found = try reproducible(try stopped.seed())
    for name in expected.keys.sorted() { #expect(found[name] == expected[name], "\(name)") }
  }

  /// Stopped again and again in the middle of plans, of model fits, and of plans within evaluations.
  @Test(arguments: variants)
  func interruptedInItsComputationsItEndsInTheSameBytes(variant: Case) throws {
    let undisturbed = try Self.bench(variant)
    let overrides = try Self.overrides(undisturbed, variant) + ["threads=2"]
    let questions = Counter()
    let result = try undisturbed.train(
      overrides,
      stop: { _, point in
        if point == .computation { questions.increment() }
        return false
      })
    #expect(result.exitCode == .success)
    let expected = try reproducible(try undisturbed.seed())
    let interrupted = try Self.bench(variant)
    var sessions = 0
    while true {
      // Longer than a fit and than an evaluation's episode now and then, so that the run gets on.
      let countdown = Countdown([0, 4, 101, 1, 2, 101][sessions % 6])
      let result = try interrupted.train(overrides, stop: { _, point in point == .computation && countdown.isOver })
      if result.exitCode == .success { break }
      try #require(result.exitCode == .interrupted && sessions < 500)
      sessions += 1
    }
    #expect(sessions >= min(questions.value, 2))
    let found = try reproducible(try interrupted.seed())
    for name in expected.keys.sorted() { #expect(found[name] == expected[name], "\(name)") }
  }

  @Test(arguments: variants)
  func jobsAndThreadsChangeNothing(variant: Case) throws {
    let one = try Self.bench(variant, steps: 70)
    let two = try Self.bench(variant, steps: 70)
    let overrides = try Self.overrides(one, variant)
    #expect(try one.train(overrides + ["threads=1"], seeds: [0, 1], jobs: 1).exitCode == .success)
    #expect(try two.train(overrides + ["threads=3"], seeds: [0, 1], jobs: 2).exitCode == .success)
    for seed in 0...1 { #expect(try reproducible(try one.seed(seed)) == reproducible(try two.seed(seed)), "\(seed)") }
  }

  @Test(arguments: variants)
  func evaluatingChangesNothing(variant: Case) throws {
    let often = try Self.bench(variant, steps: 70)
    let never = try Self.bench(variant, steps: 70)
    let overrides = try Self.overrides(often, variant)
    try often.train(overrides + ["evaluation.every=9"])
    try never.train(overrides + ["evaluation.episodes=0"])
    let (left, right) = (try reproducible(try often.seed()), try reproducible(try never.seed()))
    for name in ["episodes", "progress", "model", "weights", "state"] { #expect(left[name] == right[name], "\(name)") }
  }

  /// Guests are not registered, so no file can name them.
  @Test(arguments: variants.filter { $0.guest == nil })
  func aCheckpointEvaluatesToTheNumbersOfTraining(variant: Case) throws {
    let bench = try Self.bench(variant, steps: 80)
    try bench.train(try Self.overrides(bench, variant))
    let path = "\(try bench.seed())/checkpoints/latest"
    let report = try PolicyEvaluation().run(path)
    let row = try #require(text("\(try bench.seed())/eval.csv").split(separator: "\n").last)
    let steps = variant.settings == ["training.environments=3"] ? 81 : 80
    #expect(row.hasPrefix("\(steps),2,\(report.result.mean),\(report.result.deviation),"))
    try checkOpenLoop(path)
  }

  /// What a world model expects is written in numbers; without one, or as pictures of numbers, it is refused before an
  /// episode is run.
  private func checkOpenLoop(_ path: String) throws {
    let configuration = try PolicyEvaluation.configuration(of: Checkpoint.read(path))
    let hasModel = try RunLoop(configuration, seed: 0, threads: 1).agent.openLoopModel != nil
    let isImage = try configuration.task().specification.observationSpace.isImage
    for format in [OpenLoopPicture.Format.csv, .svg, .gif, .png] {
      var evaluation = PolicyEvaluation()
      (evaluation.openLoop, evaluation.episodes) = (format, 1)
      let steps = Guarded(0)
      evaluation.shouldStop = {
        steps.withLock { $0 += 1 }
        return false
      }
      if hasModel && (isImage || format == .csv || format == .svg) {
        #expect(try evaluation.run(path).openLoop?.isEmpty == false)
      } else {
        let found = try #require(error { try evaluation.run(path) })
        #expect(found.exitCode == .usage && "\(found)".hasPrefix("--open-loop: ") && steps.withLock { $0 } == 0)
      }
    }
  }

  /// Whoever has a model of the dynamics can be told what it gets wrong, always the same; nobody else.
  @Test(arguments: variants.filter { $0.guest == nil })
  func aModelCanBeDiagnosed(variant: Case) throws {
    let bench = try Self.bench(variant, steps: 80)
    try bench.train(try Self.overrides(bench, variant) + ["evaluation.episodes=0"])
    let path = "\(try bench.seed())/checkpoints/latest"
    let loop = try RunLoop(
      try bench.plan(Self.overrides(bench, variant)).experiment.configuration, seed: 0, threads: 1)
    try loop.restore(try Checkpoint.read(path), LogFolder(Checkpoint.logs(of: path)))
    var settings = Diagnosis.Settings()
    (settings.episodes, settings.horizon) = (2, 3)
    guard loop.agent.model != nil || loop.agent.openLoopModel != nil else {
      #expect(throws: ExperimentError.self) { try Diagnosis(of: path, settings) }
      return
    }
    let diagnosis = try Diagnosis(of: path, settings)
    #expect(diagnosis.returns.count == 2 && diagnosis.transitions > 0 && diagnosis.known > 0)
    let openLoop = try #require(diagnosis.openLoop)
    #expect(openLoop.steps == [1, 2, 3] && openLoop.mean.allSatisfy { $0.isFinite && $0 >= 0 })
    #expect(openLoop.reward.count == 3 && diagnosis.bound(3) != nil)
    settings.threads = 1
    let again = try Diagnosis(of: path, settings)
    #expect(again.json.compactText == diagnosis.json.compactText && again.csv == diagnosis.csv)
    #expect(!diagnosis.lines.contains { $0.contains("nan") } && !diagnosis.verdict.isEmpty)
  }

  /// Every planner has state of its own that could reach from one episode into the next.
  private static let planners = PlanOptimizers.entries.map {
    Case(agent: "pets", settings: ["planner.type=\($0.name)"])
  }

  @Test(arguments: variants.filter { $0.guest == nil } + planners)
  func anyEpisodeOfAnEvaluationRunsAgainByItsSeed(variant: Case) throws {
    let bench = try Self.bench(variant, steps: 60)
    try bench.train(try Self.overrides(bench, variant) + ["evaluation.episodes=0"])
    for isStochastic in [false, true] {
      var evaluation = PolicyEvaluation()
      (evaluation.episodes, evaluation.seed, evaluation.isStochastic) = (4, 500, isStochastic)
      let path = "\(try bench.seed())/checkpoints/latest"
      let episodes = try evaluation.run(path).result.episodes
      #expect(episodes.map(\.seed) == [500, 501, 502, 503])
      for episode in episodes {
        (evaluation.episodes, evaluation.seed) = (1, episode.seed)
        #expect(try evaluation.run(path).result.episodes == [episode], "stochastic: \(isStochastic)")
      }
    }
  }

  /// The progress line can only tell random steps from others if the agent says so.
  @Test(arguments: agents)
  func randomStepsAreCalledSo(agent: String) throws {
    let bench = try Self.bench(agent)
    let overrides = try Self.overrides(bench)
    guard overrides.contains(where: { $0.hasPrefix("agent.initialRandomSteps=") }) else { return }
    let loop = try RunLoop(try bench.plan(overrides).experiment.configuration, seed: 0, threads: 1)
    for _ in 0..<20 { try loop.step() }
    #expect(loop.activity.moment == Activity.Moment(.random))
    for _ in 0..<20 { try loop.step() }
    #expect([.none, .planning].contains(loop.activity.moment.phase))
    var episodes: [Evaluation.Episode] = []
    let before = loop.activity.moment
    _ = try loop.evaluate(Evaluation(episodes: 1, seed: 1), into: &episodes) {
      #expect(loop.activity.moment == Activity.Moment(.evaluating, 0, of: 1))
      return false
    }
    #expect(loop.activity.moment == before)
  }

  @Test(arguments: agents)
  func theEstimateOfACheckpointIsNear(agent: String) throws {
    let bench = try Self.bench(agent)
    let overrides = try Self.overrides(bench)
    let estimate = try bench.plan(overrides).checkpointBytes
    try bench.train(overrides)
    let actual = try Checkpoint.read("\(try bench.seed())/checkpoints/latest").byteCount
    // Headers and manifest count for little in real runs, for much in tiny ones.
    #expect(actual <= estimate + 16_384 && estimate <= 4 * actual + 65_536, "\(actual) bytes, estimated \(estimate)")
  }
}
