import Algorithms
import Environments
import Support
import TestSupport
import Testing

/// The cross-entropy method and MPPI against numbers of mbrl-lib and NumPy, on recorded noise.
@Suite(.golden("neural/cem.json")) struct PlannerGoldenTests {
  let inputs: Fixture
  let want: Fixture
  let space: ActionSpace
  /// [horizon, action columns]
  let shape: [Int]
  let goal: [Float]

  init() throws {
    let golden = try Fixture("neural/cem.json")
    let inputs = try golden["inputs"]
    let shape = try inputs["goal"].shape(rank: 2)
    let (low, high) = (try inputs["lower"].floats(shape), try inputs["upper"].floats(shape))
    for index in low.indices {
      guard low[index] == low[index % shape[1]], high[index] == high[index % shape[1]], low[index] < high[index] else {
        throw try inputs["lower"].fault("with upper, value \(index): no bounds that hold over the whole horizon")
      }
    }
    (self.inputs, want, self.shape) = (inputs, try golden["outputs"], shape)
    goal = try inputs["goal"].floats(shape)
    space = .box(low: Array(low[..<shape[1]]), high: Array(high[..<shape[1]]))
  }

  private var planSize: Int { shape[0] * shape[1] }

  /// −Σ(a − goal)² per candidate.
  private func problem(_ noise: [Float], _ log: @escaping ([Float], [Float]) -> Void = { _, _ in }) -> PlanProblem {
    PlanProblem(
      horizon: shape[0], space: space, random: RecordedNoise(noise), scorer: GoalScorer(goal: goal, log: log),
      noise: RandomStream(seed: 0))
  }

  /// The settings of an optimiser; what the file says must be allowed ones.
  private func settings<Settings: Configurable>(
    _ type: Settings.Type, _ values: [(key: String, value: JSON)]
  ) throws -> Settings {
    var settings = Settings()
    let faults = Fields.read(&settings, from: JSONObject(values)).faults
    guard faults.isEmpty else { throw inputs.fault(faults.map(\.description).joined(separator: "; ")) }
    return settings
  }

  /// The search of one of the two variance estimators over the recorded noise, from the recorded mean.
  private func run(
    _ estimator: String, iterations: Int, returns: String = "mean"
  ) throws -> (method: CrossEntropyMethod, plan: [Float]) {
    let run = try inputs["run"]
    let recorded = try run["iterations"].integer(in: 1...1000)
    let population = try run["noise"].shape(rank: 2)[1]
    let method = CrossEntropyMethod(
      try settings(
        CrossEntropyMethod.Configuration.self,
        [
          ("population", .integer(population)),
          ("elites", .integer(try inputs["elite_count"].integer(in: 1...population))),
          ("iterations", .integer(iterations)), ("smoothing", .finite(try inputs["alpha"].double)),
          ("minimumVariance", .integer(0)), ("varianceEstimator", .string(estimator)), ("returns", .string(returns)),
        ]), horizon: shape[0], space: space)
    let bounds = PlanBounds(space)
    for (index, variance) in try run["start_variance"].doubles(shape).enumerated() {
      let range = Double(bounds.high[index % shape[1]] - bounds.low[index % shape[1]])
      guard abs(variance - range * range / 16) <= 1e-5 * variance else {
        throw try run["start_variance"].fault("value \(index) is not (upper − lower)²/16, from which a search starts")
      }
    }
    try setTensors(of: method, ["it.mean": try run["start_mean"].floats(shape)])
    let noise = try run["noise"].floats([recorded, population] + shape)
    return (method, try plan(method, problem(noise)))
  }

  private func plan(_ method: any PlanOptimizer, _ problem: PlanProblem) throws -> [Float] {
    var problem = problem
    let plan = FloatBuffer(count: planSize)
    _ = try method.optimize(&problem, into: MutableRows(plan.base, shape[0], shape[1]))
    return Array(plan.memory)
  }

  /// Replaces stored tensors of an object by given numbers.
  private func setTensors(of object: any ArchivableObject, _ values: [String: [Float]]) throws {
    let archive = try stored(object)
    let tensors = archive.tensors.map { name, tensor in
      var tensor = tensor
      if let numbers = values[name] { tensor.bytes = bytes(numbers) }
      return (name: name, tensor: tensor)
    }
    try Archive(scalars: archive.scalars, tensors: tensors).part("it", object)
  }

  private func bytes(_ numbers: [Float]) -> [UInt8] { numbers.withUnsafeBytes { Array($0) } }

  @Test(arguments: [("biased", "run_biased_variance"), ("unbiased", "run_unbiased_variance/iterations")])
  func crossEntropyRun(estimator: String, key: String) throws {
    let iterations = try inputs["run/iterations"].integer(in: 1...1000)
    for (index, want) in try want[key].elements(iterations).enumerated() {
      let (method, plan) = try run(estimator, iterations: index + 1)
      let (mean, variance) = method.distribution
      try want["mean"].expectClose(mean, shape, within: 2e-5)
      try want["variance"].expectClose(variance, shape, within: 2e-5)
      try want["mean"].expectClose(plan, shape, within: 2e-5)
    }
  }

  @Test(arguments: ["mean", "best"]) func crossEntropyReturns(kind: String) throws {
    let plan = try run("unbiased", iterations: inputs["run/iterations"].integer(in: 1...1000), returns: kind).plan
    try want["run_unbiased_variance/returns_\(kind)"].expectClose(plan, shape, within: 2e-5)
  }

  @Test func pathIntegralRun() throws {
    let (inputs, want) = (try inputs["mppi"], try want["mppi"])
    let iterations = try inputs["iterations"].integer(in: 1...1000)
    let population = try inputs["noise"].shape(rank: 2)[1]
    let method = PathIntegral(
      try settings(
        PathIntegral.Configuration.self,
        [
          ("population", .integer(population)), ("iterations", .integer(iterations)),
          ("gamma", .finite(try inputs["gamma"].double)), ("filter", .finite(try inputs["beta"].double)),
          ("noise", .integer(1)),
        ]), horizon: shape[0], space: space)
    try setTensors(of: method, ["it.mean": try inputs["start_mean"].floats(shape)])
    method.shift(by: 1)
    let shifted = try stored(method).tensors.first { $0.name == "it.mean" }
    #expect(shifted?.tensor.bytes == bytes(try want["shifted_mean"].floats(shape)), "\(want.file)")
    // mbrl-lib filters on from the mean that it takes next, not from the action that it took.
    try setTensors(of: method, ["it.past": try want["past_action"].floats([shape[1]])])
    // The recorded noise is in action units, ours in half ranges.
    let bounds = PlanBounds(space)
    let halves = zip(bounds.low, bounds.high).map { ($1 - $0) / 2 }
    let noise = try inputs["noise"].floats([iterations, population] + shape)
      .enumerated().map { $1 / halves[$0 % halves.count] }
    var rounds: [(population: [Float], values: [Float])] = []
    let plan = try plan(method, problem(noise) { rounds.append(($0, $1)) })
    try #require(rounds.count == iterations)
    for (round, want) in zip(rounds, try want["iterations"].elements(iterations)) {
      try want["population"].expectClose(round.population, [population] + shape, within: 2e-5)
      try want["values"].expectClose(round.values, [population], within: 2e-5)
    }
    try want["final_mean"].expectClose(plan, shape, within: 2e-5)
  }
}
