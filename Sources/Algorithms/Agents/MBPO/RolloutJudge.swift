import Support

/// `RolloutTrust` at work.
package final class RolloutJudge: ArchivableObject {
  /// Rounds whose borders a threshold is the mean of.
  private static let remembered = 2000

  package let settings: RolloutTrust
  private let observationSize: Int
  /// Of MACURA: borders of the latest rounds of rollouts, oldest first.
  private var borders: [Double] = []
  /// Members' mean divergence at the first steps of this round, while they are shown.
  private var firstDivergences: [Double] = []
  /// Of MOReL: largest distance on real data, times the coefficient.
  private var largestReal = 0.0
  /// Of Infoprop, per quantity: the most bits that a step may lose, and the share of a rollout's limit that a step has.
  package private(set) var stepLimits: [Double] = []
  package private(set) var totalLimits: [Double] = []
  /// Bits that real transitions lose, by quantity, while they are shown.
  private var realLosses: [[Double]] = []
  /// Bits that each rollout has lost, by quantity.
  private var lost: [[Float]] = []
  /// What the rows of the last step count for.
  package private(set) var weights: [Float] = []

  package init(_ settings: RolloutTrust, observationSize: Int) {
    (self.settings, self.observationSize) = (settings, observationSize)
  }

  // MARK: Real transitions

  /// Takes in what the members say of real transitions, after every fit; only `surveysReal` wants it.
  package func observeReal(_ predictions: MemberPredictions, count: Int, isFirst: Bool) {
    if isFirst { (largestReal, realLosses) = (0, [[Double]](repeating: [], count: predictions.quantities)) }
    if settings.cut == .information {
      for quantity in 0..<predictions.quantities {
        for row in 0..<count { realLosses[quantity].append(Double(loss(predictions, quantity, row))) }
      }
      return
    }
    for row in 0..<count {
      largestReal = max(largestReal, settings.coefficient * Double(predictions.largestPairDistance(row)))
    }
  }

  /// All real transitions were shown.
  package func finishSurvey() {
    guard settings.cut == .information else { return }
    stepLimits = realLosses.map { RolloutJudge.percentile(100 * settings.stepQuantile, of: $0) }
    totalLimits = realLosses.map { RolloutJudge.percentile(100 * settings.totalQuantile, of: $0) }
    realLosses = []
  }

  private func loss(_ predictions: MemberPredictions, _ quantity: Int, _ row: Int) -> Float {
    predictions.fused(quantity, row).loss(resolution: Float(settings.resolution))
  }

  // MARK: Imagined ones

  /// Who moves the rows.
  package var movers: MemberChoice { settings.draw == .member ? .drawn : .drawnFromAll }

  /// Puts what the members agree on in the place of the draw that moved each row; rewards and ends that the task
  /// declares are those of another step then.
  /// - Parameter noise: of this step.
  /// - Returns: false where the draw stays.
  package func fuse(_ step: ImaginedStep, _ predictions: MemberPredictions, noise: RandomStream) -> Bool {
    guard settings.draw != .member else { return false }
    var noise = noise
    let normals = FloatBuffer(count: predictions.quantities * step.count)
    noise.fillNormal(normals.memory)
    for quantity in 0..<predictions.quantities {
      for row in 0..<step.count {
        let fused = predictions.fused(quantity, row)
        let normal = normals[quantity * step.count + row]
        let past = predictions.changes[quantity] ? step.state[row, quantity] : 0
        let column = quantity < observationSize ? quantity : 0
        let rows = quantity < observationSize ? step.next : step.reward
        let draw = rows[row, column] - past
        rows[row, column] =
          past
          + (settings.draw == .fused
            ? fused.mean + normal * fused.variance.squareRoot() : fused.conditional(on: draw, noise: normal))
      }
    }
    return true
  }

  /// Only these rollouts go on, as the step's rows do.
  package func carryOn(_ rows: [Int32]) {
    for (place, row) in rows.enumerated() where lost.count > Int(row) { lost.swapAt(place, Int(row)) }
  }

  /// Judges step `time` of rollouts of `length` steps: changes rewards and ends of `step`, and says which rows are
  /// stored and which go on where the task has not ended.
  package func judge(
    _ step: ImaginedStep, _ predictions: MemberPredictions, time: Int, length: Int, stored: inout [Int32],
    goingOn: inout [Bool]
  ) {
    if settings.weight == .spread {
      weights = (0..<step.count).map { 1 / (1 + predictions.spread($0, observations: observationSize)) }
    }
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
      stored = RolloutJudge.lowest(RolloutJudge.kept(of: step.count, time: time, length: length), of: divergences)
    case .threshold:
      let limit = threshold
      for row in 0..<step.count { goingOn[row] = Double(predictions.pairDivergence(row)) < limit }
      stored = stored.filter { goingOn[Int($0)] }
    case .information:
      if time == 0 {
        lost = [[Float]](repeating: [Float](repeating: 0, count: predictions.quantities), count: step.count)
      }
      for row in 0..<step.count { goingOn[row] = isInformed(row, predictions, length: length) }
      stored = stored.filter { goingOn[Int($0)] }
    }
  }

  /// Adds up what the rollout of a row loses with this step; whether it still knows where it is.
  private func isInformed(_ row: Int, _ predictions: MemberPredictions, length: Int) -> Bool {
    var isInformed = true
    for quantity in 0..<predictions.quantities {
      let bits = loss(predictions, quantity, row)
      lost[row][quantity] += bits
      if Double(bits) > stepLimits[quantity] || Double(lost[row][quantity]) > Double(length) * totalLimits[quantity] {
        isInformed = false
      }
    }
    return isInformed
  }

  private func penalise(_ step: ImaginedStep, _ predictions: MemberPredictions) {
    let weight = Float(settings.penaltyWeight)
    for row in 0..<step.count {
      switch settings.penalty {
      case .none: return
      case .deviation: step.reward[row, 0] -= weight * predictions.largestDeviation(row)
      case .distance: step.reward[row, 0] -= weight * predictions.largestDistance(row, over: 0..<observationSize)
      case .disagreement: step.reward[row, 0] -= weight * predictions.disagreement(row)
      case .divergence: step.reward[row, 0] -= weight * predictions.divergence(of: Int(step.mover[row]), row)
      }
    }
  }

  // MARK: Thresholds

  /// Of M2AC: how many of so many rows step `time` of `length` keeps; half of them where there is one step.
  package static func kept(of count: Int, time: Int, length: Int) -> Int {
    length == 1 ? count / 2 : count * (length - time) / (2 * (length + 1))
  }

  /// Takes in what the members say of first steps of a round; only the threshold wants it.
  package func observeFirstSteps(_ predictions: MemberPredictions, count: Int) {
    for row in 0..<count { firstDivergences.append(Double(predictions.pairDivergence(row))) }
  }

  /// All first steps of the round were shown.
  package func finishFirstSteps() {
    remember(settings.coefficient * RolloutJudge.percentile(settings.percentile, of: firstDivergences))
    firstDivergences = []
  }

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
    guard settings.cut == .information else { return }
    try archive.array("stepLimits", &stepLimits)
    try archive.array("totalLimits", &totalLimits)
  }
}
