import Algorithms
import Foundation
import Support
import Testing

/// Sums of rewards over several steps, and draws by priority.
@Suite struct ReplayReturnsTests {
  private static let settings = ReplayTests.settings.filter { $0.layout == .chained }

  /// What one transition has to become.
  private struct Sum: Equatable {
    var observation: [Float]
    var reward: Float = 0
    var discount: Float = 1
    var next: [Float] = []
    var terminated: Float = 0
  }

  /// The sums of a lane's transitions by their actions, each of which there is once, written down the long way.
  private func sums(_ fixture: ReplayFixture, _ steps: Int, _ discount: Float) -> [Float: Sum] {
    var sums: [Float: Sum] = [:]
    for lane in 0..<fixture.settings.lanes {
      let rows = Array(fixture.left(lane))
      for start in rows.indices where rows[start].number != nil {
        var sum = Sum(observation: rows[start].observation)
        for row in rows[start...].prefix(steps) {
          guard row.number != nil else { break }
          sum.reward += sum.discount * row.reward
          sum.discount *= discount
          (sum.next, sum.terminated) = (row.next, row.terminated)
          if row.terminated + row.truncated > 0 { break }
        }
        sums[rows[start].action[0]] = sum
      }
    }
    return sums
  }

  /// Sums go on over the ring's end, never over an episode's; the time limit leaves the value of what followed, the end
  /// of a task does not; where an episode was lost or goes on, what there is counts.
  @Test(arguments: settings, [1, 2, 3, 7]) func sumsEndWithTheirEpisode(settings: ReplayFixture.Settings, steps: Int) {
    let (replay, fixture) = (settings.makeReplay(), ReplayFixture(settings, seed: 4))
    let minibatch = Minibatch(16, of: replay, steps: steps, discount: 0.75)
    var random = RandomStream(seed: 5)
    for step in 0..<120 {
      fixture.step(replay)
      let expected = sums(fixture, steps, 0.75)
      let batch =
        settings.isPrioritised
        ? minibatch.draw(byPriorityFrom: replay, importance: 1, &random) : minibatch.draw(from: replay, &random)
      for row in 0..<batch.count {
        let found = Sum(
          observation: batch.observations.row(row).array, reward: batch.rewards[row, 0],
          discount: batch.discounts?[row, 0] ?? 0.75, next: batch.next.row(row).array,
          terminated: batch.terminated[row, 0])
        #expect(found == expected[batch.actions[row, 0]], "step \(step)")
        let weight = found.terminated == 1 ? 0 : found.discount
        #expect(batch.discount(row, 0.75) == weight)
      }
    }
  }

  /// Transitions come in proportion to (|δ| + 10⁻⁶)^α, with weights (N·P)^−β over the largest of them.
  @Test func drawsFollowErrorsAndWeightsMakeUpForIt() throws {
    let settings = ReplayFixture.Settings(lanes: 2, capacity: 40, isPrioritised: true)
    let (replay, fixture) = (settings.makeReplay(), ReplayFixture(settings))
    for _ in 0..<60 { fixture.step(replay) }
    let rows = replay.transitions
    let errors = RowBuffer(rows.count, 1)
    for place in rows.indices { errors.rows[place, 0] = Float(place % 5) - 2 }
    replay.prioritize(rows, by: errors.read, exponent: 0.6)
    let raised = rows.indices.map { pow(Double(abs(errors.rows[$0, 0])) + 1e-6, 0.6) }
    let total = raised.reduce(0, +)
    for (place, row) in rows.enumerated() {
      #expect(abs(replay.probability(row) - raised[place] / total) < 1e-6)
    }
    // One draw from each of as many equal shares: counts are off by less than 2, whatever the draws.
    var random = RandomStream(seed: 2)
    var drawn: [Int32] = []
    replay.sampleByPriority(5000, &random, into: &drawn)
    #expect(drawn.count == 5000 && Set(drawn).isSubset(of: Set(rows)))
    for (place, row) in rows.enumerated() {
      #expect(abs(Double(drawn.count { $0 == row }) - 5000 * raised[place] / total) < 2)
    }
    let weights = RowBuffer(4, 1)
    for exponent in [0, 0.4, 1] {
      let some = Array(rows[1...4])
      replay.importanceWeights(some, exponent: Float(exponent), into: weights.rows)
      let expected = (1...4).map { pow(Double(rows.count) * raised[$0] / total, -exponent) }
      for place in 0..<4 {
        #expect(abs(Double(weights.rows[place, 0]) - expected[place] / expected.max()!) < 1e-5)
      }
    }
    withExtendedLifetime(weights) {}
    // An error that is no number leaves its row where it was.
    errors.rows[0, 0] = .nan
    let before = replay.probability(rows[0])
    replay.prioritize(Array(rows[0...0]), by: errors.read, exponent: 0.6)
    #expect(replay.probability(rows[0]) == before)
  }

  /// Where nothing has a priority, draws are uniform.
  @Test func withoutPrioritiesDrawsAreUniform() {
    let settings = ReplayFixture.Settings(capacity: 30, isPrioritised: true)
    let (replay, fixture) = (settings.makeReplay(), ReplayFixture(settings))
    for _ in 0..<60 { fixture.step(replay) }
    for row in replay.transitions { replay.setPriority(row, 0) }
    var random = RandomStream(seed: 2)
    var drawn: [Int32] = []
    replay.sampleByPriority(1000, &random, into: &drawn)
    #expect(Set(drawn) == Set(replay.transitions))
  }
}
