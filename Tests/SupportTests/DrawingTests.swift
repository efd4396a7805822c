import Support
import Testing

@Suite struct DrawingTests {
  /// Ink on white below the picture, two pixels for one of a glyph; what does not fit is cut off.
  @Test func captions() {
    let plain = Raster(Sketch(x: 0...1, y: 0...1), width: 20)
    let picture = plain.captioned("1?-77")
    #expect(picture.width == 20 && picture.height == 20 + Raster.captionHeight)
    #expect(Array(picture.pixels[..<400]) == plain.pixels)
    func isInk(_ row: Int, _ column: Int) -> Bool { picture[24 + row, 4 + column] == .ink }
    // The tip, the stem and the foot of the 1.
    #expect(isInk(0, 4) && isInk(0, 5) && !isInk(0, 3) && isInk(13, 2) && isInk(13, 7) && !isInk(14, 4))
    #expect(plain.captioned("???").pixels.allSatisfy { Color($0) == .white })
  }

  /// Made by Python's zlib: two pixels of a palette of two colours.
  @Test func portableNetworkGraphics() {
    var sketch = Sketch(x: 0...2, y: 0...1)
    sketch.rectangle(.init(0, 0), .init(1, 1), Color(0x010203))
    let bytes = PNG.bytes(Raster(sketch, width: 2))
    let text = bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    #expect(
      text == "89504e470d0a1a0a0000000d4948445200000002000000010803000000c3fc8fb800000006504c5445010203ffffff06f0b0f6"
        + "0000000e49444154" + "7801010300fcff000001000400020b218b71" + "0000000049454e44ae426082")
  }

  /// Packed bytes come back, whatever they are; repeated ones take little room.
  @Test func deflate() {
    var random = RandomStream(seed: 3)
    let noise = (0..<70_000).map { _ in UInt8(random.integer(below: 256)) }
    let text = (0..<40_000).map { UInt8(($0 * $0 >> 7) & 3) }
    let far = noise[..<300] + [UInt8](repeating: 7, count: 32_500) + noise[..<300]
    for bytes in [[], [1], [1, 1, 1, 1], noise, text, Array(far), [UInt8](repeating: 0, count: 100_000)] {
      #expect(Inflate.bytes(Deflate.compressed(bytes)) == bytes)
    }
    #expect(Deflate.compressed([UInt8](repeating: 0, count: 100_000)).count < 700)
  }

  /// Half of what lies below shines through.
  @Test func opacity() {
    var sketch = Sketch(x: 0...2, y: 0...1)
    sketch.polygon([.init(0, 0), .init(1, 0), .init(1, 1), .init(0, 1)], Color(0x000000), opacity: 0.5)
    #expect(Raster(sketch, width: 2).pixels == [0x808080, 0xFFFFFF])
  }

  @Test func strokes() {
    #expect(StrokeFont.lines(of: " ", size: 10).isEmpty && StrokeFont.lines(of: "i", size: 10).count == 2)
    for code in UInt8(33)...126 {
      let lines = StrokeFont.lines(of: String(Character(UnicodeScalar(code))), size: 20)
      #expect(!lines.isEmpty && lines.allSatisfy { $0.allSatisfy { abs($0.x) < 25 && $0.y > -20 && $0.y < 8 } })
    }
    #expect(
      StrokeFont.width(of: "ab", size: 8) == StrokeFont.width(of: "a", size: 8) + StrokeFont.width(of: "b", size: 8))
    // A rate of change has its dot, and is as wide as what changes.
    for (rate, own) in [("ẋ", "x"), ("θ̇", "θ")] {
      #expect(StrokeFont.lines(of: rate, size: 9).count == StrokeFont.lines(of: own, size: 9).count + 1)
      #expect(StrokeFont.width(of: rate, size: 9) == StrokeFont.width(of: own, size: 9))
    }
    #expect(StrokeFont.lines(of: "θ₁", size: 9) == StrokeFont.lines(of: "θ1", size: 9))
    #expect(StrokeFont.lines(of: "θ", size: 9) != StrokeFont.lines(of: "?", size: 9))
    #expect(StrokeFont.lines(of: "é…–漢", size: 9) == StrokeFont.lines(of: "e...-?", size: 9))
  }

  @Test func markup() {
    #expect(
      MarkupText.escaped("a<b>&\"'\u{0}\u{7F}\u{FFFE}é\n") == "a&lt;b&gt;&amp;&quot;&#39;\u{FFFD}\u{FFFD}\u{FFFD}é\n")
  }

  /// With more colours than a palette holds every pixel has its own.
  @Test func manyColours() {
    var sketch = Sketch(x: 0...300, y: 0...1)
    for column in 0..<300 {
      sketch.rectangle(.init(Double(column), 0), .init(Double(column + 1), 1), Color(UInt32(column) * 50))
    }
    let bytes = PNG.bytes(Raster(sketch, width: 300))
    #expect(bytes[25] == 2)
    #expect(Array(bytes[48...54]) == [0, 0, 0, 0, 0, 0, 50])
  }

  /// A rectangle over a pixel and a half: the half is half blended, what is outside stays white.
  @Test func edgesAreSmoothed() {
    var sketch = Sketch(x: 0...4, y: 0...2)
    sketch.rectangle(.init(1, 1), .init(2.5, 2), Color(0x000000))
    let raster = Raster(sketch, width: 4)
    #expect(raster.height == 2)
    let top = (0..<4).map { raster[0, $0].code }
    #expect(top == [0xFFFFFF, 0x000000, 0x808080, 0xFFFFFF])
    let bottom = (0..<4).map { raster[1, $0].code }
    #expect(bottom == [UInt32](repeating: 0xFFFFFF, count: 4))
  }

  /// Area is kept: a disc of radius 1 covers π of 16, within what a 32-gon and eight blend steps leave.
  @Test func discHasItsArea() {
    var sketch = Sketch(x: -2...2, y: -2...2)
    sketch.disc(.init(0, 0), radius: 1, Color(0x000000))
    let raster = Raster(sketch, width: 200)
    let darkness = raster.pixels.reduce(0.0) { $0 + 1 - Double(Color($1).red) / 255 } / 40_000
    #expect(abs(darkness - Double.pi / 16) < 0.003)
  }

  /// Shapes beyond the picture's edges are cut, points that are not finite leave their shape out.
  @Test func whatCannotBeSeenDoesNoHarm() {
    var sketch = Sketch(x: 0...1, y: 0...1)
    sketch.rectangle(.init(-1e30, -1e30), .init(1e30, 0.5), Color(0xFF0000))
    sketch.bar(.init(0, 0), .init(.nan, 1), width: 0.1, .ink)
    sketch.disc(.init(.infinity, 0), radius: 1, .ink)
    #expect(sketch.shapes.count == 1)
    let raster = Raster(sketch, width: 2)
    #expect(raster.pixels == [0xFFFFFF, 0xFFFFFF, 0xFF0000, 0xFF0000])
  }

  /// Every picture comes back from the file as it was, whatever its size: pictures of noise fill the code table and
  /// start it anew, a repeated one stores a single pixel.
  @Test(arguments: [1, 7, 40, 130])
  func picturesComeBack(width: Int) throws {
    var random = RandomStream(seed: 5).stream("gif")
    var gif = AnimatedGIF(width: width, height: width)
    var pictures: [Raster] = []
    for _ in 0..<3 {
      var sketch = Sketch(x: 0...Double(width), y: 0...Double(width))
      for x in 0..<width {
        for y in 0..<width {
          let corner = Sketch.Point(Double(x), Double(y))
          sketch.rectangle(corner, corner + 1, Color(UInt32(random.integer(below: 200)) * 0x010101))
        }
      }
      pictures.append(Raster(sketch, width: width))
    }
    pictures.insert(pictures[0], at: 1)
    for picture in pictures { gif.append(picture, duration: 7) }
    let decoded = try #require(GIFReader(gif.bytes))
    #expect(decoded.durations == [7, 7, 7, 7])
    let areEqual = decoded.pictures == pictures.map(\.pixels)
    #expect(areEqual)
    #expect(decoded.storedPixels[1] == 1)
  }

  /// With more than 256 colours the later ones become the nearest earlier ones.
  @Test func tooManyColors() throws {
    var gif = AnimatedGIF(width: 300, height: 1)
    var sketch = Sketch(x: 0...300, y: 0...1)
    for x in 0..<300 { sketch.rectangle(.init(Double(x), 0), .init(Double(x + 1), 1), Color(UInt32(x) << 4)) }
    gif.append(Raster(sketch, width: 300), duration: 1)
    let decoded = try #require(GIFReader(gif.bytes))
    let picture = decoded.pictures[0]
    let first256 = picture.prefix(256).elementsEqual((0..<256).map { UInt32($0) << 4 })
    #expect(first256)
    #expect(Set(picture).count == 256)
  }
}

/// A reader of what `AnimatedGIF` writes, by the format's description: LZW codes back into pictures.
private struct GIFReader {
  var durations: [Int] = []
  var pictures: [[UInt32]] = []
  /// Of each picture, how many pixels its rectangle has.
  var storedPixels: [Int] = []

  init?(_ bytes: [UInt8]) {
    guard bytes.starts(with: Array("GIF89a".utf8)), bytes.last == 0x3B else { return nil }
    func number(_ place: Int) -> Int { Int(bytes[place]) | Int(bytes[place + 1]) << 8 }
    let (width, height) = (number(6), number(8))
    let palette = (0..<256).map { entry in
      (0..<3).reduce(UInt32(0)) { $0 << 8 | UInt32(bytes[13 + 3 * entry + $1]) }
    }
    var canvas = [UInt32](repeating: 0, count: width * height)
    var place = 13 + 768
    while bytes[place] != 0x3B {
      if bytes[place] == 0x21 {
        if bytes[place + 1] == 0xF9 { durations.append(number(place + 4)) }
        place += 2
        while bytes[place] != 0 { place += Int(bytes[place]) + 1 }
        place += 1
        continue
      }
      guard bytes[place] == 0x2C else { return nil }
      let (left, top) = (number(place + 1), number(place + 3))
      let (columns, rows) = (number(place + 5), number(place + 7))
      place += 11
      var codes: [UInt8] = []
      while bytes[place] != 0 {
        codes += bytes[place + 1...place + Int(bytes[place])]
        place += Int(bytes[place]) + 1
      }
      place += 1
      guard let indexes = GIFReader.decompressed(codes), indexes.count == rows * columns else { return nil }
      for (index, entry) in indexes.enumerated() {
        canvas[(top + index / columns) * width + left + index % columns] = palette[Int(entry)]
      }
      pictures.append(canvas)
      storedPixels.append(indexes.count)
    }
  }

  static func decompressed(_ bytes: [UInt8]) -> [UInt8]? {
    var table: [[UInt8]] = []
    var (output, size, last): ([UInt8], Int, [UInt8]?) = ([], 9, nil)
    var (bits, bitCount, place) = (0, 0, 0)
    func start() -> [[UInt8]] { (0..<258).map { $0 < 256 ? [UInt8($0)] : [] } }
    table = start()
    while true {
      while bitCount < size {
        guard place < bytes.count else { return nil }
        bits |= Int(bytes[place]) << bitCount
        (bitCount, place) = (bitCount + 8, place + 1)
      }
      let code = bits & (1 << size - 1)
      (bits, bitCount) = (bits >> size, bitCount - size)
      if code == 257 { return output }
      if code == 256 {
        (table, size, last) = (start(), 9, nil)
        continue
      }
      guard code <= table.count, code < table.count || last != nil else { return nil }
      let string = code < table.count ? table[code] : last! + [last![0]]
      output += string
      if let last, table.count < 4096 { table.append(last + [string[0]]) }
      if table.count == 1 << size && size < 12 { size += 1 }
      last = string
    }
  }
}
