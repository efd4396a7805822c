import CKernels
import Environments
import Neural
import Support

/// What a step reads beside the networks.
struct StepConstants {
  /// σ of every member and quantity, standardised [members · (1 + size)].
  var deviations: [Float]
  /// Per observation column: deviation of its change over its own, and mean of its change over its own deviation.
  var ratio, shift: [Float]
  var rewardMean: Float = 0
  var rewardDeviation: Float = 1

  init(members: Int, size: Int) {
    deviations = [Float](repeating: 1, count: members * (1 + size))
    ratio = [Float](repeating: 1, count: size)
    shift = [Float](repeating: 0, count: size)
  }

  mutating func take(
    _ input: InputNormalizer, _ target: InputNormalizer, logDeviations: UnsafeMutableBufferPointer<Float>
  ) {
    ck_unary(Int32(CK_EXP), Int64(deviations.count), logDeviations.baseAddress!, &deviations)
    for column in ratio.indices {
      ratio[column] = Float(target.deviation[1 + column] / input.deviation[column])
      shift[column] = Float(target.mean[1 + column] / input.deviation[column])
    }
    (rewardMean, rewardDeviation) = (Float(target.mean[0]), Float(target.deviation[0]))
  }
}

/// Rows sorted by the member that serves each, every member's part as long as the longest.
struct MemberGroups {
  /// Of every slot of every member, the row that lies there; 0 where there is none left.
  private(set) var slots: [Int32] = []
  /// Of every row, its slot.
  private(set) var places: [Int32] = []
  private(set) var rowsPerMember = 0
  private var counts: [Int] = []

  mutating func take(_ members: some Sequence<Int32>, of count: Int) {
    counts.removeAll(keepingCapacity: true)
    for _ in 0..<count { counts.append(0) }
    for member in members { counts[Int(member)] += 1 }
    rowsPerMember = max(counts.max() ?? 0, 1)
    slots.removeAll(keepingCapacity: true)
    for _ in 0..<count * rowsPerMember { slots.append(0) }
    places.removeAll(keepingCapacity: true)
    for member in 0..<count { counts[member] = member * rowsPerMember }
    for (row, member) in members.enumerated() {
      let slot = counts[Int(member)]
      counts[Int(member)] += 1
      slots[slot] = Int32(row)
      places.append(Int32(slot))
    }
  }
}

extension NormalizedEnsemble: DifferentiableDynamics {
  package var differentiable: (any DifferentiableDynamics)? { self }
  package var members: Int { configuration.ensembleSize }
  package var elites: [Int] { Array(0..<members) }

  package func standardize(_ observations: MutableRows) { normalizer.standardize(observations) }

  package func ends(
    _ state: Rows, _ action: Rows, _ next: Rows, into ended: UnsafeMutablePointer<Float>
  ) -> Bool {
    guard configuration.termination == .known, let known = layout.known else { return false }
    if ending.capacity < state.count {
      ending = ImaginedStep(
        capacity: state.count, observationSize: state.columns, actionColumns: action.columns)
    }
    ending.count = state.count
    normalizer.restore(state, into: ending.state)
    normalizer.restore(next, into: ending.next)
    ending.action.copy(action)
    layout.actionSpace.unsquash(ending.action)
    known.terminations(of: ending.columns, into: ended)
    return true
  }

  /// Σ over members of mean over rows of w·Σ_d [½(μ − y)²·e^(−2 ln σ) + max(ln σ, ln floor)].
  ///
  /// output and target [members, rows, quantities], ln σ [members, 1, quantities], weights [members, rows, 1].
  package static func loss(
    _ output: Tensor, _ target: Tensor, logDeviation: Tensor, weights: Tensor, floor: Float = 1e-3, on tape: Tape
  ) -> Tensor {
    let precision = tape.scale(tape.exp(tape.scale(logDeviation, by: -2)), by: 0.5)
    let logFloor = tape.constant(columns: 1) { $0[0] = KernelMath.log(floor) }
    let errors = tape.multiply(tape.square(tape.subtract(output, target)), precision)
    let sum = tape.sum(tape.multiply(tape.add(errors, tape.maximum(logDeviation, logFloor)), weights))
    return tape.scale(sum, by: 1 / Float(output.rows))
  }

  /// Per row Σ_d [½(ȳ − y)²/v + ½ ln v] of the Gaussian that all members make together: ȳ their mean,
  /// v = e^(2·mean ln σ) + their sample variance. `output` [members, rows, quantities].
  package static func scores(
    _ output: UnsafeBufferPointer<Float>, members: Int, logDeviations: UnsafeBufferPointer<Float>, wanted: [Rows]
  ) -> [Double] {
    let (rows, columns) = (wanted.count, wanted.first?.columns ?? 0)
    var noise = [Float](repeating: 0, count: columns)
    for column in 0..<columns {
      noise[column] = 2 * (0..<members).reduce(0) { $0 + logDeviations[$1 * columns + column] } / Float(members)
    }
    ck_unary(Int32(CK_EXP), Int64(columns), noise, &noise)
    var (distances, logs) = ([Double](repeating: 0, count: rows), [Float](repeating: 0, count: rows * columns))
    for row in 0..<rows {
      for column in 0..<columns {
        func prediction(_ member: Int) -> Double { Double(output[(member * rows + row) * columns + column]) }
        var mean = 0.0
        for member in 0..<members { mean += prediction(member) }
        mean /= Double(members)
        var squares = 0.0
        for member in 0..<members { squares += (prediction(member) - mean) * (prediction(member) - mean) }
        let variance = Double(noise[column]) + squares / Double(max(members - 1, 1))
        let error = mean - Double(wanted[row][0, column])
        distances[row] += error * error / variance / 2
        logs[row * columns + column] = Float(variance)
      }
    }
    ck_unary(Int32(CK_LOG), Int64(logs.count), logs, &logs)
    return (0..<rows).map { row in
      distances[row] + (0..<columns).reduce(0) { $0 + Double(logs[row * columns + $1]) } / 2
    }
  }

  /// One step of every row through its member, differentiable with respect to state and action.
  ///
  /// state [1, rows, observation size] standardised, action [1, rows, action columns] in [−1, 1], `noise` standard
  /// normals [rows · observation size], nil for the mean → the next state likewise, and the reward [1, rows, 1], its
  /// mean without noise.
  package func step(
    _ state: Tensor, _ action: Tensor, by members: some Sequence<Int32>, noise: UnsafeBufferPointer<Float>?,
    on tape: Tape
  ) -> (next: Tensor, reward: Tensor) {
    let (rows, size, count) = (state.rows, layout.observationSize, configuration.ensembleSize)
    grouping.take(members, of: count)
    let input = tape.gatherRows(tape.concatenateColumns([state, action]), grouping.slots)
    let output = network.fused(
      tape.reshape(input, batch: count, rows: grouping.rowsPerMember, columns: input.columns), on: tape, frozen: true)
    let means = tape.gatherRows(
      tape.reshape(output, batch: 1, rows: count * grouping.rowsPerMember, columns: 1 + size), grouping.places)
    let reward = tape.addScalar(
      tape.scale(tape.columns(means, 0..<1), by: constants.rewardDeviation), constants.rewardMean)
    let ratio = tape.constant(columns: size) { _ = $0.update(fromContentsOf: constants.ratio) }
    let drift = tape.constant(rows: rows, columns: size) { drift in
      for (row, place) in grouping.places.enumerated() {
        let member = Int(place) / grouping.rowsPerMember
        for column in 0..<size {
          let sigma = noise == nil ? 0 : constants.deviations[member * (1 + size) + 1 + column]
          let index = row * size + column
          drift[index] = constants.shift[column] + constants.ratio[column] * sigma * (noise?[index] ?? 0)
        }
      }
    }
    let change = tape.multiply(tape.columns(means, 1..<1 + size), ratio)
    return (tape.add(tape.add(state, change), drift), reward)
  }

  package func advance(_ step: ImaginedStep, by members: MemberChoice, noise: RandomStream) {
    let (count, size) = (step.count, layout.observationSize)
    for row in 0..<count {
      step.mover[row] = Int32(members.mover(of: row, among: configuration.ensembleSize, key: noise.key))
    }
    var noise = noise
    let isMean = if case .mean = members { true } else { false }
    tape.rewind()
    tape.withoutGradients {
      let (state, action) = inputs(of: step)
      let normals = isMean ? nil : tape.constant(rows: count, columns: size) { noise.fillNormal($0) }
      let (next, reward) = self.step(
        state, action, by: step.mover.prefix(count), noise: normals.map { tape.values($0) }, on: tape)
      normalizer.restore(tape.rows(of: next), into: step.next)
      step.reward.copy(tape.rows(of: reward))
    }
    settle(step)
  }

  package func settle(_ step: ImaginedStep) {
    if configuration.termination == .known, let known = layout.known {
      known.terminations(of: step.columns, into: step.ended.base)
    } else {
      step.ended.fill(0)
    }
  }

  /// Standardised states, and actions in [−1, 1], of a step.
  private func inputs(of step: ImaginedStep) -> (state: Tensor, action: Tensor) {
    func constant(_ rows: Rows, _ change: (MutableRows) -> Void) -> Tensor {
      tape.constant(rows: step.count, columns: rows.columns) { memory in
        let copy = MutableRows(memory.baseAddress!, step.count, rows.columns)
        copy.copy(rows.slice(0..<step.count))
        change(copy)
      }
    }
    return (
      constant(Rows(step.state)) { normalizer.standardize($0) },
      constant(Rows(step.action)) { layout.actionSpace.squash($0) }
    )
  }

  package func makePredictions(rows: Int) -> MemberPredictions? {
    MemberPredictions(
      members: configuration.ensembleSize, targets: layout.observationSize + 1, quantities: layout.observationSize + 1,
      capacity: rows, changes: (0...layout.observationSize).map { $0 < layout.observationSize })
  }

  /// In units of the observation and the reward: the change, then the reward.
  package func predictMembers(_ step: ImaginedStep, into predictions: MemberPredictions) {
    let size = layout.observationSize
    tape.rewind()
    tape.withoutGradients {
      let (state, action) = inputs(of: step)
      let output = network.fused(tape.concatenateColumns([state, action]), on: tape, frozen: true)
      for member in 0..<configuration.ensembleSize {
        let means = tape.rows(of: output, member: member)
        for quantity in 0...size {
          let deviation = Float(targetNormalizer.deviation[quantity])
          let mean = Float(targetNormalizer.mean[quantity])
          let sigma = deviation * constants.deviations[member * (1 + size) + quantity]
          let target = quantity == 0 ? size : quantity - 1
          for row in 0..<step.count {
            predictions.set(
              member, target, row, mean: mean + deviation * means[row, quantity], variance: sigma * sigma)
          }
        }
      }
    }
  }

  package func meanPredictions(observation: [Float], action: [Float]) -> [[Float]] {
    let size = layout.observationSize
    let step = ImaginedStep(capacity: 1, observationSize: size, actionColumns: layout.actionColumns)
    for column in 0..<size { step.state[0, column] = observation[column] }
    for column in 0..<layout.actionColumns { step.action[0, column] = action[column] }
    let predictions = makePredictions(rows: 1)!
    predictMembers(step, into: predictions)
    return (0..<configuration.ensembleSize).map { member in
      (0..<size).map { observation[$0] + predictions.mean(member, $0, 0) } + [predictions.mean(member, size, 0)]
    }
  }
}
