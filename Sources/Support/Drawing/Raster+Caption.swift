extension Raster {
  /// Seven rows of five pixels, the left one first: digits, and the letters of "step", "return" and "rebuilt". Anything
  /// else is left blank.
  private static let glyphs: [Character: [UInt8]] = [
    "0": [0b01110, 0b10001, 0b10011, 0b10101, 0b11001, 0b10001, 0b01110],
    "1": [0b00100, 0b01100, 0b00100, 0b00100, 0b00100, 0b00100, 0b01110],
    "2": [0b01110, 0b10001, 0b00001, 0b00010, 0b00100, 0b01000, 0b11111],
    "3": [0b11111, 0b00010, 0b00100, 0b00010, 0b00001, 0b10001, 0b01110],
    "4": [0b00010, 0b00110, 0b01010, 0b10010, 0b11111, 0b00010, 0b00010],
    "5": [0b11111, 0b10000, 0b11110, 0b00001, 0b00001, 0b10001, 0b01110],
    "6": [0b00110, 0b01000, 0b10000, 0b11110, 0b10001, 0b10001, 0b01110],
    "7": [0b11111, 0b00001, 0b00010, 0b00100, 0b01000, 0b01000, 0b01000],
    "8": [0b01110, 0b10001, 0b10001, 0b01110, 0b10001, 0b10001, 0b01110],
    "9": [0b01110, 0b10001, 0b10001, 0b01111, 0b00001, 0b00010, 0b01100],
    "-": [0, 0, 0, 0b11111, 0, 0, 0],
    "+": [0, 0b00100, 0b00100, 0b11111, 0b00100, 0b00100, 0],
    ".": [0, 0, 0, 0, 0, 0b01100, 0b01100],
    "e": [0, 0, 0b01110, 0b10001, 0b11111, 0b10000, 0b01110],
    "s": [0, 0, 0b01111, 0b10000, 0b01110, 0b00001, 0b11110],
    "t": [0b01000, 0b01000, 0b11100, 0b01000, 0b01000, 0b01001, 0b00110],
    "p": [0, 0, 0b11110, 0b10001, 0b11110, 0b10000, 0b10000],
    "r": [0, 0, 0b10110, 0b11001, 0b10000, 0b10000, 0b10000],
    "u": [0, 0, 0b10001, 0b10001, 0b10001, 0b10011, 0b01101],
    "n": [0, 0, 0b10110, 0b11001, 0b10001, 0b10001, 0b10001],
    "b": [0b10000, 0b10000, 0b11110, 0b10001, 0b10001, 0b10001, 0b11110],
    "i": [0b00100, 0, 0b01100, 0b00100, 0b00100, 0b00100, 0b01110],
    "l": [0b01100, 0b00100, 0b00100, 0b00100, 0b00100, 0b00100, 0b01110],
  ]
  /// Pixels per side of a glyph's pixel.
  private static let captionScale = 2
  /// Rows that a caption adds.
  package static let captionHeight = (7 + 4) * captionScale

  /// The same with a line of text on white below it, cut off where the picture ends.
  package func captioned(_ text: String) -> Raster {
    var picture = self
    picture.height += Raster.captionHeight
    picture.pixels += [UInt32](repeating: Color.white.code, count: width * Raster.captionHeight)
    let (scale, top) = (Raster.captionScale, height + 2 * Raster.captionScale)
    for (place, character) in text.enumerated() {
      for (row, bits) in (Raster.glyphs[character] ?? []).enumerated() {
        for column in 0..<5 where bits >> (4 - column) & 1 == 1 {
          let left = (place * 6 + column + 2) * scale
          for x in left..<left + scale where x < width {
            for y in top + row * scale..<top + (row + 1) * scale { picture.pixels[y * width + x] = Color.ink.code }
          }
        }
      }
    }
    return picture
  }
}
