import Neural

/// Leaves from arrays, as tests write their numbers.
extension Tape {
  /// A copy of `values` that takes no gradient, [batch, rows, columns].
  package func constant(_ values: [Float], batch: Int = 1, rows: Int = 1, columns: Int) -> Tensor {
    values.withUnsafeBufferPointer { constant($0, batch: batch, rows: rows, columns: columns) }
  }

  /// A copy of `values` whose gradient can be read after `backward`.
  package func variable(_ values: [Float], batch: Int = 1, rows: Int = 1, columns: Int) -> Tensor {
    values.withUnsafeBufferPointer { variable($0, batch: batch, rows: rows, columns: columns) }
  }
}
