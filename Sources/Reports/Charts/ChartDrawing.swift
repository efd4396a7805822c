import Support

/// A chart as what has to be drawn, in pixels from the upper left corner: whatever draws it has four things to draw.
package struct ChartDrawing: Sendable {
  package typealias Point = SIMD2<Double>

  package enum Anchor: String, Sendable { case start, middle, end }

  package enum Element: Sendable {
    case area([Point], Ink, opacity: Double)
    case line([Point], Ink, width: Double, isDashed: Bool)
    case disc(Point, radius: Double, Ink)
    /// Turned: from bottom to top, around its place.
    case text(String, at: Point, size: Double, Anchor, Ink, isTurned: Bool, isBold: Bool)
    /// What follows until `end` belongs together, under a name; not drawn.
    case begin(String)
    case end
  }

  package let width, height: Double
  /// What it shows, for those who do not see it.
  package var title: String
  package private(set) var elements: [Element] = []

  /// An empty drawing.
  package init(width: Double, height: Double, title: String) {
    (self.width, self.height, self.title) = (width, height, title)
  }

  package mutating func area(_ points: [Point], _ ink: Ink, opacity: Double = 1) {
    if points.count > 2 { elements.append(.area(points, ink, opacity: opacity)) }
  }

  package mutating func line(_ points: [Point], _ ink: Ink, width: Double = 1, isDashed: Bool = false) {
    if points.count > 1 { elements.append(.line(points, ink, width: width, isDashed: isDashed)) }
  }

  package mutating func disc(_ center: Point, radius: Double, _ ink: Ink) {
    elements.append(.disc(center, radius: radius, ink))
  }

  package mutating func text(
    _ text: String, at place: Point, size: Double = 12, _ anchor: Anchor = .start, _ ink: Ink = .text,
    isTurned: Bool = false, isBold: Bool = false
  ) {
    elements.append(.text(text, at: place, size: size, anchor, ink, isTurned: isTurned, isBold: isBold))
  }

  package mutating func group(_ name: String, _ body: (inout ChartDrawing) -> Void) {
    elements.append(.begin(name))
    body(&self)
    elements.append(.end)
  }

  // MARK: Pixels

  /// As pixels, `scale` for each of the drawing's.
  package func raster(_ theme: ChartTheme, scale: Double = 2) -> Raster {
    var sketch = Sketch(x: 0...width, y: 0...height)
    func up(_ point: Point) -> Point { Point(point.x, height - point.y) }
    sketch.rectangle(Point(0, 0), Point(width, height), theme.color(.background))
    for element in elements {
      switch element {
      case .area(let points, let ink, let opacity):
        sketch.polygon(points.map(up), theme.color(ink), opacity: opacity)
      case .line(let points, let ink, let width, let isDashed):
        for part in isDashed ? ChartDrawing.dashes(points, 6, 4) : [points] {
          sketch.line(part.map(up), width: width, theme.color(ink))
        }
      case .disc(let center, let radius, let ink): sketch.disc(up(center), radius: radius, theme.color(ink))
      case .text(let text, let place, let size, let anchor, let ink, let isTurned, let isBold):
        let length = StrokeFont.width(of: text, size: size)
        let start = anchor == .start ? 0 : anchor == .middle ? -length / 2 : -length
        for line in StrokeFont.lines(of: text, size: size) {
          let points = line.map { point in
            let along = Point(point.x + start, point.y)
            return up(place + (isTurned ? Point(along.y, -along.x) : along))
          }
          sketch.line(points, width: size * (isBold ? 0.13 : 0.088), theme.color(ink))
        }
      case .begin, .end: break
      }
    }
    return Raster(sketch, width: Int((width * scale).rounded()))
  }

  /// The parts of a bent line that stay when it is dashed.
  static func dashes(_ points: [Point], _ on: Double, _ off: Double) -> [[Point]] {
    var parts: [[Point]] = []
    var (isOn, left) = (true, on)
    var part = [points[0]]
    for (start, end) in zip(points, points.dropFirst()) {
      let along = end - start
      let length = (along * along).sum().squareRoot()
      var done = 0.0
      while length - done > left {
        done += left
        let place = start + along * (done / length)
        if isOn { parts.append(part + [place]) }
        (isOn, part) = (!isOn, [place])
        left = isOn ? on : off
      }
      left -= length - done
      part.append(end)
    }
    if isOn && part.count > 1 { parts.append(part) }
    return parts
  }
}
