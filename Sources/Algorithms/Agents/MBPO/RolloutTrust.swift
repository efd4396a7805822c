import Environments
import Support

/// How far imagined transitions are believed where the members of the model disagree: what is taken off their reward,
/// and which of them are learned from and carried on.
package struct RolloutTrust: Configurable, Equatable {
  /// u of the penalty r − λu.
  package enum Penalty: String, CaseIterable, Sendable {
    case none
    /// The largest predicted deviation of any member (MOPO, Yu et al. 2020).
    case deviation
    /// The largest distance of any member's next observation from the mean of all (MOPO's other form).
    case distance
    /// σ = √mean ‖f_k − mean‖² over all predicted quantities.
    case disagreement
  }

  /// Which transitions count.
  package enum Cut: String, CaseIterable, Sendable {
    case none
    /// Where two members are further apart than anywhere on real data, times `coefficient`, the task ends with
    /// `haltReward` (MOReL, Kidambi et al. 2020).
    case halt
    /// Of step h of H the share (H − h)/(2(H + 1)) is kept on which the member that moved the row diverges least from
    /// the others; the rest goes on all the same (M2AC, Pan et al. 2020).
    case share
    /// A rollout ends before its members' mean divergence reaches `coefficient` times the `percentile` that first steps
    /// of rollouts had so far (MACURA, Frauenknecht et al. 2024).
    case threshold
  }

  package var penalty = Penalty.none
  /// λ.
  package var penaltyWeight = 1.0
  package var cut = Cut.none
  package var coefficient = 1.0
  package var haltReward = 0.0
  package var percentile = 95.0

  /// Everything is believed.
  package init() {}

  package mutating func declare(_ fields: Fields) {
    fields.choice("penalty", &penalty, "what imagined rewards are lowered by (u)")
    fields.number("penaltyWeight", &penaltyWeight, in: 0...1e6, "λ: the reward becomes r − λu")
    fields.choice("cut", &cut, "which imagined transitions are learned from")
    fields.number(
      "coefficient", &coefficient, in: 0...1e6, aboveLowerBound: true, "factor of the limit of \"halt\", \"threshold\"")
    fields.number("haltReward", &haltReward, in: -1e9...1e9, "reward of a rollout that \"halt\" ends")
    fields.number("percentile", &percentile, in: 0...100, "of the first steps' divergences, for \"threshold\"")
  }

  /// Whether members are asked at all.
  package var asksMembers: Bool { penalty != .none || cut != .none }

  /// Warns of settings that nothing reads.
  package func warn(_ fields: Fields) {
    if penalty == .none { fields.unused("agent.trust.penaltyWeight", because: "agent.trust.penalty is \"none\"") }
    if cut != .halt { fields.unused("agent.trust.haltReward", because: "only agent.trust.cut \"halt\" pays it") }
    if cut != .threshold {
      fields.unused("agent.trust.percentile", because: "only agent.trust.cut \"threshold\" asks it")
    }
    if cut != .halt && cut != .threshold {
      fields.unused("agent.trust.coefficient", because: "agent.trust.cut \"\(cut.rawValue)\" has no threshold")
    }
  }
}

/// `RolloutTrust` at work.
package final class RolloutJudge: ArchivableObject {
  /// First steps that a threshold is the mean of.
  private static let remembered = 2000

  package let settings: RolloutTrust
  private let observationSize: Int
  /// Of MACURA: borders of the latest rollouts, oldest first.
  private var borders: [Double] = []
  /// Of MOReL: largest distance on real data, times the coefficient.
  private var largestReal = 0.0

  package init(_ settings: RolloutTrust, observationSize: Int) {
    (self.settings, self.observationSize) = (settings, observationSize)
  }

  /// Takes in what the members say of real transitions, after every fit; only "halt" wants it.
  package func observeReal(_ predictions: MemberPredictions, count: Int, isFirst: Bool) {
    if isFirst { largestReal = 0 }
    for row in 0..<count {
      largestReal = max(largestReal, settings.coefficient * Double(predictions.largestPairDistance(row)))
    }
  }

  /// Judges step `time` of rollouts of `length` steps: changes rewards and ends of `step`, and says which rows are
  /// stored and which go on where the task has not ended.
  package func judge(
    _ step: ImaginedStep, _ predictions: MemberPredictions, time: Int, length: Int, stored: inout [Int32],
    goingOn: inout [Bool]
  ) {
    penalise(step, predictions)
    stored = (0..<Int32(step.count)).map { $0 }
    goingOn = [Bool](repeating: true, count: step.count)
    switch settings.cut {
    case .none: break
    case .halt:
      for row in 0..<step.count where Double(predictions.largestPairDistance(row)) > largestReal {
        step.reward[row, 0] = Float(settings.haltReward)
        step.ended[row, 0] = 1
      }
    case .share:
      let divergences = (0..<step.count).map { predictions.divergence(of: Int(step.mover[$0]), $0) }
      let kept = step.count * (length - time) / (2 * (length + 1))
      stored = RolloutJudge.lowest(kept, of: divergences)
    case .threshold:
      let divergences = (0..<step.count).map { Double(predictions.pairDivergence($0)) }
      if time == 0 { remember(settings.coefficient * RolloutJudge.percentile(settings.percentile, of: divergences)) }
      let limit = threshold
      for row in 0..<step.count { goingOn[row] = divergences[row] < limit }
      stored = stored.filter { goingOn[Int($0)] }
    }
  }

  private func penalise(_ step: ImaginedStep, _ predictions: MemberPredictions) {
    let weight = Float(settings.penaltyWeight)
    for row in 0..<step.count {
      switch settings.penalty {
      case .none: return
      case .deviation: step.reward[row, 0] -= weight * predictions.largestDeviation(row)
      case .distance: step.reward[row, 0] -= weight * predictions.largestDistance(row, over: 0..<observationSize)
      case .disagreement: step.reward[row, 0] -= weight * predictions.disagreement(row)
      }
    }
  }

  // MARK: Thresholds

  /// The mean of the borders so far.
  package var threshold: Double { borders.reduce(0, +) / Double(max(borders.count, 1)) }

  /// Adds the border of another round's first step.
  package func remember(_ border: Double) {
    if borders.count == RolloutJudge.remembered { borders.removeFirst() }
    borders.append(border)
  }

  /// The `count` rows of the lowest values, ascending by row; of equals the earlier one.
  package static func lowest(_ count: Int, of values: [Float]) -> [Int32] {
    values.indices.sorted { (values[$0], $0) < (values[$1], $1) }.prefix(count).map(Int32.init).sorted()
  }

  /// With linear interpolation between order statistics.
  package static func percentile(_ percent: Double, of values: [Double]) -> Double {
    guard !values.isEmpty else { return 0 }
    let sorted = values.sorted()
    let place = percent / 100 * Double(sorted.count - 1)
    let low = Int(place.rounded(.down))
    let high = min(low + 1, sorted.count - 1)
    return sorted[low] + (place - Double(low)) * (sorted[high] - sorted[low])
  }

  package func archive(_ archive: Archive) throws {
    try archive.array("borders", &borders)
    try archive.value("largestReal", &largestReal)
  }
}
