import Support

/// One row of model.csv: an epoch of model fitting.
package struct ModelFitRow: Equatable, Sendable, TableRow {
  /// Number of the fit, from 0.
  package var iteration = 0
  package var epoch = 0
  package var trainLoss = 0.0
  /// Holdout losses; nil without a holdout.
  package var validationLoss: Double?
  package var bestValidationLoss: Double?
  package var trainSize = 0
  package var validationSize = 0

  package init() {}

  package init(
    iteration: Int, epoch: Int, trainLoss: Double, validationLoss: Double?, bestValidationLoss: Double?,
    trainSize: Int, validationSize: Int
  ) {
    self.iteration = iteration
    self.epoch = epoch
    self.trainLoss = trainLoss
    self.validationLoss = validationLoss
    self.bestValidationLoss = bestValidationLoss
    self.trainSize = trainSize
    self.validationSize = validationSize
  }

  package mutating func visit(_ cells: TableCells) throws(CSVError) {
    try cells.integer("iteration", &iteration)
    try cells.integer("epoch", &epoch)
    try cells.number("train_loss", &trainLoss)
    try cells.number("val_loss", &validationLoss)
    try cells.number("val_loss_best", &bestValidationLoss)
    try cells.integer("train_size", &trainSize)
    try cells.integer("val_size", &validationSize)
  }
}
