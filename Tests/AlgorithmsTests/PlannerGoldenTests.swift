import Algorithms
import Environments
import Support
import TestSupport
import Testing

/// The cross-entropy method and MPPI against numbers of mbrl-lib and NumPy, on recorded noise.
@Suite struct PlannerGoldenTests {
  let golden: Fixture
  let space: ActionSpace

  init() throws {
    golden = try Fixture.load("cem")
    space = .box(low: golden["inputs/lower"][0].floats, high: golden["inputs/upper"][0].floats)
  }

  /// −Σ(a − goal)² per candidate.
  private func problem(_ noise: [Float], _ log: @escaping ([Float], [Float]) -> Void = { _, _ in }) -> PlanProblem {
    PlanProblem(
      horizon: 4, space: space, random: RecordedNoise(noise),
      scorer: GoalScorer(goal: golden["inputs/goal"].floats, log: log), noise: RandomStream(seed: 0))
  }

  private func method(_ estimator: String, iterations: Int) throws -> CrossEntropyMethod {
    let method = CrossEntropyMethod(
      configured(
        CrossEntropyMethod.Configuration.self,
        """
        {"population": 20, "elites": 4, "iterations": \(iterations), "smoothing": 0.1, "minimumVariance": 0,
         "varianceEstimator": "\(estimator)"}
        """), horizon: 4, space: space)
    try setTensors(of: method, ["it.mean": golden["inputs/run/start_mean"].floats])
    return method
  }

  /// Replaces stored tensors of an object by given numbers.
  private func setTensors(of object: any ArchivableObject, _ values: [String: [Float]]) throws {
    let archive = try stored(object)
    let tensors = archive.tensors.map { name, tensor in
      var tensor = tensor
      if let numbers = values[name] { tensor.bytes = numbers.withUnsafeBytes { Array($0) } }
      return (name: name, tensor: tensor)
    }
    try Archive(scalars: archive.scalars, tensors: tensors).part("it", object)
  }

  @Test(arguments: ["biased", "unbiased"], [1, 2, 3])
  func crossEntropyRun(estimator: String, iterations: Int) throws {
    let method = try method(estimator, iterations: iterations)
    let plan = FloatBuffer(count: 8)
    var problem = problem(golden["inputs/run/noise"].floats)
    _ = try method.optimize(&problem, into: MutableRows(plan.base, 4, space.columns))
    let want =
      estimator == "biased"
      ? golden["outputs/run_biased_variance"][iterations - 1]
      : golden["outputs/run_unbiased_variance/iterations"][iterations - 1]
    let (mean, variance) = method.distribution
    #expect(firstMismatch(mean, want["mean"].doubles, 2e-5, "mean") == nil)
    #expect(firstMismatch(variance, want["variance"].doubles, 2e-5, "variance") == nil)
    #expect(firstMismatch(plan.memory, want["mean"].doubles, 2e-5, "plan") == nil)
  }

  @Test func crossEntropyBestSample() throws {
    var configuration = configured(
      CrossEntropyMethod.Configuration.self,
      #"{"population": 20, "elites": 4, "iterations": 3, "minimumVariance": 0, "varianceEstimator": "unbiased"}"#)
    configuration.returned = .best
    let method = CrossEntropyMethod(configuration, horizon: 4, space: space)
    try setTensors(of: method, ["it.mean": golden["inputs/run/start_mean"].floats])
    let plan = FloatBuffer(count: 8)
    var problem = problem(golden["inputs/run/noise"].floats)
    _ = try method.optimize(&problem, into: MutableRows(plan.base, 4, space.columns))
    #expect(firstMismatch(plan.memory, golden["outputs/run_unbiased_variance/returns_best"].doubles, 2e-5) == nil)
  }

  @Test func pathIntegralRun() throws {
    let configuration = configured(
      PathIntegral.Configuration.self,
      #"{"population": 12, "iterations": 2, "gamma": 1.5, "filter": 0.7, "noise": 1}"#)
    let method = PathIntegral(configuration, horizon: 4, space: space)
    try setTensors(
      of: method,
      [
        "it.mean": golden["outputs/mppi/shifted_mean"].floats,
        "it.past": golden["outputs/mppi/past_action"].floats,
      ])
    // The recorded noise is in action units, ours in half ranges (1 and 1.25).
    let halves: [Float] = [1, 1.25]
    let noise = golden["inputs/mppi/noise"].floats.enumerated().map { $1 / halves[$0 % 2] }
    let iterations = golden["outputs/mppi/iterations"]
    var round = 0
    var problem = problem(noise) { population, values in
      #expect(firstMismatch(population, iterations[round]["population"].doubles, 2e-5, "population") == nil)
      #expect(firstMismatch(values, iterations[round]["values"].doubles, 2e-5, "values") == nil)
      round += 1
    }
    let plan = FloatBuffer(count: 8)
    _ = try method.optimize(&problem, into: MutableRows(plan.base, 4, space.columns))
    #expect(round == 2)
    #expect(firstMismatch(plan.memory, golden["outputs/mppi/final_mean"].doubles, 2e-5, "mean") == nil)
  }
}
