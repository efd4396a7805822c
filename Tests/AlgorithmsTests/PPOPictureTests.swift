import Algorithms
import Environments
import Neural
import Support
import Testing

/// Proximal policy optimisation from pictures, and with layers that policy and values share.
@Suite struct PPOPictureTests {
  private static let grid =
    #"{"id": "GridWorld-v0", "width": 3, "height": 3, "goal": [2, 2], "wrappers": {"pixels": 18}}"#
  private static let small = #""rolloutLength": 8, "batchSize": 6, "epochs": 3, "convolutions": {"hiddenSizes": [16]}"#

  // MARK: Which layers there are

  private static func plan(_ height: Int, _ width: Int, _ change: (inout ConvolutionSettings) -> Void = { _ in })
    -> [[Int]]?
  {
    var settings = ConvolutionSettings()
    change(&settings)
    return settings.layers(.image(height: height, width: width, channels: 4))?.map {
      [$0.outputHeight, $0.outputWidth, $0.outputs, $0.kernel, $0.stride]
    }
  }

  /// Atari's picture gives 7·7·64 = 3136 numbers, as published; smaller ones are halved as long as something is left.
  @Test func layersByTheSizeOfThePicture() {
    #expect(Self.plan(84, 84) == [[20, 20, 32, 8, 4], [9, 9, 64, 4, 2], [7, 7, 64, 3, 1]])
    #expect(Self.plan(36, 36) == [[8, 8, 32, 8, 4], [3, 3, 64, 4, 2], [1, 1, 64, 3, 1]])
    #expect(Self.plan(32, 40) == [[15, 19, 32, 3, 2], [7, 9, 64, 3, 2], [3, 4, 64, 3, 2]])
    #expect(Self.plan(7, 7) == [[3, 3, 32, 3, 2]])
    #expect(Self.plan(5, 90) == [])
    #expect(Self.plan(84, 84) { $0.kind = .none } == [])
    let given: (inout ConvolutionSettings) -> Void = {
      ($0.kind, $0.channels, $0.kernels, $0.strides) = (.given, [16], [3], [1])
    }
    #expect(Self.plan(10, 10, given) == [[8, 8, 16, 3, 1]])
    #expect(Self.plan(2, 10, given) == nil)
  }

  @Test func listsOfOneLengthAndPicturesThatAreLargeEnough() throws {
    var settings = ConvolutionSettings()
    let faults = Fields.read(
      &settings, from: ["type": "given", "channels": .integers([8, 8]), "kernels": .integers([3, 3])]
    ).faults
    #expect(faults.map(\.path) == ["strides"])
    let task = try configured(EnvironmentConfiguration.self, Self.grid).describe()
    func checked(_ change: (inout PPO.Configuration) -> Void = { _ in }) -> Fields {
      var agent = PPO.Configuration()
      let fields = Fields()
      change(&agent)
      agent.check(task, fields)
      return fields
    }
    #expect(checked().faults.isEmpty)
    #expect(
      checked { $0.learning.network.convolutions.kind = .given }.faults.map(\.path) == ["agent.convolutions.kernels"])
  }

  /// Bytes stay bytes.
  @Test func picturesAreNotNormalised() throws {
    let run = try ProximalRun(Self.small + #", "normalizesObservations": true"#, on: Self.grid)
    #expect(run.agent.observationNormalizer == nil)
  }

  /// Pictures share by default and vectors do not; a step on the values' loss alone moves what is shared, and nothing of
  /// the policy where nothing is.
  @Test(arguments: [
    (grid, "pictures", true), (grid, "never", false), (#"{"id": "CartPole-v1"}"#, "pictures", false),
    (#"{"id": "CartPole-v1"}"#, "always", true), (#"{"id": "Pendulum-v1"}"#, "always", true),
  ])
  func sharing(environment: String, setting: String, isShared: Bool) throws {
    let settings = #""hiddenSizes": [8], "sharesLayers": "\#(setting)", "#
    let run = try ProximalRun(settings + Self.small, on: environment)
    try run.run(steps: 7)
    let (network, rollout) = (run.agent.learner.network, run.agent.rollout)
    #expect(network.plan.isShared == isShared)
    for index in rollout.returns.memory.indices { rollout.returns.memory[index] = Float(index) }
    let objective = ProximalObjective(
      clipRange: 0.1, valueClipRange: nil, valueLoss: .clippedPrediction, valueCoefficient: 1, entropyCoefficient: 0)
    _ = try run.agent.learner.step(on: rollout, rows: [0, 1, 2, 3], objective)
    // Advantages are all 0 there, and so are the gradients of what only the policy has.
    var moved: Set<String> = [], unmoved: Set<String> = []
    for parameter in network.store.parameters {
      let isMoved = network.store.gradients(of: parameter).contains { $0 != 0 }
      let kind = parameter.name.hasPrefix("value") ? "value" : parameter.name.hasPrefix("trunk") ? "trunk" : "policy"
      if isMoved { moved.insert(kind) } else { unmoved.insert(kind) }
    }
    #expect(moved == (isShared ? ["value", "trunk"] : ["value"]) && unmoved == ["policy"], "\(moved), \(unmoved)")
  }

  /// The parameters are as many as the plan says, which the memory check asks.
  @Test(arguments: [grid, #"{"id": "CartPole-v1"}"#], ["always", "never"])
  func parameters(environment: String, sharing: String) throws {
    let settings = #""hiddenSizes": [8, 5], "sharesLayers": "\#(sharing)", "#
    let run = try ProximalRun(settings + Self.small, on: environment)
    let columns = run.interaction.group.specification.actionSpace.columns
    let network = run.agent.learner.network
    #expect(network.parameterCount == network.plan.parameterCount(actions: columns))
  }

  // MARK: Updates

  /// The slope of the whole loss along a direction in all parameters, against a difference.
  @Test(arguments: [(grid, "always"), (grid, "never"), (#"{"id": "Pendulum-v1"}"#, "always")])
  func theGradientIsTheSlope(environment: String, sharing: String) throws {
    let settings = #""hiddenSizes": [8], "sharesLayers": "\#(sharing)", "#
    let run = try ProximalRun(settings + Self.small, on: environment)
    try run.run(steps: 8)
    let objective = ProximalObjective(
      clipRange: 0.1, valueClipRange: 0.2, valueLoss: .largerOfBoth, valueCoefficient: 0.7, entropyCoefficient: 0.1)
    // ReLU's kinks are near: a short way.
    let (slope, difference, _) = run.slope(of: objective, away: 0.05, over: 2e-4)
    #expect(abs(slope - difference) < 0.02 * abs(difference) + 5e-3, "\(slope), \(difference)")
  }

  /// Gone on from an archive of the middle of a rollout, on another number of threads: the same state, to the bit.
  @Test func resumesExactly() throws {
    let run = try ProximalRun(Self.small, on: Self.grid)
    try run.run(steps: 19)
    let archive = try stored(run.interaction)
    try run.run(steps: 20)
    let expected = try stored(run.interaction)
    let other = try ProximalRun(Self.small, on: Self.grid, pool: ComputePool(threads: 2))
    try other.run(steps: 3)
    try restore(other.interaction, from: archive)
    try other.run(steps: 20)
    let found = try stored(other.interaction)
    #expect(found.scalars.map { "\($0)" } == expected.scalars.map { "\($0)" })
    for (found, expected) in zip(found.tensors, expected.tensors) {
      #expect(found.tensor == expected.tensor, "\(found.name)")
    }
    let pictures = expected.tensors.first { $0.name.hasSuffix("rollout.observations.bytes") }
    #expect(pictures?.tensor.shape == [16, 18 * 18 * 3])
  }

  /// A lane whose episode was lost ends with the value of the picture that was kept, the same as that of the bytes.
  @Test func aLostEpisodeIsCut() throws {
    let run = try ProximalRun(Self.small, on: Self.grid)
    try run.run(steps: 3)
    let group = run.interaction.group
    try group.begin()
    let kept = run.agent.rollout.observations.array(2 * 2 + 1).map { ($0 * 255).rounded() }
    var situation = group.situation
    situation = Situation(observations: situation.observations, isFirst: [false, true], episode: [0, 2])
    run.agent.act(in: situation, into: group.actions)
    #expect(run.agent.rollout.truncated.rows[2, 1] == 1 && kept.contains { $0 > 1 })
    #expect(run.agent.rollout.finalValues.rows[2, 1] == run.value(kept))
  }

  // MARK: Learning

  /// From corner to corner of 3×3 places by the picture alone, seeds 0 to 2: greedily in four steps, which no policy
  /// that sees nothing can do, within 12,000 steps in at least two.
  @Test func findsTheWayInAPicture() throws {
    let settings = #"""
      "rolloutLength": 64, "batchSize": 128, "epochs": 4, "learningRate": {"start": 1e-3}, "entropyCoefficient": 0.01,
      "convolutions": {"hiddenSizes": [64]}
      """#
    var reached: [Int] = []
    for seed in 0..<3 {
      let run = try ProximalRun(settings, on: Self.grid, lanes: 8, seed: UInt64(seed))
      while run.interaction.step < 12_000 {
        try run.run(steps: 64)
        let policy = run.agent.makePolicy(isStochastic: false, rows: 1, random: RandomStream(seed: 99))
        let group = EnvironmentGroup([try configured(EnvironmentConfiguration.self, Self.grid).make()]) { UInt64($0) }
        for _ in 0..<4 {
          try group.begin()
          try policy.act(in: group.situation, into: group.actions)
          try group.step()
        }
        guard group.outcomes[0].isTerminated else { continue }
        reached.append(run.interaction.step)
        break
      }
    }
    #expect(reached.count >= 2, "\(reached)")
  }
}
