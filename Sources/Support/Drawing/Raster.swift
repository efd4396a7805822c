/// A sketch as pixels, edges smoothed.
package struct Raster: Equatable, Sendable {
  package let width: Int
  package internal(set) var height: Int
  /// 0xRRGGBB, row by row from the top.
  package internal(set) var pixels: [UInt32]

  /// Edges are smoothed in this many steps: few, so that a picture of few colours stays one of few blends.
  private static let blendSteps = 8.0
  /// Lines per pixel row along which the outlines are cut.
  private static let cutsPerRow = 4

  /// Draws a sketch on white; the height follows from the sketch's shape, at least 1.
  package init(_ sketch: Sketch, width: Int) {
    precondition(width >= 1, "a raster has at least one column")
    self.width = width
    height = max(1, Int((Double(width) * sketch.size.y / sketch.size.x).rounded()))
    pixels = [UInt32](repeating: Color.white.code, count: width * height)
    var coverage = [Double](repeating: 0, count: width)
    let scale = Double(width) / sketch.size.x
    for shape in sketch.shapes {
      let outline = shape.outline.map { point in
        let place = (point - sketch.origin) * scale
        return Sketch.Point(place.x, Double(height) - place.y)
      }
      fill(outline, shape.color, shape.opacity, &coverage)
    }
  }

  /// Of pixels 0xRRGGBB, row by row from the top.
  package init(width: Int, height: Int, pixels: [UInt32]) {
    precondition(width >= 1 && height >= 1 && pixels.count == width * height, "\(pixels.count) pixels")
    (self.width, self.height, self.pixels) = (width, height, pixels)
  }

  /// Rasters of equal height from left to right, a white column between them.
  package static func sideBySide(_ rasters: [Raster]) -> Raster {
    precondition(!rasters.isEmpty && rasters.allSatisfy { $0.height == rasters[0].height }, "rasters of one height")
    var pixels: [UInt32] = []
    for row in 0..<rasters[0].height {
      for (index, raster) in rasters.enumerated() {
        if index > 0 { pixels.append(Color.white.code) }
        pixels += raster.pixels[row * raster.width..<(row + 1) * raster.width]
      }
    }
    let width = rasters.reduce(rasters.count - 1) { $0 + $1.width }
    return Raster(width: width, height: rasters[0].height, pixels: pixels)
  }

  /// Every pixel as a square of so many a side.
  package func enlarged(_ factor: Int) -> Raster {
    guard factor > 1 else { return self }
    let (columns, rows) = (width * factor, height * factor)
    let enlarged = (0..<rows * columns).map { pixels[$0 / columns / factor * width + $0 % columns / factor] }
    return Raster(width: columns, height: rows, pixels: enlarged)
  }

  /// The colour of one pixel, row 0 at the top.
  package subscript(row: Int, column: Int) -> Color { Color(pixels[row * width + column]) }

  private mutating func fill(
    _ outline: [Sketch.Point], _ color: Color, _ opacity: Double, _ coverage: inout [Double]
  ) {
    guard let low = outline.map(\.y).min(), let high = outline.map(\.y).max() else { return }
    let rows = Int(low.clipped(0, Double(height)))..<Int(high.clipped(0, Double(height)).rounded(.up))
    for row in rows {
      var touched = width..<width
      for cut in 0..<Raster.cutsPerRow {
        let y = Double(row) + (Double(cut) + 0.5) / Double(Raster.cutsPerRow)
        let crossings = Raster.crossings(of: outline, at: y)
        for pair in stride(from: 0, to: crossings.count - 1, by: 2) {
          let (left, right) = (crossings[pair], crossings[pair + 1])
          cover(left.clipped(0, Double(width)), right.clipped(0, Double(width)), &coverage, &touched)
        }
      }
      for column in touched {
        blend(color, coverage[column], opacity, at: row * width + column)
        coverage[column] = 0
      }
    }
  }

  /// Where a horizontal line enters and leaves an outline, from left to right.
  private static func crossings(of outline: [Sketch.Point], at y: Double) -> [Double] {
    var crossings: [Double] = []
    var start = outline[outline.count - 1]
    for end in outline {
      if (start.y <= y) != (end.y <= y) {
        crossings.append(start.x + (y - start.y) / (end.y - start.y) * (end.x - start.x))
      }
      start = end
    }
    return crossings.sorted()
  }

  /// Adds a span of one cut to the row's coverage.
  private func cover(_ left: Double, _ right: Double, _ coverage: inout [Double], _ touched: inout Range<Int>) {
    guard right > left else { return }
    let first = Int(left)
    let end = min(width, Int(right.rounded(.up)))
    touched = min(touched.lowerBound, first)..<(touched.isEmpty ? end : max(touched.upperBound, end))
    for column in first..<end {
      let part = min(right, Double(column + 1)) - max(left, Double(column))
      coverage[column] += part / Double(Raster.cutsPerRow)
    }
  }

  private mutating func blend(_ color: Color, _ coverage: Double, _ opacity: Double, at place: Int) {
    let share = (coverage * Raster.blendSteps).rounded() / Raster.blendSteps * opacity
    guard share > 0 else { return }
    let under = Color(pixels[place])
    func mixed(_ old: UInt8, _ new: UInt8) -> UInt32 {
      UInt32((Double(old) + (Double(new) - Double(old)) * min(share, 1)).rounded())
    }
    pixels[place] =
      mixed(under.red, color.red) << 16 | mixed(under.green, color.green) << 8 | mixed(under.blue, color.blue)
  }
}
