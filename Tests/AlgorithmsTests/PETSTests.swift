import Algorithms
import Environments
import Support
import Testing

@Suite struct PETSTests {
  /// Trains and returns the returns of the finished episodes and the agent.
  private func train(
    _ text: String, on id: String, steps: Int, seed: UInt64 = 0, threads: Int = 1
  ) throws -> (episodes: [Double], agent: any Agent) {
    var environment = environment(id)
    let agent = try algorithm(text).makeAgent(
      AgentContext(
        environment: environment, random: RandomStream(seed: seed), pool: ComputePool(threads: threads)))
    var metrics = Metrics(names: agent.metricNames)
    var episodes: [Double] = []
    var done = 0
    while done < steps {
      environment.reset(seed: 100 * seed + UInt64(episodes.count))
      agent.beginEpisode()
      var total = 0.0
      while done < steps {
        let (before, memory) = situation(environment)
        let action = try agent.act(in: before)
        let outcome = try environment.step(action)
        let (after, next) = situation(environment)
        _ = (memory, next)
        try agent.observe(
          Transition(
            observation: before.observation, action: action, reward: outcome.reward,
            nextObservation: after.observation, isTerminated: outcome.isTerminated,
            isTruncated: outcome.isTruncated))
        try agent.learn(&metrics)
        done += 1
        total += outcome.reward
        if outcome.isOver {
          episodes.append(total)
          break
        }
      }
    }
    return (episodes, agent)
  }

  private static let cartPole = """
    {"agent": {"type": "pets", "initialRandomSteps": 200, "fitEvery": 50},
     "model": {"hiddenSizes": [64, 64], "epochs": 30},
     "planner": {"horizon": 15, "population": 60, "elites": 8, "iterations": 3, "propagation": "ts1", "particles": 5}}
    """

  /// Seeds 0 and 1, 700 steps, an episode of 200 (the most there is) within them; random acting gives about 20.
  /// Seen to fail with a model that is never trained (best episodes 49 and 70), and with the worst plans as elites
  /// (54 and 50).
  @Test(arguments: [0, 1] as [UInt64]) func learnsToBalance(seed: UInt64) throws {
    let (episodes, _) = try train(Self.cartPole, on: "ContinuousCartPole-v0", steps: 700, seed: seed)
    #expect(episodes.prefix(5).max()! < 100)
    #expect(episodes.max()! == 200)
  }

  /// With the true environment in place of the model nothing is learned and the first episode already succeeds.
  @Test func plansWithTheTrueEnvironment() throws {
    let (episodes, agent) = try train(
      """
      {"agent": {"type": "pets"},
       "planner": {"model": "true", "horizon": 20, "population": 60, "elites": 8, "iterations": 3}}
      """, on: "Pendulum-v1", steps: 400)
    #expect(episodes.allSatisfy { $0 > -450 })
    #expect(!agent.facts.contains { $0.name == "model parameters" })
  }

  /// The random-shooting agent is one deterministic network with the random-shooting planner.
  @Test func randomShootingIsTheDegenerateCase() {
    let defaults = algorithm(#"{"agent": {"type": "random-shooting"}}"#)
    #expect(defaults.planner.type == "random-shooting")
    #expect(defaults.planner.propagation == .expectation)
    let model = defaults.model.model as? EnsembleDynamics.Configuration
    #expect(model?.ensembleSize == 1)
    #expect(model?.kind == .deterministic)
  }

  /// DAgger's share of random episodes: at 1 all that begin after the first fit act at random, at 0 none: the random
  /// policy stays as the first 200 steps left it.
  @Test func shareOfRandomEpisodes() throws {
    func randomPolicy(share: Int, steps: Int) throws -> (state: [String], best: Double) {
      let settings = Self.cartPole.replacing("\"fitEvery\": 50", with: "\"fitEvery\": 50, \"randomEpisodes\": \(share)")
      let (episodes, agent) = try train(settings, on: "ContinuousCartPole-v0", steps: steps)
      let state = try stored(agent).scalars.filter { $0.name.hasPrefix("it.policy.") }.map(\.value)
      return (state, try #require(episodes.max()))
    }
    let before = try randomPolicy(share: 0, steps: 200)
    #expect(try randomPolicy(share: 0, steps: 280).state == before.state)
    let after = try randomPolicy(share: 1, steps: 500)
    #expect(after.state != before.state && after.best < 100)
  }

  /// A declared reward that is not the environment's is refused before anything is planned with it.
  @Test func wrongDeclarationsAreRefused() throws {
    let context = AgentContext(
      environment: Misdeclared(), random: RandomStream(seed: 0), pool: ComputePool(threads: 1))
    let agent = try algorithm(#"{"agent": {"type": "pets", "initialRandomSteps": 5}}"#).makeAgent(context)
    var environment = Misdeclared()
    environment.reset(seed: 0)
    agent.beginEpisode()
    var metrics = Metrics(names: agent.metricNames)
    #expect(throws: KnownPartsError.self) {
      for _ in 0..<5 {
        let (before, memory) = situation(environment)
        let action = try agent.act(in: before)
        let outcome = try environment.step(action)
        let (after, next) = situation(environment)
        _ = (memory, next)
        try agent.observe(
          Transition(
            observation: before.observation, action: action, reward: outcome.reward,
            nextObservation: after.observation, isTerminated: false, isTruncated: false))
        try agent.learn(&metrics)
      }
    }
  }

  /// Same bytes with one and two threads, planning and learning included.
  @Test func threadsDoNotMatter() throws {
    let one = try train(Self.cartPole, on: "ContinuousCartPole-v0", steps: 260)
    let two = try train(Self.cartPole, on: "ContinuousCartPole-v0", steps: 260, threads: 2)
    #expect(one.episodes == two.episodes)
    let same = try stored(one.agent).tensors.elementsEqual(stored(two.agent).tensors) { $0 == $1 }
    #expect(same)
  }
}

/// A line world whose declared reward is half of what it gives.
private struct Misdeclared: SnapshotEnvironment, KnownDynamicsParts {
  var sketch: Sketch { Sketch(x: 0...1, y: 0...1) }
  var inner = environment("LineWorld-v0")
  var specification: EnvironmentSpecification { inner.specification }
  var state: [Double] {
    get { inner.state }
    set { inner.state = newValue }
  }
  mutating func reset(seed: UInt64) { inner.reset(seed: seed) }
  mutating func step(_ action: Action) throws -> Outcome { try inner.step(action) }
  func observe(into observation: UnsafeMutableBufferPointer<Float>) { inner.observe(into: observation) }
  mutating func archive(_ archive: Archive) throws { try inner.archive(archive) }
  func rewards(of columns: TransitionColumns, into reward: UnsafeMutablePointer<Float>) {
    (inner as! any KnownDynamicsParts).rewards(of: columns, into: reward)
    for row in 0..<columns.count { reward[row] /= 2 }
  }
}
