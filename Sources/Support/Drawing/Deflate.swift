/// Compression by RFC 1951: repeated strings (LZ77) in one block of the standard's fixed codes. Plain and small, and
/// for drawings with large plain areas enough.
package enum Deflate {
  private static let window = 32_768
  private static let (shortest, longest) = (3, 258)
  /// Earlier places that are tried for a longer match.
  private static let tries = 48

  /// Bits, the lowest of a byte first.
  private struct BitWriter {
    var bytes: [UInt8] = []
    private var pending: UInt64 = 0
    private var count = 0

    mutating func put(_ value: Int, bits: Int) {
      pending |= UInt64(value) << UInt64(count)
      count += bits
      while count >= 8 {
        bytes.append(UInt8(pending & 0xFF))
        pending >>= 8
        count -= 8
      }
    }

    /// Huffman codes come with their highest bit first.
    mutating func putCode(_ code: Int, bits: Int) {
      var (reversed, rest) = (0, code)
      for _ in 0..<bits { (reversed, rest) = (reversed << 1 | rest & 1, rest >> 1) }
      put(reversed, bits: bits)
    }

    mutating func finish() { if count > 0 { put(0, bits: 8 - count) } }
  }

  /// A deflate stream that unpacks to these bytes.
  package static func compressed(_ bytes: [UInt8]) -> [UInt8] {
    var writer = BitWriter()
    writer.put(1, bits: 1)  // the last block
    writer.put(1, bits: 2)  // fixed codes
    // The newest place of every three bytes' hash, and of every place the one before it.
    var newest = [Int32](repeating: -1, count: 1 << 15)
    var earlier = [Int32](repeating: -1, count: bytes.count)

    func hash(_ place: Int) -> Int {
      (Int(bytes[place]) << 10 ^ Int(bytes[place + 1]) << 5 ^ Int(bytes[place + 2])) & 0x7FFF
    }
    func remember(_ place: Int) {
      guard place + shortest <= bytes.count else { return }
      let key = hash(place)
      earlier[place] = newest[key]
      newest[key] = Int32(place)
    }
    func longestMatch(_ place: Int) -> (length: Int, distance: Int) {
      guard place + shortest <= bytes.count else { return (0, 0) }
      let limit = min(longest, bytes.count - place)
      var (best, candidate, left) = ((length: 0, distance: 0), Int(newest[hash(place)]), tries)
      while candidate >= 0, place - candidate <= window, left > 0 {
        var length = 0
        while length < limit && bytes[candidate + length] == bytes[place + length] { length += 1 }
        if length > best.length { best = (length, place - candidate) }
        if length == limit { break }
        candidate = Int(earlier[candidate])
        left -= 1
      }
      return best
    }

    var place = 0
    while place < bytes.count {
      let match = longestMatch(place)
      if match.length >= shortest {
        putLength(match.length, &writer)
        putDistance(match.distance, &writer)
        for step in 0..<match.length { remember(place + step) }
        place += match.length
      } else {
        putSymbol(Int(bytes[place]), &writer)
        remember(place)
        place += 1
      }
    }
    putSymbol(256, &writer)
    writer.finish()
    return writer.bytes
  }

  /// RFC 1951, 3.2.6.
  private static func putSymbol(_ symbol: Int, _ writer: inout BitWriter) {
    switch symbol {
    case ..<144: writer.putCode(0x30 + symbol, bits: 8)
    case ..<256: writer.putCode(0x190 + symbol - 144, bits: 9)
    case ..<280: writer.putCode(symbol - 256, bits: 7)
    default: writer.putCode(0xC0 + symbol - 280, bits: 8)
    }
  }

  /// RFC 1951, 3.2.5: the base of every code follows from its extra bits.
  private static func putLength(_ length: Int, _ writer: inout BitWriter) {
    if length == longest { return putSymbol(285, &writer) }
    var base = shortest
    for code in 257..<285 {
      let extra = code < 265 ? 0 : (code - 261) / 4
      if length < base + 1 << extra {
        putSymbol(code, &writer)
        return writer.put(length - base, bits: extra)
      }
      base += 1 << extra
    }
  }

  private static func putDistance(_ distance: Int, _ writer: inout BitWriter) {
    var base = 1
    for code in 0..<30 {
      let extra = code < 4 ? 0 : code / 2 - 1
      if distance < base + 1 << extra {
        writer.putCode(code, bits: 5)
        return writer.put(distance - base, bits: extra)
      }
      base += 1 << extra
    }
  }
}
