/// Unpacks deflate streams of blocks with the fixed codes, by RFC 1951 alone: the other half of what is tested.
enum Inflate {
  private static let lengthBases: [Int] = [
    3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258,
  ]
  private static let lengthBits: [Int] = [
    0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
  ]
  private static let distanceBases: [Int] = [
    1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145,
    8193, 12289, 16385, 24577,
  ]
  private static let distanceBits: [Int] = [
    0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13,
  ]

  /// nil where the stream is faulty.
  static func bytes(_ stream: [UInt8]) -> [UInt8]? {
    var place = 0
    func bit() -> Int {
      defer { place += 1 }
      return place / 8 < stream.count ? Int(stream[place / 8]) >> (place % 8) & 1 : 0
    }
    func number(_ bits: Int) -> Int { (0..<bits).reduce(0) { $0 | bit() << $1 } }
    func code(_ bits: Int, _ start: Int = 0) -> Int { (0..<bits).reduce(start) { sum, _ in sum << 1 | bit() } }
    func symbol() -> Int {
      let seven = code(7)
      if seven < 0x18 { return 256 + seven }
      let eight = code(1, seven)
      if eight < 0xC0 { return eight - 0x30 }
      if eight < 0xC8 { return 280 + eight - 0xC0 }
      return 144 + code(1, eight) - 0x190
    }
    var bytes: [UInt8] = []
    guard number(1) == 1, number(2) == 1 else { return nil }
    while place < 8 * stream.count {
      let symbol = symbol()
      if symbol == 256 { return (place + 7) / 8 == stream.count ? bytes : nil }
      if symbol < 256 {
        bytes.append(UInt8(symbol))
        continue
      }
      guard symbol <= 285 else { return nil }
      let length = lengthBases[symbol - 257] + number(lengthBits[symbol - 257])
      let index = code(5)
      let distance = distanceBases[index] + number(distanceBits[index])
      guard distance <= bytes.count, distance <= 32_768 else { return nil }
      for _ in 0..<length { bytes.append(bytes[bytes.count - distance]) }
    }
    return nil
  }
}
