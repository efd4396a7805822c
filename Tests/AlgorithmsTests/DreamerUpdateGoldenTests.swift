import Algorithms
import Neural
import Support
import TestSupport
import Testing

/// Whole updates against numbers of DreamerV3: losses, gradients, parameters.
@Suite(.golden("neural/dreamer_update.json")) struct DreamerUpdateGoldenTests {
  static let agents = ["continuous_vector", "discrete_image"]

  private func expectLosses(_ report: DreamerLearner.Report, _ want: Fixture, _ learner: DreamerLearner) throws {
    let names = learner.model.observation.parts.map(\.name)
    let pairs =
      [
        ("con", report.continuation), ("dyn", report.dynamics), ("rep", report.representation),
        ("rew", report.reward), ("policy", report.policy), ("value", report.value), ("repval", report.replayValue),
      ] + zip(names, learner.reconstruction)
    for (key, value) in pairs { try want["losses/\(key)"].expectClose([Float(value)], within: 1e-3) }
    try want["total"].expectClose([Float(report.total)], within: 1e-3)
    try want["gradient_norms/all"].expectClose([Float(report.gradientNorm)], within: 1e-3)
    for (key, value) in [
      ("kl", report.kl), ("dyn_ent", report.priorEntropy), ("rep_ent", report.posteriorEntropy),
      ("ret_raw", report.imaginedReturn), ("ret", report.normalizedReturn), ("adv", report.advantage),
      ("ent", report.actionEntropy), ("rew", report.imaginedReward), ("val", report.imaginedValue),
    ] { try want["metrics/\(key)"].expectClose([Float(value)], within: 1e-3, absolute: 1e-5) }
  }

  private func expectParameters(_ agent: DreamerFixture, _ key: String, skipping unsteady: Fixture?) throws {
    let rate = try agent.inputs["sizes/lr"].float
    for (name, store, places) in agent.tensors {
      let want = try agent.want[key].flat(name)
      let skipped = try unsteady.map { unsteady in
        unsteady.has(name) ? Set(try unsteady.flat(name).map { Int($0) }) : []
      }
      var worst: Float = 0
      for (index, place) in places.enumerated() where skipped?.contains(index) != true {
        worst = max(worst, abs(store.values[place] - want[index]))
      }
      #expect(worst <= 0.02 * rate, "\(key) \(name)")
    }
  }

  private func expectSlowCritic(_ agent: DreamerFixture, _ key: String, skipping unsteady: Fixture?) throws {
    for (name, _, places) in agent.tensors where name.hasPrefix("val/") {
      let want = try agent.want[key].flat(name)
      let skipped = try unsteady.map { $0.has(name) ? Set(try $0.flat(name).map { Int($0) }) : [] } ?? []
      let largest = want.map { abs($0) }.max() ?? 0
      for (index, place) in places.enumerated() where !skipped.contains(index) {
        let got = agent.learner.task.slowCritic.network.store.values[place]
        #expect(abs(got - want[index]) <= 1e-3 * (abs(want[index]) + 0.05 * largest + 1e-6), "\(key) \(name) \(index)")
      }
    }
  }

  @Test(arguments: agents) func firstUpdate(name: String) throws {
    let agent = try DreamerFixture(name)
    let (learner, want) = (agent.learner, agent.want)
    let report = try learner.differentiate()
    let (horizon, batch, length) = (learner.settings.behaviour.horizon, agent.batch, agent.length)
    let (starts, dreams) = (batch * length, learner.task.dreams)
    let deter = learner.settings.model.sizes.deterministic
    try want["deter"].expectClose(
      agent.fileOrder(learner.states.columns(0..<deter)), [batch, length, deter], within: 1e-3)
    try want["imagined_return"].expectClose(
      agent.fileOrder(dreams.returns.read, steps: horizon), [horizon, starts], within: 1e-3)
    try want["imagined_weight"].expectClose(
      agent.fileOrder(dreams.weights.read.slice(0..<horizon * starts), steps: horizon), [horizon, starts], within: 1e-3)
    if !agent.discrete {
      try want["imagined_action"].expectClose(
        agent.fileOrder(dreams.actions.read, steps: horizon + 1), [horizon + 1, starts, agent.actions], within: 1e-3)
    }
    try want["replay_return"].expectClose(
      agent.fileOrder(learner.replayReturns.read.slice(0..<starts - batch)), [batch, length - 1], within: 1e-3)
    try expectLosses(report, try want["updates/0"], agent.learner)
    if want.has("gradient_norm_per_tensor") {
      for (name, store, places) in agent.tensors {
        let squares = places.reduce(0.0) { $0 + Double(store.gradients[$1]) * Double(store.gradients[$1]) }
        try want["gradient_norm_per_tensor"].member(name).expectClose(
          [Float(squares.squareRoot())], within: 1e-3, absolute: 1e-6)
      }
    }
    if want.has("gradients") {
      for (name, store, places) in agent.tensors {
        let shape = try agent.inputs["params"].member(name).shape
        try want["gradients"].member(name).expectClose(places.map { store.gradients[$0] }, shape, within: 1e-3)
      }
    }
  }

  @Test(arguments: agents) func threeUpdates(name: String) throws {
    let agent = try DreamerFixture(name)
    let updates = try agent.want["updates"].elements()
    for (count, want) in updates.enumerated() {
      try expectLosses(try agent.learner.update(), want, agent.learner)
      try want["return_normaliser/lo"].expectClose([Float(agent.learner.task.returnRange.low)], within: 1e-3)
      try want["return_normaliser/hi"].expectClose([Float(agent.learner.task.returnRange.high)], within: 1e-3)
      try want["scale"].expectClose([agent.learner.task.returnRange.scale], within: 1e-3)
      if count == 0, agent.want.has("params_after_1") {
        try expectParameters(agent, "params_after_1", skipping: nil)
        try expectSlowCritic(agent, "slow_critic_after_1", skipping: nil)
      }
    }
    try expectParameters(agent, "params_after_3", skipping: try agent.want["unsteady"])
    try expectSlowCritic(agent, "slow_critic_after_3", skipping: try agent.want["unsteady"])
  }

  @Test(arguments: agents) func warmup(name: String) throws {
    let agent = try DreamerFixture(name, warmup: 4)
    let want = try agent.want["with_warmup_4"]
    let start = agent.learner.optimizer.stores.map { Array($0.values) }
    let totals = try want["totals"].elements(), distances = try want["param_distance_after_each"].elements(totals.count)
    for (count, (total, distance)) in zip(totals, distances).enumerated() {
      try total.expectClose([Float(try agent.learner.update().total)], within: 1e-3)
      var squares = 0.0
      for (store, start) in zip(agent.learner.optimizer.stores, start) {
        for (new, old) in zip(store.values, start) { squares += Double(new - old) * Double(new - old) }
      }
      if count == 0 { #expect(squares == 0) }
      try distance.expectClose([Float(squares.squareRoot())], within: 1e-3)
    }
  }
}

/// Numbers of trained parameters of whole agents.
@Suite(.golden("neural/dreamer_parameter_counts.json")) struct DreamerParameterCountGoldenTests {
  @Test func wholeAgents() throws {
    let fixture = try Fixture("neural/dreamer_parameter_counts.json")
    let agents = try fixture["inputs/agents"].elements()
    for (agent, want) in zip(agents, try fixture["outputs/agents"].elements(agents.count)) {
      let size = try #require(DreamerSizes.Name(rawValue: String(try agent["size"].text.dropFirst(4))))
      let vectors = try agent["continuous_actions"].integer(in: 0...100)
      let choices = try agent["discrete_choices"].integer(in: 0...100)
      var settings = DreamerLearner.Settings()
      settings.model.sizes = DreamerSizes(size)
      settings.behaviour.horizon = 1
      let learner = DreamerLearner(
        settings, try Self.observation(agent), actions: max(vectors, choices), isDiscrete: choices > 0, length: 2,
        count: 1, random: RandomStream(seed: 1),
        pool: nil)
      #expect(learner.parameterCount == (try want["total"].integer(in: 1...1_000_000_000)))
      let modules = [
        "con": "continuation.", "dec": "decoder.", "dyn": "dynamics.", "enc": "encoder.", "pol": "actor.",
        "rew": "reward.", "val": "critic.",
      ]
      for (key, prefix) in modules {
        let parameters = learner.optimizer.stores.flatMap(\.parameters).filter { $0.name.hasPrefix(prefix) }
        #expect(parameters.reduce(0) { $0 + $1.count } == (try want[key].integer(in: 1...1_000_000_000)), "\(key)")
      }
    }
  }

  private static func observation(_ agent: Fixture) throws -> DreamerObservation {
    guard try agent["image"].json.array?.isEmpty == true else {
      let sides = try agent["image"].elements(3).map { try $0.integer(in: 1...1000) }
      return DreamerObservation([
        .picture(name: "image", .init(height: sides[0], width: sides[1], channels: sides[2]))
      ])
    }
    return DreamerObservation([
      .vector(name: "observation", size: try agent["vector_inputs"].integer(in: 1...1000))
    ])
  }

  @Test func walkerOfSize1m() {
    var settings = DreamerLearner.Settings()
    settings.model.sizes = DreamerSizes(.m1)
    settings.behaviour.horizon = 1
    let learner = DreamerLearner(
      settings, DreamerObservation([.vector(name: "observation", size: 24)]), actions: 6, isDiscrete: false, length: 2,
      count: 1, random: RandomStream(seed: 1), pool: nil)
    #expect(learner.parameterCount == 640_867)
  }
}
