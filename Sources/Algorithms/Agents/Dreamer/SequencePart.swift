import Neural
import Support

/// Some of a batch's sequences on a tape of their own: the losses of the world model and of the replayed values, forth
/// and back.
///
/// The batch is cut into the same parts for any number of threads, and their gradients are added in their order: the
/// sums have the same bits whoever computes them.
final class SequencePart {
  private let sequences: Range<Int>
  private let whole: SequenceBatch
  /// Its sequences by themselves, and the draws of their latents; the whole batch where this is all of it.
  private let batch: SequenceBatch
  private let draws: RowBuffer
  /// Of its replayed steps, [T·B, 1].
  private let returns, slowValues: RowBuffer
  private let tape: Tape
  private let lists = WorldModel.Lists()
  private var losses: WorldModel.Losses!
  /// Its share of an update's steps.
  let share: Double

  /// - Parameters:
  ///   - draws: of the batch's latents, [T·B, latents].
  ///   - pool: for the passes over a batch of one part.
  init(
    _ sequences: Range<Int>, of whole: SequenceBatch, draws: RowBuffer, _ sizes: DreamerSizes, pool: ComputePool?
  ) {
    (self.sequences, self.whole) = (sequences, whole)
    share = Double(sequences.count) / Double(whole.count)
    let isWhole = sequences.count == whole.count
    batch =
      isWhole
      ? whole
      : SequenceBatch(
        length: whole.length, count: sequences.count, observationColumns: whole.observations.rows.columns,
        actions: whole.previousActions.rows.columns, sizes: sizes)
    self.draws = isWhole ? draws : RowBuffer(batch.rows, sizes.latents)
    (returns, slowValues) = (RowBuffer(batch.rows, 1), RowBuffer(batch.rows, 1))
    tape = Tape(pool: isWhole ? pool : nil, collectsGradients: sequences.lowerBound > 0)
  }

  // MARK: Rows of the whole batch

  /// Of one step.
  private func rows(_ step: Int) -> (whole: Range<Int>, own: Range<Int>) {
    let first = step * whole.count
    return (
      first + sequences.lowerBound..<first + sequences.upperBound, step * batch.count..<(step + 1) * batch.count
    )
  }

  /// Takes its rows, step by step.
  private func take(_ all: Rows, into own: RowBuffer) {
    guard all.base != own.read.base else { return }
    for step in 0..<whole.length {
      let rows = rows(step)
      own.rows.slice(rows.own).copy(all.slice(rows.whole))
    }
  }

  private func takeBatch(_ draws: Rows) {
    take(whole.observations.read, into: batch.observations)
    take(whole.previousActions.read, into: batch.previousActions)
    take(whole.rewards.read, into: batch.rewards)
    take(whole.isFirst.read, into: batch.isFirst)
    take(whole.isLast.read, into: batch.isLast)
    take(whole.isTerminal.read, into: batch.isTerminal)
    take(draws, into: self.draws)
    guard batch !== whole else { return }
    batch.startH.rows.copy(whole.startH.read.slice(sequences))
    batch.startZ.rows.copy(whole.startZ.read.slice(sequences))
  }

  // MARK: Forth and back

  /// Filters the sequences into their rows of `states` [T·B, features].
  func filter(_ model: WorldModel, draws: Rows, into states: MutableRows) {
    takeBatch(draws)
    tape.rewind()
    // Lets go of the lists, which are filled again.
    losses = nil
    losses = model.losses(batch, draws: self.draws.read, on: tape, lists)
    let features = tape.rows(of: losses.features)
    for step in 0..<whole.length {
      let rows = rows(step)
      states.slice(rows.whole).copy(features.slice(rows.own))
    }
  }

  /// Both sides of the KL divergence, averaged over its steps.
  func divergence(_ model: WorldModel) -> (dynamics: Double, representation: Double) {
    model.divergence(losses, on: tape)
  }

  /// Adds its share of the means to the report of an update, and collects the gradients.
  /// - Parameters:
  ///   - divergence: the means over all steps of the update.
  ///   - returns: of the whole batch's steps but the last, [T·B, 1].
  ///   - slowValues: likewise, [T·B, 1]; nil: the critic may leave the slow one.
  func differentiate(
    _ model: WorldModel, _ critic: DreamerMLP, divergence: (dynamics: Double, representation: Double), returns: Rows,
    slowValues: Rows?, replayValueScale: Float
  ) {
    take(returns, into: self.returns)
    if let slowValues { take(slowValues, into: self.slowValues) }
    replayValue = replayValueLoss(model, critic, staysNearSlow: slowValues != nil)
    total = tape.add(
      model.total(losses, divergence: divergence, on: tape), tape.scale(replayValue!, by: replayValueScale))
    tape.backward(tape.scale(total!, by: Float(share)))
  }

  private var replayValue, total: Tensor?

  /// The critic's loss on the replayed steps but the last, [1, 1, 1]. Its returns start from what was imagined from
  /// each step; its gradient goes on into the world model.
  private func replayValueLoss(_ model: WorldModel, _ critic: DreamerMLP, staysNearSlow: Bool) -> Tensor {
    let used = 0..<batch.rows - batch.count
    let returns = tape.constant(returns.read.slice(used))
    let targets =
      staysNearSlow ? tape.concatenateColumns(returns, tape.constant(slowValues.read.slice(used))) : returns
    let weights = tape.constant(rows: used.count, columns: 1) { weights in
      for row in used { weights[row] = batch.isLast.rows[row, 0] != 0 ? 0 : 1 }
    }
    let logits = critic(tape.rows(losses.features, used), on: tape)
    return tape.mean(criticLoss(logits, targets: targets, weights: weights, bins: model.bins, on: tape))
  }

  /// Adds the gradients that were collected to their stores.
  func addGradients() { tape.addCollectedGradients() }

  // MARK: Report

  /// Adds its share of the means over all steps.
  func record(_ model: WorldModel, into report: inout DreamerLearner.Report, reconstruction: inout [Double]) {
    func mean(_ tensor: Tensor, column: Int = 0) -> Double { share * tape.rows(of: tensor).mean(column: column) }
    for (part, loss) in losses.reconstruction.enumerated() { reconstruction[part] += mean(loss) }
    report.reward += mean(losses.reward)
    report.rewardError += share * rewardError(model)
    report.continuation += mean(losses.continuation)
    report.kl += mean(losses.statistics)
    report.posteriorEntropy += mean(losses.statistics, column: 1)
    report.priorEntropy += mean(losses.statistics, column: 2)
    report.replayValue += share * Double(tape.scalar(replayValue!))
    report.total += share * Double(tape.scalar(total!))
  }

  private func rewardError(_ model: WorldModel) -> Double {
    let predicted = tape.withoutGradients { tape.rows(of: tape.twoHotMean(losses.rewardLogits, bins: model.bins)) }
    var sum = 0.0
    for row in 0..<batch.rows { sum += Double(abs(predicted[row, 0] - batch.rewards.rows[row, 0])) }
    return sum / Double(batch.rows)
  }
}
