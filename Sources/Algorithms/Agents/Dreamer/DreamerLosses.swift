import Neural
import Support

// The losses of Dreamer's behaviour, as functions of numbers that are given. Steps are rows: row t·n + i is step t of
// sequence i.

/// R_t = r_{t+1} + live_{t+1}·((1 − keep_{t+1})·v_{t+1} + keep_{t+1}·R_{t+1}), with R = v behind the last step.
///
/// All have T·n rows of one column; `returns` gets (T−1)·n. `live` is the probability that it goes on, the discount
/// included; `keep` is λ, and 0 where an episode ended.
package func lambdaReturns(
  rewards: Rows, live: Rows, keep: Rows, values: Rows, width n: Int, into returns: MutableRows
) {
  var row = rewards.count - 1
  while row >= n {
    let last = row + n >= rewards.count
    let ahead = last ? values[row, 0] : returns[row, 0]
    let mixed = (1 - keep[row, 0]) * values[row, 0] + keep[row, 0] * ahead
    returns[row - n, 0] = rewards[row, 0] + live[row, 0] * mixed
    row -= 1
  }
}

/// Where returns lie: exponential averages of their 5th and 95th percentiles. The distance between the two, if it is
/// above 1 (or another bound), is what advantages are divided by.
package struct ReturnRange: Archivable, Sendable {
  package private(set) var low: Double
  package private(set) var high: Double
  private let rate, smallest: Double
  private var memory: [Float] = []

  /// - Parameters:
  ///   - rate: share of the new percentiles.
  ///   - smallest: the least of all scales.
  package init(rate: Double, smallest: Double = 1, low: Double = 0, high: Double = 0) {
    (self.rate, self.smallest, self.low, self.high) = (rate, smallest, low, high)
  }

  /// Takes in all returns of an update, [rows, 1].
  package mutating func update(_ returns: Rows) {
    memory.removeAll(keepingCapacity: true)
    for row in 0..<returns.count { memory.append(returns[row, 0]) }
    let (rate, percentiles) = (
      rate, memory.withUnsafeMutableBufferPointer { (percentile(0.05, of: $0), percentile(0.95, of: $0)) }
    )
    low += rate * (percentiles.0 - low)
    high += rate * (percentiles.1 - high)
  }

  /// max(smallest, high − low)
  package var scale: Float { Float(max(smallest, high - low)) }

  package mutating func archive(_ archive: Archive) throws {
    try archive.value("low", &low)
    try archive.value("high", &high)
  }
}

/// The value below which a share of the numbers lies, between two neighbours in proportion. Their order changes.
private func percentile(_ share: Double, of values: UnsafeMutableBufferPointer<Float>) -> Double {
  let place = share * Double(values.count - 1)
  let below = Int(place)
  let first = Double(smallest(below, of: values))
  guard place > Double(below) else { return first }
  // Everything behind place `below` is at least as large.
  var second = values[below + 1]
  for index in below + 2..<values.count where values[index] < second { second = values[index] }
  return first + (place - Double(below)) * (Double(second) - first)
}

/// The number at place `rank` of the ascending order, with smaller ones before it and larger ones behind (Hoare 1961).
private func smallest(_ rank: Int, of values: UnsafeMutableBufferPointer<Float>) -> Float {
  var (low, high) = (0, values.count - 1)
  while low < high {
    let pivot = values[low + (high - low) / 2]
    var (left, right) = (low, high)
    while left <= right {
      while values[left] < pivot { left += 1 }
      while pivot < values[right] { right -= 1 }
      if left <= right {
        values.swapAt(left, right)
        left += 1
        right -= 1
      }
    }
    if rank <= right {
      high = right
    } else if rank >= left {
      low = left
    } else {
      break
    }
  }
  return values[rank]
}

/// −weight·(ρ·log π(a)·advantage + η·H) of imagined steps, [rows, 1]; REINFORCE for every kind of action.
/// - Parameters:
///   - actions: those taken, [rows, actions].
///   - advantages: (R − v)/scale, [rows, 1]; constant as the weights are.
package func actorLoss(
  _ distribution: ActionDistribution, actions: Tensor, advantages: Tensor, weights: Tensor,
  reinforceShare: Float = 1, entropyScale: Float, on tape: Tape
) -> (loss: Tensor, entropies: Tensor) {
  var score = tape.multiply(distribution.logProbability(of: actions, on: tape), advantages)
  if reinforceShare != 1 { score = tape.scale(score, by: reinforceShare) }
  let entropies = distribution.entropies(on: tape)
  let gain = tape.add(score, tape.scale(entropies, by: entropyScale))
  return (tape.scale(tape.multiply(gain, weights), by: -1), entropies)
}

/// weight·(−log p(R) − log p(v̄)) of a two-hot critic, [rows, 1]; `targets` [rows, 1 or 2] are the return R and, for
/// DreamerV3's critic, what the slow one says, v̄.
package func criticLoss(
  _ logits: Tensor, targets: Tensor, weights: Tensor, bins: TwoHotBins, on tape: Tape
) -> Tensor {
  tape.multiply(tape.twoHotLoss(logits, targets: targets, bins: bins), weights)
}
