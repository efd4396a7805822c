import Neural
import Support

/// One training of an ensemble on a buffer: data preparation, epochs, early stopping, restoring, elites. It moves the
/// model's parameters; all else that it comes to is its result.
struct EnsembleFit {
  /// What a model takes over from a fit.
  struct Result {
    /// One row per epoch.
    var epochs: [ModelFitRow] = []
    var summary = ModelFitSummary(trainLoss: 0, validationLoss: nil, updates: 0)
    var normalizer, targetNormalizer: InputNormalizer
    /// Members used for prediction, best first.
    var elites: [Int]
  }

  /// The unit of a predicted quantity that never changes.
  private static let constant = 1e-6

  private let model: EnsembleDynamics
  private let number: Int
  private var random: RandomStream
  /// Standardised inputs [count, inputs] and targets [count, targets] of all transitions.
  private let inputs, targets: RowBuffer
  /// Rows trained on and rows held out.
  private let training: [Int32]
  private let heldOut: [Int32]
  private let batch: EnsembleBatch
  /// Per member: held-out error of this epoch.
  private var errors: [Double]
  /// Per member: best held-out error so far, and the weights that had it [members, parameters of one member].
  private var bestErrors: [Double]
  private let snapshots: FloatBuffer
  private var result: Result

  init(_ model: EnsembleDynamics, _ replay: Replay, number: Int, random: RandomStream) {
    (self.model, self.number) = (model, number)
    let (configuration, count) = (model.configuration, replay.count)
    let heldOutCount = max(0, min(Int(configuration.holdout * Double(count)), configuration.holdoutLimit, count - 1))
    var random = random
    let order = random.permutation(count)
    let training = Array(order.dropFirst(heldOutCount))
    (heldOut, self.training) = (Array(order.prefix(heldOutCount)), training)
    inputs = RowBuffer(count, model.inputColumns)
    targets = RowBuffer(count, model.targetCount)
    result = Result(normalizer: model.normalizer, targetNormalizer: model.targetNormalizer, elites: model.elites)
    result.epochs.reserveCapacity(min(configuration.epochs, 1000))
    errors = [Double](repeating: .infinity, count: configuration.ensembleSize)
    bestErrors = errors
    let parametersOfNetworks = model.network.layers.reduce(0) { $0 + $1.weight.count + $1.bias.count }
    snapshots = FloatBuffer(count: heldOut.isEmpty ? 0 : parametersOfNetworks)
    let memberRows = configuration.rowsOfMembers(training, &random)
    self.random = random
    batch = EnsembleBatch(model, inputs: inputs, targets: targets, memberRows: memberRows)
    let observations = replay.all(replay.observation)
    prepareInputs(observations, replay.all(replay.action))
    prepareTargets(observations, replay)
    batch.features = model.judge.map { judge in
      FeatureLoss(
        judge.inverse, weight: judge.weight, observations: observations.read, targets: result.targetNormalizer,
        isChange: model.predictsChange)
    }
  }

  /// Features of the observations, then the actions.
  private mutating func prepareInputs(_ observations: RowBuffer, _ actions: RowBuffer) {
    model.layout.fillFeatures(of: observations.read, into: inputs.rows)
    inputs.rows.columns(model.layout.features.count..<inputs.rows.columns).copy(actions.read)
    if model.configuration.normalizesInputs { result.normalizer.fit(inputs.read, rows: training) }
    result.normalizer.standardize(inputs.rows)
  }

  /// Changes or next observations, then rewards and ends where they are learned.
  private mutating func prepareTargets(_ observations: RowBuffer, _ replay: Replay) {
    let (configuration, rows) = (model.configuration, targets.rows)
    var columns = 0
    func append(_ column: Replay.Column) {
      let part = replay.all(column)
      rows.columns(columns..<columns + column.width).copy(part.read)
      columns += column.width
    }
    append(replay.next)
    for column in 0..<columns where model.predictsChange(column) {
      for row in 0..<rows.count { rows[row, column] -= observations.rows[row, column] }
    }
    if configuration.reward == .learned { append(replay.reward) }
    if configuration.termination == .learned { append(replay.terminated) }
    guard configuration.normalizesTargets else { return }
    result.targetNormalizer.fit(targets.read, rows: training, or: heldOut, constant: EnsembleFit.constant)
    if configuration.termination == .learned { result.targetNormalizer.keep(columns - 1) }
    let (mean, deviation) = (result.targetNormalizer.mean, result.targetNormalizer.deviation)
    for column in 0..<columns {
      for row in 0..<rows.count {
        rows[row, column] = Float((Double(rows[row, column]) - mean[column]) / deviation[column])
      }
    }
  }

  /// Trains until the epochs are through or nothing improves.
  /// - Throws: `DivergedError`; `InterruptedError`, with the parameters somewhere on their way.
  mutating func run() throws -> Result {
    let configuration = model.configuration
    let usesHoldout = !heldOut.isEmpty
    if usesHoldout {
      for member in errors.indices { exchangeSnapshot(member, restoring: false) }
      measureErrors(on: heldOut)
      bestErrors = errors
    }
    defer { model.pool.activity.set(.none) }
    var epochsWithoutImprovement = 0
    for epoch in 0..<configuration.epochs {
      model.pool.activity.set(.fitting, epoch, of: configuration.epochs)
      result.summary.trainLoss = try trainEpoch()
      if let tensor = model.store.firstNonfinite(prefix: "model.") { throw DivergedError(quantity: tensor) }
      if usesHoldout {
        measureErrors(on: heldOut)
        epochsWithoutImprovement = keepImprovements() ? 0 : epochsWithoutImprovement + 1
        result.summary.validationLoss = average(errors)
      }
      result.epochs.append(
        ModelFitRow(
          iteration: number, epoch: epoch, trainLoss: result.summary.trainLoss,
          validationLoss: result.summary.validationLoss, bestValidationLoss: usesHoldout ? average(bestErrors) : nil,
          trainSize: training.count, validationSize: heldOut.count))
      if usesHoldout && epochsWithoutImprovement > configuration.patience { break }
    }
    if usesHoldout {
      for member in errors.indices { exchangeSnapshot(member, restoring: true) }
      result.elites = rank(bestErrors)
    } else if configuration.elites > 0 && configuration.elites < configuration.ensembleSize {
      measureErrors(on: Array(training.prefix(configuration.holdoutLimit)))
      result.elites = rank(errors)
    }
    result.summary.health = measureHealth(on: (usesHoldout ? heldOut : training).prefix(1000))
    return result
  }

  /// Keeps every member that is better than its best by more than the threshold; true where any was.
  private mutating func keepImprovements() -> Bool {
    var improved = false
    for member in errors.indices {
      let best = bestErrors[member]
      guard errors[member] < best, best - errors[member] > model.configuration.improvementThreshold * abs(best) else {
        continue
      }
      bestErrors[member] = errors[member]
      exchangeSnapshot(member, restoring: false)
      improved = true
    }
    return improved
  }

  private func average(_ errors: [Double]) -> Double { errors.reduce(0, +) / Double(errors.count) }

  private func rank(_ errors: [Double]) -> [Int] {
    let order = errors.indices.sorted { (errors[$0], $0) < (errors[$1], $1) }
    return model.configuration.elites == 0 ? order : Array(order.prefix(model.configuration.elites))
  }

  /// One pass over every member's data in minibatches; returns the mean loss per member and batch.
  private mutating func trainEpoch() throws -> Double {
    batch.shuffle(&random)
    var (total, batches) = (0.0, 0)
    for start in stride(from: 0, to: training.count, by: model.configuration.batchSize) {
      try model.pool.checkInterruption()
      batch.begin(start: start, rows: min(model.configuration.batchSize, training.count - start))
      total += Double(model.trainer.step(on: batch)) / Double(model.configuration.ensembleSize)
      batches += 1
    }
    result.summary.updates += batches
    return total / Double(max(batches, 1))
  }

  /// Per member: mean squared error of the predicted means over rows and regression targets.
  private mutating func measureErrors(on rows: [Int32]) {
    for member in errors.indices { errors[member] = 0 }
    for start in stride(from: 0, to: rows.count, by: 1024) {
      addErrors(on: rows[start..<min(start + 1024, rows.count)])
    }
    for member in errors.indices { errors[member] /= Double(rows.count * model.regressionTargets) }
  }

  /// Adds the squared errors of some rows.
  private mutating func addErrors(on rows: ArraySlice<Int32>) {
    let (tape, wanted) = (model.tape, targets.read)
    tape.rewind()
    let output = tape.withoutGradients {
      let input = tape.constant(rows: rows.count, columns: model.inputColumns) {
        MutableRows($0.baseAddress!, rows.count, model.inputColumns).gather(rows, of: inputs.read)
      }
      return model.network(input, on: tape)
    }
    for member in errors.indices {
      let predicted = tape.rows(of: output, member: member)
      for (place, row) in rows.enumerated() {
        for column in 0..<model.regressionTargets {
          let difference = Double(predicted[place, column] - wanted[Int(row), column])
          errors[member] += difference * difference
        }
      }
    }
  }

  /// What those rows say of the members, elites or not.
  private func measureHealth(on rows: ArraySlice<Int32>) -> ModelHealth {
    let (tape, wanted, members) = (model.tape, targets.read, model.configuration.ensembleSize)
    var meter = ModelHealthMeter(members: members, quantities: model.regressionTargets)
    // By the unit of what never changes nothing is an error, and nothing can be told of it.
    let moving = (0..<model.regressionTargets).filter {
      !model.configuration.normalizesTargets || result.targetNormalizer.deviation[$0] != EnsembleFit.constant
    }
    tape.rewind()
    tape.withoutGradients {
      let input = tape.constant(rows: rows.count, columns: model.inputColumns) {
        MutableRows($0.baseAddress!, rows.count, model.inputColumns).gather(rows, of: inputs.read)
      }
      let output = model.network(input, on: tape)
      let variances = model.head.map { tape.exp($0(output, on: tape, frozen: true).logVariance) }
      for (place, row) in rows.enumerated() {
        meter.addRow()
        for quantity in moving {
          meter.add(quantity, actual: wanted[Int(row), quantity]) { tape.rows(of: output, member: $0)[place, quantity] }
          guard let head = model.head, let variances else { continue }
          let (low, high) = (
            model.store.values(of: head.minimum)[quantity], model.store.values(of: head.maximum)[quantity]
          )
          for member in 0..<members {
            let raw = tape.rows(of: output, member: member)[place, model.targetCount + quantity]
            meter.add(
              quantity, variance: tape.rows(of: variances, member: member)[place, quantity],
              isBeyond: raw < low || raw > high)
          }
        }
      }
    }
    var health = meter.health
    let configuration = model.configuration
    if health.spread != nil {
      health.remedies =
        (configuration.bootstrap ? [] : ["model.bootstrap=true"])
        + (configuration.warmStart ? ["model.warmStart=false"] : []) + health.remedies
    }
    if health.atBounds != nil {
      health.boundRemedies =
        (configuration.normalizesTargets ? [] : ["model.normalizesTargets=true"])
        + (configuration.learnsVarianceBounds
          ? ["shorter fits (model.epochs)", "a smaller model.learningRate"] : ["model.learnsVarianceBounds=true"])
    }
    return health
  }

  /// Copies all weights and biases of one member into its snapshot, or back.
  private func exchangeSnapshot(_ member: Int, restoring: Bool) {
    var place = member * (snapshots.count / model.configuration.ensembleSize)
    func exchange(_ parameter: Parameter) {
      let size = parameter.count / model.configuration.ensembleSize
      let values = model.store.values(of: parameter).baseAddress! + member * size
      let snapshot = snapshots.base + place
      if restoring { values.update(from: snapshot, count: size) } else { snapshot.update(from: values, count: size) }
      place += size
    }
    for layer in model.network.linears {
      exchange(layer.weight)
      exchange(layer.bias)
    }
  }
}
