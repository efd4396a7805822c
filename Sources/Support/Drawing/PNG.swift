/// A raster as a PNG file (ISO/IEC 15948): 8 bits per pixel from a palette, or per channel with more than 256 colours.
package enum PNG {
  /// The whole file; compressed, or as plain as it can be.
  package static func bytes(_ picture: Raster, isCompressed: Bool = false) -> [UInt8] {
    let palette = Set(picture.pixels).sorted()
    let isIndexed = palette.count <= 256
    var indexes: [UInt32: UInt8] = [:]
    if isIndexed { for (index, code) in palette.enumerated() { indexes[code] = UInt8(index) } }
    var rows: [UInt8] = []
    for row in 0..<picture.height {
      rows.append(0)  // the row is stored as it is
      for code in picture.pixels[row * picture.width..<(row + 1) * picture.width] {
        if isIndexed { rows.append(indexes[code]!) } else { rows += channels(code) }
      }
    }
    let size = number(UInt32(picture.width)) + number(UInt32(picture.height))
    var file: [UInt8] = [0x89] + Array("PNG\r\n\u{1A}\n".utf8)
    file += chunk("IHDR", size + [8, isIndexed ? 3 : 2, 0, 0, 0])
    if isIndexed { file += chunk("PLTE", palette.flatMap(channels)) }
    return file + chunk("IDAT", isCompressed ? compressed(rows) : stored(rows)) + chunk("IEND", [])
  }

  private static func channels(_ code: UInt32) -> [UInt8] { Array(number(code).dropFirst()) }

  /// Big-endian.
  private static func number(_ value: UInt32) -> [UInt8] {
    [UInt8(value >> 24), UInt8(value >> 16 & 0xFF), UInt8(value >> 8 & 0xFF), UInt8(value & 0xFF)]
  }

  private static func chunk(_ type: String, _ data: [UInt8]) -> [UInt8] {
    let body = Array(type.utf8) + data
    return number(UInt32(data.count)) + body + number(cyclicRedundancyCheck(body))
  }

  /// A zlib stream (RFC 1950) of stored blocks (RFC 1951).
  private static func stored(_ bytes: [UInt8]) -> [UInt8] {
    var stream: [UInt8] = [0x78, 0x01]
    for start in stride(from: 0, to: bytes.count, by: 0xFFFF) {
      let block = bytes[start..<min(start + 0xFFFF, bytes.count)]
      let size = UInt16(block.count)
      stream.append(block.endIndex == bytes.count ? 1 : 0)
      for word in [size, ~size] { stream += [UInt8(word & 0xFF), UInt8(word >> 8)] }
      stream += block
    }
    return stream + number(checksum(bytes))
  }

  /// A zlib stream of one compressed block.
  private static func compressed(_ bytes: [UInt8]) -> [UInt8] {
    [0x78, 0x01] + Deflate.compressed(bytes) + number(checksum(bytes))
  }

  /// Adler-32.
  private static func checksum(_ bytes: [UInt8]) -> UInt32 {
    var (low, high): (UInt32, UInt32) = (1, 0)
    for byte in bytes {
      low = (low + UInt32(byte)) % 65_521
      high = (high + low) % 65_521
    }
    return high << 16 | low
  }

  /// CRC-32 with the polynomial 0xEDB88320.
  private static func cyclicRedundancyCheck(_ bytes: [UInt8]) -> UInt32 {
    ~bytes.reduce(~0) { sum, byte in
      (0..<8).reduce(sum ^ UInt32(byte)) { rest, _ in rest & 1 == 1 ? rest >> 1 ^ 0xEDB8_8320 : rest >> 1 }
    }
  }
}
