import Algorithms
import Environments
import Neural
import Support
import TestSupport
import Testing

/// The model of double-horizon policy optimisation.
struct NormalizedEnsembleTests {
  private static let specification = EnvironmentSpecification(
    id: "Line", observationSpace: .box(low: [-9, -9], high: [9, 9]), actionSpace: .box(low: [-2], high: [2]),
    stepLimit: nil, rewardRange: -9...9, framesPerSecond: 1, summary: "a line")

  /// s' = s + (.1 s₁, .05 a) and r = s₀ − a², from states all over.
  private static func replay(_ count: Int, capacity: Int = 10_000) -> Replay {
    let replay = Replay(
      observationSize: 2, actionColumns: 1, capacity: capacity, layout: .loose, storage: .copied)
    var random = RandomStream(seed: 1)
    for _ in 0..<count {
      func row(_ values: [Float]) -> RowBuffer {
        let buffer = RowBuffer(1, values.count)
        _ = buffer.memory.update(fromContentsOf: values)
        return buffer
      }
      let (x, v, a) = (Float(random.uniform(-3, 3)), Float(random.uniform(-3, 3)), Float(random.uniform(-2, 2)))
      let (state, action, reward) = (row([x, v]), row([a]), row([x - a * a]))
      let (end, next) = (row([0]), row([x + 0.1 * v, v + 0.05 * a]))
      replay.append(state.read, action.read, rewards: reward.read, terminated: end.read, next: next.read)
    }
    return replay
  }

  private static func model(
    threads: Int = 1, stoppingAt stop: Int = 0,
    _ change: (inout NormalizedEnsemble.Configuration) -> Void = { _ in }
  ) -> NormalizedEnsemble {
    var configuration = NormalizedEnsemble.Configuration()
    (configuration.ensembleSize, configuration.hiddenSizes) = (3, [32, 32])
    (configuration.batchSize, configuration.epochs, configuration.termination) = (64, 40, .never)
    change(&configuration)
    let asked = Guarded(0)
    let pool = ComputePool(threads: threads) {
      asked.withLock { count in
        count += 1
        return count == stop
      }
    }
    return NormalizedEnsemble(
      configuration, DynamicsLayout(specification, known: nil), random: RandomStream(seed: 3), pool: pool)
  }

  private static func metrics(_ model: NormalizedEnsemble) -> Metrics { Metrics(names: [], tables: model.tables) }

  @Test func itLearnsALinearSystem() throws {
    let model = Self.model()
    var metrics = Self.metrics(model)
    let summary = try model.fit(Self.replay(1000), &metrics)
    #expect(summary.updates > 0)
    let predictions = model.meanPredictions(observation: [1, -2], action: [1])
    #expect(predictions.count == 3)
    for member in predictions {
      #expect(abs(member[0] - 0.8) < 0.06 && abs(member[1] + 1.95) < 0.02 && abs(member[2] - 0) < 0.5, "\(member)")
    }
    let first = metrics.rows[0].first!, last = metrics.rows[0].last!
    #expect("\(first)" != "\(last)")
  }

  /// A row's part and weights are its own, whatever came later.
  @Test func whatIsHeldOutStaysHeldOut() {
    let replay = Self.replay(300)
    let serials = (0..<300).map { replay.serial(of: replay.transition($0)) }
    #expect(Set(serials).count == 300)
    let ring = Self.replay(250, capacity: 100)
    #expect((0..<100).map { ring.serial(of: ring.transition($0)) } == (150..<250).map { UInt64($0) })
  }

  @Test func threadsChangeNoBit() throws {
    func fitted(_ threads: Int) throws -> [Float] {
      let model = Self.model(threads: threads) { $0.epochs = 3 }
      var metrics = Self.metrics(model)
      _ = try model.fit(Self.replay(500), &metrics)
      return Array(model.store.values)
    }
    #expect(try fitted(1) == fitted(3))
  }

  /// Given up in the middle, the model is as it was, and the same fit comes again.
  @Test func anInterruptedFitComesAgain() throws {
    let replay = Self.replay(500)
    let whole = Self.model { $0.epochs = 6 }
    var metrics = Self.metrics(whole)
    _ = try whole.fit(replay, &metrics)
    let model = Self.model(stoppingAt: 4) { $0.epochs = 6 }
    let before = Array(model.store.values)
    metrics = Self.metrics(model)
    #expect(throws: InterruptedError.self) { try model.fit(replay, &metrics) }
    #expect(Array(model.store.values) == before && metrics.rows[0].isEmpty)
    _ = try model.fit(replay, &metrics)
    #expect(Array(model.store.values) == Array(whole.store.values))
  }

  /// Layers decay on their own, ln σ too: with a gradient of zero only the decay moves a parameter.
  @Test func everyParameterHasItsDecay() {
    let store = ParameterStore()
    var random = RandomStream(seed: 1)
    let parameters = (0..<3).map { store.addVector("p\($0)", count: 5, initializer: .constant(2), random: &random) }
    let adam = Adam(store, learningRate: 0.1, decoupledDecays: [0, 0.5, 2])
    store.clearGradients()
    adam.step()
    #expect(parameters.map { store.values(of: $0)[3] } == [2, 2 * Float(1 - 0.1 * 0.5), 2 * Float(1 - 0.1 * 2.0)])
  }
}
