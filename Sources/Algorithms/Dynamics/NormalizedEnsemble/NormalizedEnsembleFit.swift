import CKernels
import Neural
import Support

/// One training of a normalized ensemble on a replay. It moves the model's parameters and statistics.
///
/// Epochs are a few minibatches of one permutation that goes on from epoch to epoch. After each the ensemble is scored
/// as one Gaussian on held-out rows and compared with its best so far, row by row: clearly better (p < .1) becomes the
/// best, not better (p ≥ .5) costs patience. At last the best parameters are restored, of all members together.
struct NormalizedEnsembleFit {
  /// Of quantities in their units; one that never changes counts as this when it is predicted.
  private static let leastDeviation = 1e-4

  private let model: NormalizedEnsemble
  private let number: Int
  private let adam: Adam
  /// Shares of each hidden layer.
  private let dropout: [Float]
  private var dropping, shuffling, rewardNoise: RandomStream
  /// Standardised, of all rows of the fit.
  private let inputs, targets: RowBuffer
  /// w [rows, members].
  private let weights: RowBuffer
  private var training: [Int32] = []
  private var heldOut: [Int32] = []
  private var place: Int
  private let best: FloatBuffer
  private var scores, bestScores: [Double]
  /// One row per epoch.
  private(set) var epochs: [ModelFitRow] = []
  private(set) var summary = ModelFitSummary(trainLoss: 0, validationLoss: nil, updates: 0)

  /// Prepares the data of fit `number`; `random` is the model's, the same for every fit.
  init(_ model: NormalizedEnsemble, _ replay: Replay, number: Int, random: RandomStream) {
    (self.model, self.number) = (model, number)
    let (configuration, members) = (model.configuration, model.configuration.ensembleSize)
    dropout = configuration.hiddenSizes.indices.map {
      NormalizedEnsemble.Configuration.number(configuration.dropout, $0)
    }
    let stream = random.stream(UInt64(number))
    (dropping, shuffling, rewardNoise) = (stream.stream("dropout"), stream.stream("order"), stream.stream("reward"))
    var order = (0..<replay.count).map { Int32($0) }
    if replay.count > configuration.fitLimit {
      var choosing = stream.stream("rows")
      order = choosing.permutation(replay.count).prefix(configuration.fitLimit).sorted()
    }
    let rows = order.map { replay.transition(Int($0)) }
    let size = model.layout.observationSize
    inputs = RowBuffer(rows.count, size + model.layout.actionColumns)
    targets = RowBuffer(rows.count, 1 + size)
    weights = RowBuffer(rows.count, members)
    // Drawn once for a transition and for ever: its part and what it counts for with each member.
    let drawing = random.stream("transitions")
    for (place, row) in rows.enumerated() {
      var own = drawing.stream(replay.serial(of: row))
      let isHeldOut = own.uniform() < configuration.holdout
      if isHeldOut { heldOut.append(Int32(place)) } else { training.append(Int32(place)) }
      for member in 0..<members { weights.rows[place, member] = Float(1 - own.uniform()) }
    }
    ck_unary(Int32(CK_LOG), Int64(weights.memory.count), weights.memory.baseAddress!, weights.memory.baseAddress!)
    for index in weights.memory.indices { weights.memory[index] = -weights.memory[index] }
    if training.isEmpty { swap(&training, &heldOut) }
    if heldOut.count > configuration.holdoutLimit {
      shuffling.shuffle(&heldOut)
      heldOut = heldOut.prefix(configuration.holdoutLimit).sorted()
    }
    place = training.count
    best = FloatBuffer(count: model.store.values.count)
    (scores, bestScores) = (
      [Double](repeating: 0, count: heldOut.count), [Double](repeating: 0, count: heldOut.count)
    )
    let decays = model.store.parameters.map { parameter in
      model.network.linears.firstIndex { $0.weight == parameter || $0.bias == parameter }.map {
        NormalizedEnsemble.Configuration.number(configuration.weightDecay, $0)
      } ?? Float(configuration.noiseDecay)
    }
    adam = Adam(model.store, learningRate: Float(configuration.learningRate), decoupledDecays: decays)
    prepare(replay, rows)
  }

  /// Statistics over all rows of the fit, held-out ones too, and the data standardised by them.
  private mutating func prepare(_ replay: Replay, _ rows: [Int32]) {
    let size = model.layout.observationSize
    let observations = inputs.rows.columns(0..<size)
    let (rewards, changes) = (targets.rows.columns(0..<1), targets.rows.columns(1..<1 + size))
    replay.gather(rows, replay.observation, into: observations)
    replay.gather(rows, replay.action, into: inputs.rows.columns(size..<inputs.rows.columns))
    model.layout.actionSpace.squash(inputs.rows.columns(size..<inputs.rows.columns))
    replay.gather(rows, replay.reward, into: rewards)
    replay.gather(rows, replay.next, into: changes)
    for row in rows.indices {
      for column in 0..<size { changes[row, column] -= observations[row, column] }
    }
    let all = rows.indices.map { Int32($0) }
    model.normalizer.fit(Rows(observations), rows: all)
    model.normalizer.raiseDeviations(to: NormalizedEnsembleFit.leastDeviation)
    model.targetNormalizer.fit(targets.read, rows: all, constant: NormalizedEnsembleFit.leastDeviation)
    model.targetNormalizer.raiseDeviations(to: NormalizedEnsembleFit.leastDeviation)
    model.normalizer.standardize(observations)
    model.targetNormalizer.standardize(targets.rows)
  }

  /// - Throws: `DivergedError`; `InterruptedError`, with the parameters somewhere on their way.
  mutating func run() throws {
    let configuration = model.configuration
    defer { model.pool.activity.set(.none) }
    let factor = number == 0 ? configuration.firstFit : 1
    let (limit, patience) = (Int(Double(configuration.epochs) * factor), Int(Double(configuration.patience) * factor))
    score()
    keepBest()
    var idle = 0
    for epoch in 0..<limit {
      try model.pool.checkInterruption()
      model.pool.activity.set(.fitting, epoch, of: limit)
      summary.trainLoss = trainEpoch()
      if let tensor = model.store.firstNonfinite(prefix: "model.") { throw DivergedError(quantity: tensor) }
      score()
      let change = Comparison(scores, against: bestScores)
      idle = change.isBetter ? 0 : idle + 1
      if heldOut.isEmpty || change.isClearlyBetter { keepBest() }
      let (validation, bestValidation) = (mean(scores), mean(bestScores))
      epochs.append(
        ModelFitRow(
          iteration: number, epoch: epoch, trainLoss: summary.trainLoss, validationLoss: validation,
          bestValidationLoss: bestValidation, trainSize: training.count, validationSize: heldOut.count))
      if !heldOut.isEmpty && idle > patience { break }
    }
    _ = model.store.values.update(fromContentsOf: best.readOnly)
    summary.validationLoss = mean(bestScores)
    summary.health = measureHealth(on: (heldOut.isEmpty ? training : heldOut).prefix(1000))
  }

  /// What those rows say of the members. The noise has one bound, which it reaches where everything is foreseen to a
  /// thousandth: that is no illness, and nothing is said of bounds.
  private func measureHealth(on rows: ArraySlice<Int32>) -> ModelHealth {
    let (tape, wanted, members) = (model.tape, targets.read, model.configuration.ensembleSize)
    let columns = wanted.columns
    var variances = model.store.values(of: model.logDeviation).map { 2 * $0 }
    ck_unary(Int32(CK_EXP), Int64(variances.count), variances, &variances)
    var meter = ModelHealthMeter(members: members, quantities: columns)
    tape.rewind()
    tape.withoutGradients {
      let output = model.network(
        tape.constant(rows: rows.count, columns: inputs.rows.columns) {
          MutableRows($0.baseAddress!, rows.count, inputs.rows.columns).gather(rows, of: inputs.read)
        }, on: tape)
      for (place, row) in rows.enumerated() {
        meter.addRow()
        for quantity in 0..<columns {
          meter.add(quantity, actual: wanted[Int(row), quantity]) { tape.rows(of: output, member: $0)[place, quantity] }
          for member in 0..<members { meter.add(quantity, variance: variances[member * columns + quantity]) }
        }
      }
    }
    var health = meter.health
    health.remedies = ["more model.dropout", "a larger model.ensembleSize"]
    return health
  }

  private func mean(_ scores: [Double]) -> Double? {
    scores.isEmpty ? nil : scores.reduce(0, +) / Double(scores.count)
  }

  private mutating func keepBest() {
    _ = best.memory.update(fromContentsOf: model.store.values)
    bestScores = scores
  }

  /// - Returns: the mean loss of a member.
  private mutating func trainEpoch() -> Double {
    let configuration = model.configuration
    let rows = min(configuration.batchSize, training.count)
    let batches = max(1, min(configuration.epochBatches, training.count / rows))
    if training.count - place < batches * rows {
      shuffling.shuffle(&training)
      place = 0
    }
    var total = 0.0
    for _ in 0..<batches {
      total += step(on: training[place..<place + rows])
      place += rows
    }
    summary.updates += batches
    return total / Double(batches * configuration.ensembleSize)
  }

  private mutating func step(on rows: ArraySlice<Int32>) -> Double {
    let (configuration, tape, members) = (model.configuration, model.tape, model.configuration.ensembleSize)
    tape.rewind()
    let input = tape.constant(rows: rows.count, columns: inputs.rows.columns) {
      MutableRows($0.baseAddress!, rows.count, inputs.rows.columns).gather(rows, of: inputs.read)
    }
    let output = model.network.dropping(dropout, input, on: tape, &dropping)
    // In the unit of a reward that never changes it would be all that there is to learn.
    let deviation = model.targetNormalizer.deviation[0]
    let noise =
      deviation > NormalizedEnsembleFit.leastDeviation ? Float(configuration.rewardNoise / deviation) : 0
    let (count, columns) = (rows.count, targets.rows.columns)
    let wanted = tape.constant(batch: members, rows: count, columns: columns) { memory in
      for member in 0..<members {
        MutableRows(memory.baseAddress! + member * count * columns, count, columns).gather(rows, of: targets.read)
      }
      guard noise > 0 else { return }
      withUnsafeTemporaryAllocation(of: Float.self, capacity: members * count) { normals in
        rewardNoise.fillNormal(normals)
        for index in 0..<members * count { memory[index * columns] += noise * normals[index] }
      }
    }
    let shares = tape.constant(batch: members, rows: count, columns: 1) { memory in
      for member in 0..<members {
        for (place, row) in rows.enumerated() { memory[member * count + place] = weights.rows[Int(row), member] }
      }
    }
    let loss = NormalizedEnsemble.loss(
      output, wanted, logDeviation: tape.parameter(model.logDeviation, of: model.store), weights: shares, on: tape)
    model.store.clearGradients()
    tape.backward(loss)
    adam.step(pool: model.pool)
    return Double(tape.scalar(loss))
  }

  /// The held-out rows' scores by the present parameters.
  private mutating func score() {
    let logDeviations = model.store.values(of: model.logDeviation)
    for start in stride(from: 0, to: heldOut.count, by: 1024) {
      let rows = heldOut[start..<min(start + 1024, heldOut.count)]
      let tape = model.tape
      tape.rewind()
      let output = tape.withoutGradients {
        model.network.fused(
          tape.constant(rows: rows.count, columns: inputs.rows.columns) {
            MutableRows($0.baseAddress!, rows.count, inputs.rows.columns).gather(rows, of: inputs.read)
          }, on: tape)
      }
      let found = NormalizedEnsemble.scores(
        tape.values(output), members: output.batch, logDeviations: .init(logDeviations),
        wanted: rows.map { targets.read.row(Int($0)) })
      scores.replaceSubrange(start..<start + rows.count, with: found)
    }
  }
}

/// Whether scores of the same rows are lower than others.
private struct Comparison {
  /// p < .5 and p < .1 that they are not.
  var isBetter = false
  var isClearlyBetter = false

  init(_ scores: [Double], against best: [Double]) {
    let count = Double(scores.count)
    guard count > 0 else { return }
    let mean = zip(scores, best).reduce(0) { $0 + $1.0 - $1.1 } / count
    isBetter = mean < 0
    guard count > 1 else { return }
    let squares = zip(scores, best).reduce(0) { $0 + ($1.0 - $1.1 - mean) * ($1.0 - $1.1 - mean) }
    let error = (squares / (count - 1) / count).squareRoot()
    // The lower decile of Student's t by the first two terms of its expansion around the normal's −1.2816.
    let z = 1.2815515655446004, degrees = count - 1
    let (cube, fifth) = (z * z * z, z * z * z * z * z)
    let decile = z + (cube + z) / (4 * degrees) + (5 * fifth + 16 * cube + 3 * z) / (96 * degrees * degrees)
    isClearlyBetter = mean < -decile * error
  }
}
