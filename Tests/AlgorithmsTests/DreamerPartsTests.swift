import Algorithms
import Neural
import Support
import Testing

/// A batch that is cut into parts, which threads take at once.
struct DreamerPartsTests {
  /// What an update of five sequences says and does, in so many parts.
  private func update(
    parts: Int, pool: ComputePool? = nil, _ change: (inout DreamerLearner.Settings) -> Void = { _ in }
  ) throws -> (report: DreamerLearner.Report, gradients: [[Float]], values: [[Float]], states: [Float]) {
    let learner = DreamerVariantTests.learner(count: 5, parts: parts, pool: pool, change)
    var starting = RandomStream(seed: 8)
    for start in [learner.batch.startH, learner.batch.startZ] { starting.fillUniform(start.memory, -1, 1) }
    let report = try learner.differentiate()
    let gradients = learner.optimizer.stores.map { Array($0.gradients) }
    var random = RandomStream(seed: 9)
    for _ in 0..<2 {
      learner.draw(&random)
      _ = try learner.update()
    }
    return (report, gradients, learner.optimizer.stores.map { Array($0.values) }, learner.states.array)
  }

  private func expectClose(_ own: [[Float]], _ whole: [[Float]], _ comment: Comment) {
    let largest = whole.joined().map(abs).max() ?? 0
    let worst = zip(own.joined(), whole.joined()).map { abs($0 - $1) }.max() ?? .infinity
    #expect(worst <= 2e-5 * largest, comment)
  }

  /// The means over all steps and the gradients are those of the whole batch, whatever the parts' sizes; with free nats
  /// that an average decides about (between the parts' averages, too), an explorer, and a critic without a slow one.
  @Test(arguments: [2, 3, 5]) func partsMakeTheWhole(parts: Int) throws {
    let average = Float(try update(parts: 1) { $0.model.freeNats = 0 }.report.dynamics)
    let bounds: [(String, (inout DreamerLearner.Settings) -> Void)] = [0.9, 0.95, 0.99, 1.01, 1.05, 1.1].map { factor in
      ("\(factor) of the average", { ($0.model.averagesFreeNats, $0.model.freeNats) = (true, factor * average) })
    }
    let variants: [(String, (inout DreamerLearner.Settings) -> Void)] =
      bounds + [
        ("as DreamerV3", { _ in }), ("explorer", { $0.exploration = .init() }),
        ("no slow critic", { $0.behaviour.staysNearSlow = false }),
        ("normals", { $0.model.sizes.latent = .gaussian }),
      ]
    for (name, change) in variants {
      let (whole, own) = (try update(parts: 1, change), try update(parts: parts, change))
      expectClose(own.gradients, whole.gradients, "\(name): gradients")
      func numbers(_ report: DreamerLearner.Report) -> [Double] {
        [
          report.reconstruction, report.reward, report.rewardError, report.continuation, report.dynamics,
          report.representation, report.policy, report.value, report.replayValue, report.total, report.gradientNorm,
          report.kl, report.posteriorEntropy, report.priorEntropy, report.imaginedReturn, report.actionEntropy,
        ]
      }
      for (index, (own, whole)) in zip(numbers(own.report), numbers(whole.report)).enumerated() {
        #expect(abs(own - whole) <= 1e-5 * abs(whole) + 1e-6, "\(name): number \(index), \(own) for \(whole)")
      }
    }
  }

  /// The parts are the same for any number of threads, and so are the bytes.
  @Test func sameBytesOnAnyThreads() throws {
    let alone = try update(parts: 3) { $0.exploration = .init() }
    for threads in 1...4 {
      let own = try update(parts: 3, pool: ComputePool(threads: threads)) { $0.exploration = .init() }
      #expect(own.gradients == alone.gradients && own.values == alone.values && own.states == alone.states)
    }
  }
}
