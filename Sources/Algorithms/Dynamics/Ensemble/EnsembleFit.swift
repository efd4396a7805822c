import CKernels
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

  private let model: EnsembleDynamics
  private let number: Int
  private var random: RandomStream
  /// Standardised inputs [count, inputs] and targets [count, targets] of all transitions.
  private let inputs: FloatBuffer
  private let targets: FloatBuffer
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

  init(_ model: EnsembleDynamics, _ buffer: TransitionBuffer, number: Int, random: RandomStream) {
    self.model = model
    self.number = number
    self.random = random
    let configuration = model.configuration
    let count = buffer.count
    let heldOutCount = min(Int(configuration.holdout * Double(count)), configuration.holdoutLimit, count - 1)
    let order = self.random.permutation(count)
    heldOut = Array(order.prefix(max(heldOutCount, 0)))
    training = Array(order.dropFirst(max(heldOutCount, 0)))
    inputs = FloatBuffer(count: count * model.inputColumns)
    targets = FloatBuffer(count: count * model.targetCount)
    result = Result(normalizer: model.normalizer, targetNormalizer: model.targetNormalizer, elites: model.elites)
    result.epochs.reserveCapacity(min(configuration.epochs, 1000))
    errors = [Double](repeating: .infinity, count: configuration.ensembleSize)
    bestErrors = errors
    let parametersOfNetworks = model.network.layers.reduce(0) { $0 + $1.weight.count + $1.bias.count }
    snapshots = FloatBuffer(count: heldOut.isEmpty ? 0 : parametersOfNetworks)
    var memberRows: [[Int32]] = []
    for _ in 0..<configuration.ensembleSize {
      if configuration.bootstrap {
        var rows = training
        for place in rows.indices { rows[place] = training[self.random.integer(below: training.count)] }
        memberRows.append(rows)
      } else {
        memberRows.append(training)
      }
    }
    batch = EnsembleBatch(model, inputs: inputs, targets: targets, memberRows: memberRows)
    prepareInputs(buffer)
    prepareTargets(buffer)
  }

  private mutating func prepareInputs(_ buffer: TransitionBuffer) {
    let layout = model.layout
    let columns = model.inputColumns
    let featureCount = layout.features.count
    for row in 0..<buffer.count {
      let observation = row * layout.observationSize
      for (column, feature) in layout.features.enumerated() {
        switch feature {
        case .value(let index), .sine(let index), .cosine(let index):
          inputs[row * columns + column] = buffer.observations[observation + index]
        }
      }
      for column in 0..<layout.actionColumns {
        inputs[row * columns + featureCount + column] = buffer.actions[row * layout.actionColumns + column]
      }
    }
    for (column, feature) in layout.features.enumerated() {
      let function: Int32
      switch feature {
      case .value: continue
      case .sine: function = Int32(CK_SIN)
      case .cosine: function = Int32(CK_COS)
      }
      for row in 0..<buffer.count {
        var value = inputs[row * columns + column]
        var result: Float = 0
        ck_unary(function, 1, &value, &result)
        inputs[row * columns + column] = result
      }
    }
    if model.configuration.normalizesInputs {
      let rows = FloatBuffer(count: training.count * columns)
      inputs.copyRows(training[...], columns: columns, to: rows.base)
      result.normalizer.fit(rows.base, rows: training.count)
    }
    let mean = result.normalizer.mean.map { Float($0) }
    let inverse = result.normalizer.deviation.map { Float(1 / $0) }
    for row in 0..<buffer.count {
      for column in 0..<columns {
        inputs[row * columns + column] = (inputs[row * columns + column] - mean[column]) * inverse[column]
      }
    }
  }

  private mutating func prepareTargets(_ buffer: TransitionBuffer) {
    let size = model.layout.observationSize
    let columns = model.targetCount
    for row in 0..<buffer.count {
      for column in 0..<size {
        let next = buffer.nextObservations[row * size + column]
        let before = model.predictsChange(column) ? buffer.observations[row * size + column] : 0
        targets[row * columns + column] = next - before
      }
      var column = size
      if model.configuration.reward == .learned {
        targets[row * columns + column] = buffer.rewards[row]
        column += 1
      }
      if model.configuration.termination == .learned {
        targets[row * columns + column] = buffer.terminated[row]
      }
    }
    if model.configuration.normalizesTargets { standardizeTargets(buffer.count) }
  }

  private mutating func standardizeTargets(_ count: Int) {
    let columns = model.targetCount
    let rows = FloatBuffer(count: training.count * columns)
    targets.copyRows(training[...], columns: columns, to: rows.base)
    result.targetNormalizer.fit(rows.base, rows: training.count)
    if model.configuration.termination == .learned { result.targetNormalizer.keep(columns - 1) }
    let normalizer = result.targetNormalizer
    for row in 0..<count {
      for column in 0..<columns {
        let value = Double(targets[row * columns + column])
        targets[row * columns + column] = Float((value - normalizer.mean[column]) / normalizer.deviation[column])
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
    var epochsWithoutImprovement = 0
    for epoch in 0..<configuration.epochs {
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
    let order = errors.indices.sorted { errors[$0] != errors[$1] ? errors[$0] < errors[$1] : $0 < $1 }
    let wanted = model.configuration.elites == 0 ? errors.count : model.configuration.elites
    return Array(order.prefix(wanted))
  }

  /// One pass over every member's data in minibatches; returns the mean loss per member and batch.
  private mutating func trainEpoch() throws -> Double {
    let batchSize = model.configuration.batchSize
    batch.shuffle(&random)
    var total = 0.0
    var batches = 0
    var start = 0
    while start < training.count {
      try model.pool.checkInterruption()
      let size = min(batchSize, training.count - start)
      batch.begin(start: start, rows: size)
      total += Double(model.trainer.step(on: batch)) / Double(model.configuration.ensembleSize)
      batches += 1
      result.summary.updates += 1
      start += size
    }
    return total / Double(max(batches, 1))
  }

  /// Per member: mean squared error of the predicted means over rows and regression targets.
  private mutating func measureErrors(on rows: [Int32]) {
    for member in errors.indices { errors[member] = 0 }
    var start = 0
    while start < rows.count {
      let size = min(1024, rows.count - start)
      addErrors(rows, start: start, size: size)
      start += size
    }
    for member in errors.indices { errors[member] /= Double(rows.count * model.regressionTargets) }
  }

  /// Adds the squared errors of rows start..<start + size.
  private mutating func addErrors(_ rows: [Int32], start: Int, size: Int) {
    let columns = model.targetCount
    let inputColumns = model.inputColumns
    model.tape.rewind()
    let output = model.tape.withoutGradients {
      let input = model.tape.constant(rows: size, columns: inputColumns) { out in
        inputs.copyRows(rows[start..<start + size], columns: inputColumns, to: out.baseAddress!)
      }
      return model.network(input, on: model.tape)
    }
    let values = model.tape.values(output)
    for member in errors.indices {
      for place in 0..<size {
        let predicted = (member * size + place) * output.columns
        let wanted = Int(rows[start + place]) * columns
        for column in 0..<model.regressionTargets {
          let difference = Double(values[predicted + column] - targets[wanted + column])
          errors[member] += difference * difference
        }
      }
    }
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
