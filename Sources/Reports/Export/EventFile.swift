import Support

/// A TensorBoard event file: records with checksums around protocol buffers, as TensorFlow's record_writer.h and
/// event.proto lay them out. Scalars only.
struct EventFile {
  private(set) var bytes: [UInt8] = []

  /// An empty file of the version that TensorBoard reads; `time` in seconds since 1970.
  init(time: Double) {
    // Event.wall_time = 1, Event.file_version = 3.
    append(EventFile.double(1, time) + EventFile.field(3, Array("brain.Event:2".utf8)))
  }

  /// What follows in a file that has begun.
  init() {}

  /// Adds a value under a tag.
  mutating func append(_ tag: String, _ value: Double, step: Int, time: Double) {
    // Summary.Value.tag = 1, simple_value = 2, a float.
    let scalar = EventFile.field(1, Array(tag.utf8)) + EventFile.float(2, Float(value))
    // Event.wall_time = 1, step = 2, summary = 5; Summary.value = 1.
    let summary = EventFile.field(1, scalar)
    append(
      EventFile.double(1, time) + EventFile.varint(2, UInt64(bitPattern: Int64(step))) + EventFile.field(5, summary))
  }

  /// A record: length, its masked checksum, data, its masked checksum, all little-endian.
  private mutating func append(_ data: [UInt8]) {
    let length = EventFile.littleEndian(UInt64(data.count), 8)
    bytes += length + EventFile.littleEndian(UInt64(CRC32C.masked(length)), 4)
    bytes += data + EventFile.littleEndian(UInt64(CRC32C.masked(data)), 4)
  }

  // MARK: Protocol buffers

  private static func littleEndian(_ value: UInt64, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }
  }

  private static func varint(_ value: UInt64) -> [UInt8] {
    var (bytes, rest) = ([UInt8](), value)
    while rest >= 0x80 {
      bytes.append(UInt8(rest & 0x7F) | 0x80)
      rest >>= 7
    }
    return bytes + [UInt8(rest)]
  }

  private static func varint(_ number: Int, _ value: UInt64) -> [UInt8] { varint(UInt64(number << 3)) + varint(value) }
  private static func double(_ number: Int, _ value: Double) -> [UInt8] {
    varint(UInt64(number << 3 | 1)) + littleEndian(value.bitPattern, 8)
  }
  private static func float(_ number: Int, _ value: Float) -> [UInt8] {
    varint(UInt64(number << 3 | 5)) + littleEndian(UInt64(value.bitPattern), 4)
  }
  private static func field(_ number: Int, _ content: [UInt8]) -> [UInt8] {
    varint(UInt64(number << 3 | 2)) + varint(UInt64(content.count)) + content
  }
}

/// The checksum of RFC 3720: a cyclic one with Castagnoli's polynomial.
package enum CRC32C {
  private static let table: [UInt32] = (0..<256).map { byte in
    (0..<8).reduce(UInt32(byte)) { rest, _ in rest & 1 == 1 ? rest >> 1 ^ 0x82F6_3B78 : rest >> 1 }
  }

  /// Of some bytes.
  package static func of(_ bytes: [UInt8]) -> UInt32 {
    ~bytes.reduce(~0) { sum, byte in sum >> 8 ^ table[Int(UInt8(truncatingIfNeeded: sum) ^ byte)] }
  }

  /// As TensorFlow stores it, so that a checksum of data that hold checksums stays one: turned by 15 bits and shifted.
  package static func masked(_ bytes: [UInt8]) -> UInt32 {
    let sum = of(bytes)
    return (sum >> 15 | sum << 17) &+ 0xA282_EAD8
  }
}
