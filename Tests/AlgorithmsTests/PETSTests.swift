import Algorithms
import Environments
import Support
import Testing

@Suite struct PETSTests {
  /// Trains and returns the returns of the finished episodes and the agent.
  private func train(
    _ text: String, on id: String, steps: Int, seed: UInt64 = 0, threads: Int = 1
  ) throws -> (episodes: [Double], agent: any Agent) {
    var run = try AgentRun(text, on: "{\"id\": \"\(id)\"}", seed: seed, threads: threads)
    try run.run(steps: steps)
    return (run.returns, run.agent)
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
  @Test func randomShootingIsTheDegenerateCase() throws {
    let defaults = try #require(
      agentSettings(#"{"agent": {"type": "random-shooting"}}"#).settings as? PETS.Configuration)
    #expect(defaults.planner.optimizer.type == "random-shooting")
    #expect(defaults.planner.rollout.propagation == .expectation)
    let model = defaults.model.settings as? EnsembleDynamics.Configuration
    #expect(model?.ensembleSize == 1)
    #expect(model?.kind == .deterministic)
  }

  /// DAgger's share of random episodes: at 1 the controller never acts, at 0 it acts in every episode after the fit.
  @Test(arguments: [0, 1]) func shareOfRandomEpisodes(share: Int) throws {
    let settings = Self.cartPole.replacing("\"fitEvery\": 50", with: "\"fitEvery\": 50, \"randomEpisodes\": \(share)")
    var run = try AgentRun(settings, on: #"{"id": "ContinuousCartPole-v0"}"#, seed: 0)
    // The fit comes with step 200, in the middle of an episode.
    try run.run(steps: 200)
    try run.run(episodes: 1)
    for _ in 0..<4 {
      run.interaction.metrics.clearValues()
      let before = try stored(run.agent)
      try run.run(episodes: 1)
      let after = try stored(run.agent)
      func draws(_ archive: Archive) -> String? {
        archive.scalars.first { $0.name == "it.randomActions.position" }?.value
      }
      func plans(_ archive: Archive) -> String? {
        archive.scalars.first { $0.name == "it.controller.row0.episode" }?.value
      }
      #expect((draws(before) == draws(after)) == (share == 0), "whether a random action was drawn")
      #expect((plans(before) == plans(after)) == (share == 1), "whether the controller took the episode on")
    }
  }

  /// A declared reward that is not the environment's is refused before anything is planned with it.
  @Test func wrongDeclarationsAreRefused() throws {
    let misdeclared = Misdeclared(base: LineWorld())
    let agent = try makeAgent(
      #"{"agent": {"type": "pets", "initialRandomSteps": 5}}"#, for: EnvironmentDescription(misdeclared))
    let interaction = Interaction(agent, EnvironmentGroup([misdeclared]) { UInt64($0) })
    for _ in 0..<4 { try interaction.advance() }
    #expect(throws: KnownDynamicsError.self) { try interaction.advance() }
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
private struct Misdeclared: EnvironmentWrapper {
  static var keepsTransitions: Bool { true }
  var base: LineWorld
  var knownDynamics: (any KnownDynamics)? { base.knownDynamics.map { Half(whole: $0) } }
  mutating func archive(_ archive: Archive) throws { try base.archive(archive) }

  struct Half: KnownDynamics {
    let whole: any KnownDynamics
    func rewards(of columns: TransitionColumns, into reward: UnsafeMutablePointer<Float>) {
      whole.rewards(of: columns, into: reward)
      for row in 0..<columns.count { reward[row] /= 2 }
    }
  }
}
