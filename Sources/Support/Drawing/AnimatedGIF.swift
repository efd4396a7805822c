/// Pictures of one size, shown one after the other without end, as a GIF89a file.
///
/// Of each picture only the rectangle that differs from the one before is stored. The first 256 colours make up the
/// palette; a later one becomes the nearest of them.
package struct AnimatedGIF {
  /// CompuServe's limit of one code.
  private static let codeLimit = 4096

  private let width: Int
  private let height: Int
  private var body: [UInt8] = []
  private var palette: [Color] = []
  private var paletteIndexes: [UInt32: UInt8] = [:]
  private var last: Raster?

  /// Without pictures; both sides at least 1 and below 65,536.
  package init(width: Int, height: Int) {
    precondition((1..<65_536).contains(width) && (1..<65_536).contains(height), "a GIF of \(width)×\(height)")
    (self.width, self.height) = (width, height)
  }

  /// Adds a picture of the file's size.
  /// - Parameter duration: how long it is shown, in hundredths of a second.
  package mutating func append(_ picture: Raster, duration: Int) {
    precondition(picture.width == width && picture.height == height, "pictures of one size")
    let (rows, columns) = changedPart(picture)
    last = picture
    // Graphic control: keep what is there, then the duration.
    body += [0x21, 0xF9, 4, 0b0000_0100] + AnimatedGIF.number(duration.clipped(0, 65_535)) + [0, 0, 0x2C]
    body += [columns.lowerBound, rows.lowerBound, columns.count, rows.count].flatMap(AnimatedGIF.number) + [0, 8]
    var indexes: [UInt8] = []
    indexes.reserveCapacity(rows.count * columns.count)
    for row in rows {
      for column in columns { indexes.append(index(of: picture.pixels[row * width + column])) }
    }
    let codes = AnimatedGIF.compressed(indexes)
    for start in stride(from: 0, to: codes.count, by: 255) {
      let block = codes[start..<min(start + 255, codes.count)]
      body.append(UInt8(block.count))
      body += block
    }
    body.append(0)
  }

  /// The whole file with the pictures so far.
  package var bytes: [UInt8] {
    var data = Array("GIF89a".utf8)
    data += AnimatedGIF.number(width) + AnimatedGIF.number(height) + [0b1111_0111, 0, 0]
    for entry in 0..<256 {
      let color = entry < palette.count ? palette[entry] : .white
      data += [color.red, color.green, color.blue]
    }
    // Netscape's extension: again and again, without end.
    data += [0x21, 0xFF, 11] + Array("NETSCAPE2.0".utf8) + [3, 1, 0, 0, 0]
    return data + body + [0x3B]
  }

  private static func number(_ number: Int) -> [UInt8] { [UInt8(number & 0xFF), UInt8(number >> 8)] }

  /// The rectangle that differs from the picture before; one pixel where nothing does.
  private func changedPart(_ picture: Raster) -> (rows: Range<Int>, columns: Range<Int>) {
    guard let last else { return (0..<height, 0..<width) }
    var (top, bottom, left, right) = (height, 0, width, 0)
    for row in 0..<height {
      for column in 0..<width where picture.pixels[row * width + column] != last.pixels[row * width + column] {
        (top, bottom) = (min(top, row), max(bottom, row + 1))
        (left, right) = (min(left, column), max(right, column + 1))
      }
    }
    return top < bottom ? (top..<bottom, left..<right) : (0..<1, 0..<1)
  }

  private mutating func index(of code: UInt32) -> UInt8 {
    if let index = paletteIndexes[code] { return index }
    let color = Color(code)
    let index: Int
    if palette.count < 256 {
      index = palette.count
      palette.append(color)
    } else {
      index = palette.indices.min { distance(palette[$0], color) < distance(palette[$1], color) } ?? 0
    }
    paletteIndexes[code] = UInt8(index)
    return UInt8(index)
  }

  private func distance(_ first: Color, _ second: Color) -> Int {
    let red = Int(first.red) - Int(second.red)
    let green = Int(first.green) - Int(second.green)
    let blue = Int(first.blue) - Int(second.blue)
    return red * red + green * green + blue * blue
  }

  /// Lempel, Ziv and Welch's codes of 9 to 12 bits, lowest bit first, for bytes.
  static func compressed(_ bytes: [UInt8]) -> [UInt8] {
    let (clear, end) = (256, 257)
    var output: [UInt8] = []
    var (bits, bitCount) = (0, 0)
    var codeSize = 9
    func startOfTable() -> [Int32] { [Int32](repeating: -1, count: codeLimit) }
    // The known strings as a tree: of each its first extension, and its next sibling with that one's last byte.
    var (firstChild, sibling) = (startOfTable(), startOfTable())
    var lastByte = [UInt8](repeating: 0, count: codeLimit)
    var next = end + 1

    func put(_ code: Int) {
      bits |= code << bitCount
      bitCount += codeSize
      while bitCount >= 8 {
        output.append(UInt8(bits & 0xFF))
        bits >>= 8
        bitCount -= 8
      }
    }

    put(clear)
    guard var current = bytes.first.map(Int.init) else {
      put(end)
      if bitCount > 0 { output.append(UInt8(bits & 0xFF)) }
      return output
    }
    for byte in bytes.dropFirst() {
      var child = Int(firstChild[current])
      while child >= 0 && lastByte[child] != byte { child = Int(sibling[child]) }
      if child >= 0 {
        current = child
        continue
      }
      put(current)
      if next < codeLimit {
        lastByte[next] = byte
        sibling[next] = firstChild[current]
        firstChild[current] = Int32(next)
        // A reader knows a code one step later than the writer, so the size grows after the first code that needs it.
        if next == 1 << codeSize { codeSize += 1 }
        next += 1
      } else {
        put(clear)
        (firstChild, sibling) = (startOfTable(), startOfTable())
        (next, codeSize) = (end + 1, 9)
      }
      current = Int(byte)
    }
    put(current)
    if next == 1 << codeSize && next < codeLimit { codeSize += 1 }
    put(end)
    if bitCount > 0 { output.append(UInt8(bits & 0xFF)) }
    return output
  }
}
