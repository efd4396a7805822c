import Algorithms
import Environments
import Foundation
import Neural
import Support
import Testing

/// Infoprop's rule and the weight of spread, against the formulas by hand in double precision.
struct RolloutInformationTests {
  private static let (members, rows, targets) = (4, 30, 3)

  /// Normals of four members for some rows: two columns of an observation, then a reward. In row 5 all means agree.
  private static func predictions(changes: [Bool]? = nil) -> MemberPredictions {
    let predictions = MemberPredictions(members: members, targets: targets, capacity: rows, changes: changes)
    var random = RandomStream(seed: 12)
    for row in 0..<rows {
      for target in 0..<targets {
        let agreed = Float(random.uniform(-2, 2))
        for member in 0..<members {
          let mean = row == 5 ? agreed : agreed + Float(random.uniform(-0.3, 0.3))
          let deviation = Float(random.uniform(0.01, 0.5))
          predictions.set(member, target, row, mean: mean, variance: deviation * deviation)
        }
      }
    }
    return predictions
  }

  /// μ̄, σ̄², K, (1 − K)σ̄² and ℓ of one quantity, as they stand in the paper.
  private static func byHand(
    _ predictions: MemberPredictions, _ target: Int, _ row: Int, resolution: Double
  ) -> (mean: Double, variance: Double, gain: Double, left: Double, bits: Double) {
    let means = (0..<members).map { Double(predictions.mean($0, target, row)) }
    let variances = (0..<members).map { Double(predictions.variance($0, target, row)) }
    let variance = 1 / (variances.reduce(0) { $0 + 1 / $1 } / Double(members))
    let mean = variance * zip(means, variances).reduce(0) { $0 + $1.0 / $1.1 } / Double(members)
    let epsilon = means.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(members)
    let gain = variance / (variance + epsilon)
    let left = (1 - gain) * variance
    let bits = max(0, 0.5 * log2(2 * Double.pi * exp(1) * left) - log2(resolution))
    return (mean, variance, gain, left, bits)
  }

  @Test(arguments: [1e-6, 0.05]) func whatTheMembersAgreeOn(resolution: Double) {
    let predictions = Self.predictions()
    var lossless = 0
    for row in 0..<Self.rows {
      for target in 0..<Self.targets {
        let fused = predictions.fused(target, row)
        let want = Self.byHand(predictions, target, row, resolution: resolution)
        #expect(abs(Double(fused.mean) - want.mean) < 2e-6 * max(1, abs(want.mean)))
        #expect(abs(Double(fused.variance) - want.variance) < 2e-6 * want.variance)
        #expect(abs(Double(fused.gain) - want.gain) < 2e-6)
        let bits = Double(fused.loss(resolution: Float(resolution)))
        if row == 5 {
          // Up to the rounding of the mean nothing is in doubt; the formula's difference would say otherwise.
          #expect(fused.gain > 0.999999 && bits < want.bits + 1)
        } else {
          #expect(abs(Double(fused.conditionalVariance) - want.left) < 1e-5 * want.left)
          #expect(abs(bits - want.bits) < 1e-4 * max(1, want.bits), "row \(row), target \(target)")
        }
        if bits == 0 { lossless += 1 }
        let drawn = want.mean + want.gain * (0.7 - want.mean) - 1.5 * want.left.squareRoot()
        #expect(abs(Double(fused.conditional(on: 0.7, noise: -1.5)) - drawn) < 1e-4)
      }
    }
    #expect(resolution == 1e-6 || lossless > 0)
  }

  /// A draw is replaced by what it says of the agreement, or by a draw of that; a column that is predicted as a change
  /// keeps its state.
  @Test(arguments: [RolloutTrust.Draw.member, .conditional, .fused]) func draws(draw: RolloutTrust.Draw) {
    let predictions = Self.predictions(changes: [true, false, false])
    var trust = RolloutTrust()
    trust.draw = draw
    let judge = RolloutJudge(trust, observationSize: 2)
    let step = ImaginedStep(capacity: Self.rows, observationSize: 2, actionColumns: 1)
    var random = RandomStream(seed: 3)
    for row in 0..<Self.rows {
      for column in 0..<2 {
        step.state[row, column] = Float(random.uniform(-1, 1))
        step.next[row, column] = Float(random.uniform(-1, 1))
      }
      step.reward[row, 0] = Float(random.uniform(-1, 1))
    }
    let (before, rewards) = (Rows(step.next).array, Rows(step.reward).array)
    let noise = RandomStream(seed: 9)
    #expect(judge.fuse(step, predictions, noise: noise) == (draw != .member))
    var stream = noise
    let normals = FloatBuffer(count: Self.targets * Self.rows)
    stream.fillNormal(normals.memory)
    for row in 0..<Self.rows where row != 5 {
      for target in 0..<3 {
        let drawn = Double(target < 2 ? before[2 * row + target] : rewards[row])
        let past = target == 0 ? Double(step.state[row, 0]) : 0
        let want = Self.byHand(predictions, target, row, resolution: 1)
        let normal = Double(normals[target * Self.rows + row])
        let expected =
          switch draw {
          case .member: drawn
          case .conditional:
            past + want.mean + want.gain * (drawn - past - want.mean) + normal * want.left.squareRoot()
          case .fused: past + want.mean + normal * want.variance.squareRoot()
          }
        let got = target < 2 ? step.next[row, target] : step.reward[row, 0]
        #expect(abs(Double(got) - expected) < 1e-4, "row \(row), target \(target)")
      }
    }
  }

  /// A rollout ends before the step that loses too much at once, or too much in all; limits are those of real data.
  @Test func rolloutsStopWhereTheyAreLost() {
    let predictions = Self.predictions()
    func judge(_ change: (inout RolloutTrust) -> Void = { _ in }) -> RolloutJudge {
      var trust = RolloutTrust()
      (trust.cut, trust.stepQuantile, trust.totalQuantile) = (.information, 0.75, 0.5)
      change(&trust)
      let judge = RolloutJudge(trust, observationSize: 2)
      judge.observeReal(predictions, count: Self.rows, isFirst: true)
      judge.finishSurvey()
      return judge
    }
    let bits = (0..<Self.targets).map { target in
      (0..<Self.rows).map { Double(predictions.fused(target, $0).loss(resolution: 1e-6)) }
    }
    func quantile(_ share: Double, _ values: [Double]) -> Double {
      let (sorted, place) = (values.sorted(), share * Double(values.count - 1))
      let low = Int(place)
      return sorted[low] + (place - Double(low)) * (sorted[min(low + 1, values.count - 1)] - sorted[low])
    }
    let limits = bits.map { quantile(0.75, $0) }
    for (got, want) in zip(judge().stepLimits, limits) { #expect(abs(got - want) < 1e-9) }
    for (got, want) in zip(judge().totalLimits, bits) { #expect(abs(got - quantile(0.5, want)) < 1e-9) }
    func judged(_ judge: RolloutJudge, length: Int, times: Int) -> (stored: [Int32], goingOn: [Bool]) {
      let step = ImaginedStep(capacity: Self.rows, observationSize: 2, actionColumns: 1)
      var (stored, goingOn): ([Int32], [Bool]) = ([], [])
      for time in 0..<times {
        judge.judge(step, predictions, time: time, length: length, stored: &stored, goingOn: &goingOn)
      }
      return (stored, goingOn)
    }
    // A long rollout may lose much in all, so the single step decides; then the median of each of two steps.
    let within = (0..<Self.rows).map { row in (0..<Self.targets).allSatisfy { bits[$0][row] <= limits[$0] } }
    #expect(within.contains(true) && within.contains(false))
    let long = judged(judge(), length: 1000, times: 1)
    #expect(long.goingOn == within && long.stored == (0..<Int32(Self.rows)).filter { within[Int($0)] })
    let free = judge { $0.stepQuantile = 1 }
    let total = (0..<Self.rows).map { row in
      (0..<Self.targets).allSatisfy { 2 * bits[$0][row] <= 2 * quantile(0.5, bits[$0]) }
    }
    #expect(total != within && total.contains(true) && total.contains(false))
    #expect(judged(free, length: 2, times: 2).goingOn == total)
    #expect(judged(free, length: 2, times: 1).goingOn != total, "one step loses half as much")
    // Rollouts that go on take along what they have lost: the last ones stand first then.
    let step = ImaginedStep(capacity: Self.rows, observationSize: 2, actionColumns: 1)
    var (stored, goingOn): ([Int32], [Bool]) = ([], [])
    for row in 1..<Self.rows {
      free.judge(step, predictions, time: 0, length: 2, stored: &stored, goingOn: &goingOn)
      free.carryOn([Int32(row)])
      let last = MemberPredictions(members: Self.members, targets: Self.targets, capacity: 1)
      for member in 0..<Self.members {
        for target in 0..<Self.targets {
          last.set(
            member, target, 0, mean: predictions.mean(member, target, row),
            variance: predictions.variance(member, target, row))
        }
      }
      let one = ImaginedStep(capacity: 1, observationSize: 2, actionColumns: 1)
      free.judge(one, last, time: 1, length: 2, stored: &stored, goingOn: &goingOn)
      #expect(goingOn == [total[row]], "row \(row)")
    }
  }

  /// σ = std r + mean_d std s'_d, and w = 1/(1 + σ).
  @Test func rowsCountByTheirSpread() {
    let predictions = Self.predictions()
    var trust = RolloutTrust()
    trust.weight = .spread
    let judge = RolloutJudge(trust, observationSize: 2)
    let step = ImaginedStep(capacity: Self.rows, observationSize: 2, actionColumns: 1)
    var (stored, goingOn): ([Int32], [Bool]) = ([], [])
    judge.judge(step, predictions, time: 0, length: 1, stored: &stored, goingOn: &goingOn)
    for row in 0..<Self.rows {
      let deviations = (0..<Self.targets).map { target in
        let means = (0..<Self.members).map { Double(predictions.mean($0, target, row)) }
        let center = means.reduce(0, +) / Double(Self.members)
        return (means.reduce(0) { $0 + ($1 - center) * ($1 - center) } / Double(Self.members)).squareRoot()
      }
      let sigma = deviations[2] + (deviations[0] + deviations[1]) / 2
      #expect(abs(Double(judge.weights[row]) - 1 / (1 + sigma)) < 1e-6)
    }
    #expect(judge.weights[5] > 0.99999 && judge.weights[0] < 0.95)
    #expect(stored.count == Self.rows && goingOn.allSatisfy { $0 })
  }

  /// The weights that a round of rollouts gives arrive in the minibatches; real rows count 1.
  @Test func weightsReachTheMinibatch() {
    let replay = Replay(
      observationSize: 1, actionColumns: 1, extra: [ReplayColumn("weight", 1)], capacity: 8, layout: .loose,
      storage: .copied)
    let real = Replay(observationSize: 1, actionColumns: 1, capacity: 8, layout: .loose, storage: .copied)
    let (one, weight) = (RowBuffer(1, 1), RowBuffer(1, 1))
    let column = replay.column("weight")
    for (reward, replay) in [(Float(2), replay), (1, real)] {
      (one.rows[0, 0], weight.rows[0, 0]) = (reward, 0.25)
      let zero = RowBuffer(1, 1)
      withExtendedLifetime((one, weight, zero)) {
        replay.append(one.read, one.read, rewards: one.read, terminated: zero.read, next: one.read) { _, row in
          if reward == 2 { row.set(column, weight.read) }
        }
      }
    }
    let minibatch = Minibatch(8, of: real, weight: column)
    var random = RandomStream(seed: 1)
    let batch = minibatch.draw(0.25, from: real, rest: replay, &random)
    for row in 0..<8 { #expect(batch.weights?[row, 0] == (batch.rewards[row, 0] == 2 ? 0.25 : 1)) }
    #expect((0..<8).count { batch.rewards[$0, 0] == 1 } == 2)
  }

  /// ½Σ_i mean w·(Q_i − y)²: a row of weight 0 is not there, and all of 1 are what none are.
  @Test(arguments: [false, true]) func weighedErrors(isNormalized: Bool) {
    func critics() -> Critics {
      var settings = Critics.Settings()
      (settings.hiddenSizes, settings.learningRate, settings.normalizesLayers) = ([8], 1e-2, isNormalized)
      var random = RandomStream(seed: 1)
      return Critics(settings, inputs: 3, outputs: 1, maximumNorm: nil, random: &random, pool: nil)
    }
    let (inputs, target, weights) = (RowBuffer(6, 3), RowBuffer(6, 1), RowBuffer(6, 1))
    defer { withExtendedLifetime((inputs, target, weights)) {} }
    var random = RandomStream(seed: 2)
    random.fillNormal(inputs.memory)
    random.fillNormal(target.memory)
    weights.rows.fill(1)
    let (plain, weighed, half) = (critics(), critics(), critics())
    let (first, second) = (
      plain.fit(inputs.read, chosen: nil, to: target.read),
      weighed.fit(inputs.read, chosen: nil, to: target.read, weights: weights.read)
    )
    #expect(abs(first - second) < 1e-5 * abs(first))
    for (left, right) in zip(plain.network.store.values, weighed.network.store.values) {
      #expect(abs(left - right) < 1e-4)
    }
    // Half of the rows with weight 1 is half the loss of them alone.
    for row in 3..<6 { weights.rows[row, 0] = 0 }
    let part = half.fit(inputs.read, chosen: nil, to: target.read, weights: weights.read)
    let alone = critics().fit(inputs.read.slice(0..<3), chosen: nil, to: target.read.slice(0..<3))
    #expect(abs(part - alone / 2) < 1e-5 * abs(alone))
  }
}
