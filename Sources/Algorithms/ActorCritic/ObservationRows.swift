import Environments
import Support

/// Rows of observations that are kept for a while: numbers as floats, pictures as bytes.
package final class ObservationRows: ArchivableObject {
  package let count, columns: Int
  /// One of the two is empty.
  private let numbers: RowBuffer
  private let bytes: UnsafeMutableBufferPointer<UInt8>

  package init(_ count: Int, of space: ObservationSpace) {
    (self.count, columns) = (count, space.size)
    numbers = RowBuffer(space.isImage ? 0 : count, columns)
    bytes = .allocate(capacity: space.isImage ? count * columns : 0)
    bytes.initialize(repeating: 0)
  }

  deinit { bytes.deallocate() }

  /// What networks see a pixel's byte as is this times it.
  static let pixelShare: Float = 1 / 255

  private var arePictures: Bool { !bytes.isEmpty }

  /// Bytes of so many rows.
  package static func bytes(_ count: Int, of space: ObservationSpace) -> Int {
    MemoryNeed.product(count, MemoryNeed.product(space.size, space.isImage ? 1 : 4))
  }

  /// Sets rows from `first` on.
  package func set(from first: Int, _ observations: Rows) {
    guard arePictures else { return numbers.rows.slice(first..<first + observations.count).copy(observations) }
    for row in 0..<observations.count {
      let (from, stride) = (observations.base + row * observations.rowStride, observations.columnStride)
      let to = bytes.baseAddress! + (first + row) * columns
      for column in 0..<columns { to[column] = UInt8(pixel: from[column * stride]) }
    }
  }

  /// Copies the row numbered `row` over the first of `out`, whose columns are side by side.
  private func read(_ row: Int, into out: UnsafeMutablePointer<Float>) {
    guard arePictures else { return out.update(from: numbers.memory.baseAddress! + row * columns, count: columns) }
    let from = bytes.baseAddress! + row * columns
    for column in 0..<columns { out[column] = Float(from[column]) * ObservationRows.pixelShare }
  }

  /// Copies rows one after another over [rows, columns], as networks see them: of pictures shares of 255.
  package func read(_ range: Range<Int>, into out: UnsafeMutablePointer<Float>) {
    for (place, row) in range.enumerated() { read(row, into: out + place * columns) }
  }

  /// Copies the rows that `chosen` names, in that order, likewise.
  package func gather(_ chosen: ArraySlice<Int32>, into out: UnsafeMutablePointer<Float>) {
    for (place, row) in chosen.enumerated() { read(Int(row), into: out + place * columns) }
  }

  /// One row as networks see it.
  package func array(_ row: Int) -> [Float] {
    [Float](unsafeUninitializedCapacity: columns) { memory, count in
      read(row, into: memory.baseAddress!)
      count = columns
    }
  }

  package func archive(_ archive: Archive) throws {
    guard arePictures else { return try numbers.archive(archive) }
    try archive.buffer("bytes", bytes, shape: [count, columns])
  }
}
