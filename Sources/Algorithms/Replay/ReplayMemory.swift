import Foundation
import Support

/// Rows of equal size at fixed addresses, in blocks that are taken when their first row is: a capacity costs nothing
/// before it is used, and growing moves nothing.
struct ReplayMemory: ~Copyable {
  /// Bytes of a row.
  let rowSize: Int
  /// log2 of the rows in a block of about a megabyte.
  private let shift: Int
  private var blocks: [UnsafeMutableRawPointer] = []

  /// For at most `rows` rows.
  init(rowSize: Int, rows: Int) {
    self.rowSize = rowSize
    var shift = 0
    while rowSize << shift < 1 << 20 && 1 << shift < rows { shift += 1 }
    self.shift = shift
  }

  deinit { for block in blocks { free(block) } }

  /// Takes the block of a row, and those before it, where they are missing.
  mutating func reserve(_ row: Int) {
    while row >> shift >= blocks.count {
      // Zero pages of the system: memory that nobody has written to takes no room.
      guard let block = calloc(1 << shift, rowSize) else { outOfMemory(rowSize << shift) }
      blocks.append(block)
    }
  }

  /// The memory of a row that was reserved.
  @inline(__always)
  subscript(row: Int) -> UnsafeMutableRawPointer {
    blocks[row >> shift] + (row & (1 << shift - 1)) &* rowSize
  }
}
