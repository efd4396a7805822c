/// A borrowed matrix in either layout: row-major, or feature-major as the kernels want it. Element [row, column] stands
/// at row·rowStride + column·columnStride.
///
/// Valid during the call that it was given to; not Sendable, so no thread can carry it off. Everything is inlinable
/// together: without that a subscript from another target costs seven times as much.
@frozen
@usableFromInline
package struct Rows {
  @usableFromInline package let base: UnsafePointer<Float>
  /// Rows.
  @usableFromInline package let count: Int
  @usableFromInline package let columns: Int
  @usableFromInline package let rowStride: Int
  @usableFromInline package let columnStride: Int

  /// `count` rows of `columns` floats from `base` on; row-major and without gaps unless strides say otherwise.
  @inlinable
  package init(
    _ base: UnsafePointer<Float>, _ count: Int, _ columns: Int, rowStride: Int? = nil, columnStride: Int = 1
  ) {
    self.base = base
    self.count = count
    self.columns = columns
    self.rowStride = rowStride ?? columns
    self.columnStride = columnStride
  }

  /// No rows, of no memory: what stands where none were given yet.
  package static var none: Rows { Rows(UnsafePointer(bitPattern: 64)!, 0, 0) }

  /// The same memory, read only.
  @inlinable
  package init(_ rows: MutableRows) {
    self.init(rows.base, rows.count, rows.columns, rowStride: rows.rowStride, columnStride: rows.columnStride)
  }

  @inlinable package subscript(row: Int, column: Int) -> Float {
    assert(row >= 0 && row < count && column >= 0 && column < columns)
    return base[row * rowStride + column * columnStride]
  }

  /// One row.
  @inlinable package func row(_ row: Int) -> Rows { slice(row..<row + 1) }

  /// Some rows.
  @inlinable package func slice(_ rows: Range<Int>) -> Rows {
    Rows(base + rows.lowerBound * rowStride, rows.count, columns, rowStride: rowStride, columnStride: columnStride)
  }

  /// Some columns.
  @inlinable package func columns(_ range: Range<Int>) -> Rows {
    Rows(
      base + range.lowerBound * columnStride, count, range.count, rowStride: rowStride, columnStride: columnStride)
  }

  /// The average of a column, summed in double precision.
  package func mean(column: Int = 0) -> Double {
    var sum = 0.0
    for row in 0..<count { sum += Double(self[row, column]) }
    return sum / Double(count)
  }

  /// The column of a one-hot row that is 1; 0 where there is none.
  @inlinable package func hotColumn(_ row: Int) -> Int {
    for column in 0..<columns where self[row, column] == 1 { return column }
    return 0
  }

  /// The column of a row's largest value, of equals the first.
  @inlinable package func largestColumn(_ row: Int) -> Int {
    var best = 0
    for column in 1..<max(columns, 1) where self[row, column] > self[row, best] { best = column }
    return best
  }

  /// Row `row` as memory without gaps; only of a row-major matrix.
  @inlinable package func contiguousRow(_ row: Int) -> UnsafeBufferPointer<Float> {
    assert(columnStride == 1 && row >= 0 && row < count)
    return UnsafeBufferPointer(start: base + row * rowStride, count: columns)
  }

  /// A copy, row after row.
  package var array: [Float] { (0..<count).flatMap { row in (0..<columns).map { self[row, $0] } } }
}

/// `Rows` that may be written.
@frozen
@usableFromInline
package struct MutableRows {
  @usableFromInline package let base: UnsafeMutablePointer<Float>
  /// Rows.
  @usableFromInline package let count: Int
  @usableFromInline package let columns: Int
  @usableFromInline package let rowStride: Int
  @usableFromInline package let columnStride: Int

  /// See `Rows`.
  @inlinable
  package init(
    _ base: UnsafeMutablePointer<Float>, _ count: Int, _ columns: Int, rowStride: Int? = nil, columnStride: Int = 1
  ) {
    self.base = base
    self.count = count
    self.columns = columns
    self.rowStride = rowStride ?? columns
    self.columnStride = columnStride
  }

  @inlinable package subscript(row: Int, column: Int) -> Float {
    get {
      assert(row >= 0 && row < count && column >= 0 && column < columns)
      return base[row * rowStride + column * columnStride]
    }
    nonmutating set {
      assert(row >= 0 && row < count && column >= 0 && column < columns)
      base[row * rowStride + column * columnStride] = newValue
    }
  }

  /// One row.
  @inlinable package func row(_ row: Int) -> MutableRows { slice(row..<row + 1) }

  /// Some rows.
  @inlinable package func slice(_ rows: Range<Int>) -> MutableRows {
    MutableRows(
      base + rows.lowerBound * rowStride, rows.count, columns, rowStride: rowStride, columnStride: columnStride)
  }

  /// Some columns.
  @inlinable package func columns(_ range: Range<Int>) -> MutableRows {
    MutableRows(
      base + range.lowerBound * columnStride, count, range.count, rowStride: rowStride, columnStride: columnStride)
  }

  /// Row `row` as memory without gaps; only of a row-major matrix.
  @inlinable package func contiguousRow(_ row: Int) -> UnsafeMutableBufferPointer<Float> {
    assert(columnStride == 1 && row >= 0 && row < count)
    return UnsafeMutableBufferPointer(start: base + row * rowStride, count: columns)
  }

  /// Copies the rows of `other` over the first of these, whatever the two layouts are: the one place of every
  /// transposition.
  @inlinable package func copy(_ other: Rows) {
    assert(other.count <= count && other.columns == columns)
    if columnStride == 1 && other.columnStride == 1 {
      let (columns, from, fromStride, to, toStride) = (columns, other.base, other.rowStride, base, rowStride)
      for row in 0..<other.count {
        let (source, destination) = (from + row * fromStride, to + row * toStride)
        // Short rows go faster one by one.
        if columns > 32 {
          destination.update(from: source, count: columns)
        } else {
          for column in 0..<columns { destination[column] = source[column] }
        }
      }
    } else if columnStride <= rowStride {
      for row in 0..<other.count {
        for column in 0..<columns { self[row, column] = other[row, column] }
      }
    } else {
      for column in 0..<columns {
        for row in 0..<other.count { self[row, column] = other[row, column] }
      }
    }
  }

  /// Copies the rows of `other` that `rows` names, in that order, over the first of these; both row-major.
  package func gather(_ rows: ArraySlice<Int32>, of other: Rows) {
    assert(rows.count <= count && other.columns == columns && columnStride == 1 && other.columnStride == 1)
    let (columns, from, fromStride, to, toStride) = (columns, other.base, other.rowStride, base, rowStride)
    rows.withUnsafeBufferPointer { rows in
      // Rows are some floats long: less than a call takes.
      for place in rows.indices {
        let (source, destination) = (from + Int(rows[place]) * fromStride, to + place * toStride)
        for column in 0..<columns { destination[column] = source[column] }
      }
    }
  }

  /// Sets every element.
  @inlinable package func fill(_ value: Float) {
    for row in 0..<count {
      for column in 0..<columns { self[row, column] = value }
    }
  }
}

/// Owned row-major floats [count, columns] at a fixed, 64-byte aligned address, zero at first.
///
/// Never pass `read` of a temporary on: `f(makeBuffer().read)` frees the memory before `f` runs, and nothing warns.
package final class RowBuffer: ArchivableObject {
  private let buffer: FloatBuffer
  /// The memory; it lives as long as this object.
  package let rows: MutableRows

  /// `count` rows of `columns` zeros.
  package init(_ count: Int, _ columns: Int) {
    buffer = FloatBuffer(count: count * columns)
    rows = MutableRows(buffer.base, count, columns)
  }

  /// The same memory, read only.
  package var read: Rows { Rows(rows) }

  /// All floats, row after row.
  package var memory: UnsafeMutableBufferPointer<Float> { buffer.memory }

  package func archive(_ archive: Archive) throws {
    try archive.buffer("rows", memory, shape: [rows.count, rows.columns])
  }
}
