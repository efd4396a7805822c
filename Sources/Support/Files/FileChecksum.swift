/// XXH64 (seed 0), several gigabytes per second: finds damage in checkpoints, not forgery. `xxhsum -H64` prints
/// the same.
package struct FileChecksum: Sendable {
  private static let prime1: UInt64 = 0x9E37_79B1_85EB_CA87
  private static let prime2: UInt64 = 0xC2B2_AE3D_27D4_EB4F
  private static let prime3: UInt64 = 0x1656_67B1_9E37_79F9
  private static let prime4: UInt64 = 0x85EB_CA77_C2B2_AE63
  private static let prime5: UInt64 = 0x27D4_EB2F_1656_67C5

  private var lanes: (UInt64, UInt64, UInt64, UInt64)
  private var pending: [UInt8] = []
  private var length: UInt64 = 0

  /// The checksum of nothing yet.
  package init() {
    lanes = (FileChecksum.prime1 &+ FileChecksum.prime2, FileChecksum.prime2, 0, 0 &- FileChecksum.prime1)
  }

  /// The checksum of `bytes`.
  package static func of(_ bytes: [UInt8]) -> String {
    var checksum = FileChecksum()
    bytes.withUnsafeBytes { checksum.update($0) }
    return checksum.text
  }

  /// The checksum of a file, read in pieces.
  package static func ofFile(_ path: String) throws(FileError) -> String {
    let file = try OpenFile.reading(path)
    var checksum = FileChecksum()
    var chunk = [UInt8](repeating: 0, count: 1 << 20)
    while true {
      let count = try chunk.withUnsafeMutableBufferPointer { (memory) throws(FileError) in
        try file.read(into: UnsafeMutableRawBufferPointer(memory))
      }
      if count == 0 { return checksum.text }
      chunk.withUnsafeBytes { checksum.update(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
    }
  }

  /// Takes in more bytes; how they are divided into calls makes no difference.
  package mutating func update(_ bytes: UnsafeRawBufferPointer) {
    length &+= UInt64(bytes.count)
    var rest = bytes[...]
    if !pending.isEmpty {
      let taken = min(32 - pending.count, rest.count)
      pending += rest.prefix(taken)
      rest = rest.dropFirst(taken)
      guard pending.count == 32 else { return }
      let block = pending
      block.withUnsafeBytes { stripes($0) }
      pending.removeAll(keepingCapacity: true)
    }
    let whole = rest.count & ~31
    stripes(UnsafeRawBufferPointer(rebasing: rest.prefix(whole)))
    pending += rest.dropFirst(whole)
  }

  /// The checksum of everything taken in, as 16 hexadecimal digits.
  package var text: String { String(value, radix: 16).leftPadded(to: 16, with: "0") }

  /// The checksum of everything taken in.
  package var value: UInt64 {
    var hash = FileChecksum.prime5
    if length >= 32 {
      hash = FileChecksum.rotate(lanes.0, 1) &+ FileChecksum.rotate(lanes.1, 7)
      hash = hash &+ FileChecksum.rotate(lanes.2, 12) &+ FileChecksum.rotate(lanes.3, 18)
      for lane in [lanes.0, lanes.1, lanes.2, lanes.3] {
        hash = (hash ^ FileChecksum.round(0, lane)) &* FileChecksum.prime1 &+ FileChecksum.prime4
      }
    }
    hash = hash &+ length
    pending.withUnsafeBytes { bytes in
      var index = 0
      while index + 8 <= bytes.count {
        let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self))
        hash ^= FileChecksum.round(0, word)
        hash = FileChecksum.rotate(hash, 27) &* FileChecksum.prime1 &+ FileChecksum.prime4
        index += 8
      }
      if index + 4 <= bytes.count {
        let word = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: index, as: UInt32.self))
        hash ^= UInt64(word) &* FileChecksum.prime1
        hash = FileChecksum.rotate(hash, 23) &* FileChecksum.prime2 &+ FileChecksum.prime3
        index += 4
      }
      while index < bytes.count {
        hash ^= UInt64(bytes[index]) &* FileChecksum.prime5
        hash = FileChecksum.rotate(hash, 11) &* FileChecksum.prime1
        index += 1
      }
    }
    hash = (hash ^ (hash >> 33)) &* FileChecksum.prime2
    hash = (hash ^ (hash >> 29)) &* FileChecksum.prime3
    return hash ^ (hash >> 32)
  }

  /// Whole stripes of 32 bytes, one word per lane.
  private mutating func stripes(_ bytes: UnsafeRawBufferPointer) {
    guard let base = bytes.baseAddress else { return }
    var (a, b, c, d) = lanes
    for offset in stride(from: 0, to: bytes.count, by: 32) {
      a = FileChecksum.round(a, UInt64(littleEndian: base.loadUnaligned(fromByteOffset: offset, as: UInt64.self)))
      b = FileChecksum.round(b, UInt64(littleEndian: base.loadUnaligned(fromByteOffset: offset + 8, as: UInt64.self)))
      c = FileChecksum.round(c, UInt64(littleEndian: base.loadUnaligned(fromByteOffset: offset + 16, as: UInt64.self)))
      d = FileChecksum.round(d, UInt64(littleEndian: base.loadUnaligned(fromByteOffset: offset + 24, as: UInt64.self)))
    }
    lanes = (a, b, c, d)
  }

  @inline(__always)
  private static func round(_ lane: UInt64, _ word: UInt64) -> UInt64 {
    rotate(lane &+ word &* prime2, 31) &* prime1
  }

  @inline(__always)
  private static func rotate(_ word: UInt64, _ count: UInt64) -> UInt64 { word << count | word >> (64 - count) }
}
