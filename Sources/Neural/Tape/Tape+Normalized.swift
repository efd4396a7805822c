import CKernels
import Support

extension Tape {
  /// (x − mean)/√(variance + epsilon) over each row, with the biased variance and neither scale nor shift.
  ///
  /// x [batch, rows, columns]; wide rows are taken by all threads.
  package func normalized(_ x: Tensor, epsilon: Float) -> Tensor {
    var result = makeNode(.normalized, x.batch, x.rows, x.columns, x)
    // saved: 1/√(variance + epsilon) of each row.
    let inverse = allocate(x.batch * x.rows)
    result.saved = inverse
    var job = NormalizedRows(
      rows: x.batch * x.rows, columns: x.columns, epsilon: epsilon, x: nodes[x.index].values, y: result.values,
      inverse: inverse)
    job.run(pool) { context, tile, _ in
      let (job, range) = NormalizedRows.part(context, tile)
      let start = range.lowerBound * job.columns
      ck_normalize_rows(
        Int64(range.count), Int64(job.columns), job.epsilon, job.x + start, job.y + start,
        job.inverse + range.lowerBound)
    }
    return append(result)
  }

  func backwardNormalized(_ node: Node, _ gradient: UnsafeMutablePointer<Float>) {
    guard let target = gradientTarget(node.first) else { return }
    var job = NormalizedRows(
      rows: node.batch * node.rows, columns: node.columns, x: gradient, y: node.values, inverse: node.saved!,
      dx: target.pointer, accumulate: target.accumulate)
    job.run(pool) { context, tile, _ in
      let (job, range) = NormalizedRows.part(context, tile)
      let start = range.lowerBound * job.columns
      ck_normalize_rows_gradient(
        Int64(range.count), Int64(job.columns), job.y + start, job.inverse + range.lowerBound, job.x + start,
        job.dx! + start, job.accumulate)
    }
  }
}

/// One pass over rows; `x` is the input forward, the result's gradient backward.
private struct NormalizedRows: BitwiseCopyable {
  let rows, columns: Int
  var epsilon: Float = 0
  let x: UnsafePointer<Float>
  let y, inverse: UnsafeMutablePointer<Float>
  var dx: UnsafeMutablePointer<Float>?
  var accumulate: Int32 = 0

  private var rowsOfTile: Int { max(1, elementwiseTile / columns) }

  mutating func run(
    _ pool: ComputePool?, _ work: @convention(c) (UnsafeMutableRawPointer?, Int64, Int32) -> Void
  ) {
    let tiles = (rows + rowsOfTile - 1) / rowsOfTile
    ck_pool_run(tiles > 1 ? pool?.handle : nil, Int64(tiles), work, &self)
  }

  static func part(_ context: UnsafeMutableRawPointer?, _ tile: Int64) -> (NormalizedRows, Range<Int>) {
    let job = context!.assumingMemoryBound(to: NormalizedRows.self).pointee
    let start = Int(tile) * job.rowsOfTile
    return (job, start..<min(start + job.rowsOfTile, job.rows))
  }
}
