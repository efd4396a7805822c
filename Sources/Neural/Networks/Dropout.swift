import Support

/// Zeros each value with a chance and scales the others up, so that means stay (Srivastava et al. 2014). It is on
/// wherever its network is evaluated; its draws come from a stream of its own.
package final class Dropout: ArchivableObject {
  /// The chance of a zero, below 1.
  package let rate: Float
  private var random: RandomStream

  package init(rate: Float, random: RandomStream) {
    precondition(0 <= rate && rate < 1, "a dropout of \(rate)")
    (self.rate, self.random) = (rate, random)
  }

  /// x times a new mask of 0 and 1/(1 − rate), of any shape.
  package func callAsFunction(_ x: Tensor, on tape: Tape) -> Tensor {
    let (rate, kept) = (rate, 1 / (1 - rate))
    let mask = tape.constant(batch: x.batch, rows: x.rows, columns: x.columns) { mask in
      random.fillUniform(mask, 0, 1)
      for index in mask.indices { mask[index] = mask[index] < rate ? 0 : kept }
    }
    return tape.multiply(x, mask)
  }

  package func archive(_ archive: Archive) throws { try archive.part("random", &random) }
}
