import Neural
import Support

/// Whether somebody can tell two samples apart: a small network that learns which sample a row is from, asked about
/// rows that it has not seen (Lopez-Paz & Oquab 2017, "Revisiting Classifier Two-Sample Tests"). 50 % right is chance.
package struct TwoSampleClassifier: Sendable {
  package struct Settings: Sendable {
    package var hiddenSizes = [64, 64]
    package var epochs = 20
    package var batchSize = 128
    package var learningRate = 1e-3
    /// The last so many of each sample's rows are for the test: neighbours in an episode are alike, so rows are not
    /// drawn for it one by one.
    package var heldOut = 0.25

    package init() {}
  }

  /// Of held-out rows: the share put right (the mean of both samples' shares) and the area under the curve.
  package let accuracy, area: Double
  /// Rows that it was asked about.
  package let asked: Int

  /// The standard error that an accuracy has by chance alone, of rows that are independent.
  package var chanceError: Double { 0.5 / Double(asked).squareRoot() }

  /// Trains on standardised rows of both samples. The same samples give the same numbers.
  package init(_ x: SampleRows, _ y: SampleRows, _ settings: Settings = Settings()) {
    func cut(_ rows: SampleRows) -> Int { max(1, rows.count - max(1, Int(settings.heldOut * Double(rows.count)))) }
    var random = RandomStream(seed: 0).stream("two samples")
    let network = MLP(
      name: "", sizes: [x.columns] + settings.hiddenSizes + [2], activation: .silu,
      weightInitializer: .kaimingUniform, biasInitializer: .kaimingUniform, random: &random)
    let trainer = Trainer(network, Adam(network.store, learningRate: Float(settings.learningRate)), pool: nil)
    let task = Task(x, cut(x), y, cut(y))
    for _ in 0..<settings.epochs {
      random.shuffle(&task.order)
      for start in stride(from: 0, to: task.order.count, by: settings.batchSize) {
        task.batch = start..<min(start + settings.batchSize, task.order.count)
        _ = trainer.step(on: task)
      }
    }
    let tape = Tape()
    func scores(_ sample: SampleRows) -> [Double] {
      let rows = cut(sample)..<sample.count
      let inputs = RowBuffer(rows.count, sample.columns)
      Task.copy(sample, rows, into: inputs, from: 0)
      tape.rewind()
      return tape.withoutGradients {
        let logits = tape.rows(of: network(tape.constant(inputs.read), on: tape))
        return (0..<rows.count).map { Double(logits[$0, 1] - logits[$0, 0]) }
      }
    }
    let (first, second) = (scores(x), scores(y))
    func share(_ scores: [Double], _ isRight: (Double) -> Bool) -> Double {
      Double(scores.count(where: isRight)) / Double(max(1, scores.count))
    }
    asked = first.count + second.count
    accuracy = (share(first) { $0 < 0 } + share(second) { $0 >= 0 }) / 2
    area = first.isEmpty || second.isEmpty ? 0.5 : TwoSampleStatistics.areaUnderCurve(second, over: first)
  }

  /// The minibatches.
  private final class Task: FusedLoss {
    let inputs, targets: RowBuffer
    var order: [Int32]
    var batch = 0..<0

    /// The first rows of both.
    init(_ x: SampleRows, _ ofX: Int, _ y: SampleRows, _ ofY: Int) {
      (inputs, targets) = (RowBuffer(ofX + ofY, x.columns), RowBuffer(ofX + ofY, 2))
      order = (0..<ofX + ofY).map(Int32.init)
      Task.copy(x, 0..<ofX, into: inputs, from: 0)
      Task.copy(y, 0..<ofY, into: inputs, from: ofX)
      for row in 0..<ofX + ofY { targets.rows[row, row < ofX ? 0 : 1] = 1 }
    }

    static func copy(_ sample: SampleRows, _ rows: Range<Int>, into buffer: RowBuffer, from first: Int) {
      for (place, row) in rows.enumerated() {
        for column in 0..<sample.columns {
          buffer.rows[first + place, column] = Float(sample.values[row * sample.columns + column])
        }
      }
    }

    var rows: Int { batch.count }

    func fillInputs(of member: Int, _ inputs: MutableRows) { inputs.gather(order[batch], of: self.inputs.read) }

    func loss(of member: Int, _ output: Tensor, on tape: Tape) -> Tensor {
      let target = tape.constant(rows: rows, columns: 2) {
        MutableRows($0.baseAddress!, rows, 2).gather(order[batch], of: targets.read)
      }
      return tape.mean(tape.softmaxCrossEntropy(logits: output, targets: target))
    }
  }
}
