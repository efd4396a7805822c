import Support

/// Where a panel's axes are.
package struct ChartFrame: Sendable {
  package var left, right, top, bottom: Double
  package var x, y: ChartScale

  /// The place of a number pair, in pixels.
  package func place(_ x: Double, _ y: Double) -> ChartDrawing.Point {
    .init(left + self.x.share(x) * (right - left), bottom - self.y.share(y) * (bottom - top))
  }

  /// The part of a bent line that lies between the axes' ends.
  func clipped(_ points: [ChartDrawing.Point]) -> [[ChartDrawing.Point]] {
    var parts: [[ChartDrawing.Point]] = []
    func isOutside(_ point: ChartDrawing.Point) -> Bool { point.y < top - 0.5 || point.y > bottom + 0.5 }
    var part: [ChartDrawing.Point] = []
    for (index, point) in points.enumerated() {
      if index > 0, isOutside(point) != isOutside(points[index - 1]) {
        part.append(crossing(points[index - 1], point))
        if isOutside(point) {
          parts.append(part)
          part = []
          continue
        }
      }
      if !isOutside(point) { part.append(point) }
    }
    return (parts + [part]).filter { !$0.isEmpty }
  }

  private func crossing(_ start: ChartDrawing.Point, _ end: ChartDrawing.Point) -> ChartDrawing.Point {
    let edge = min(start.y, end.y) < top ? top : bottom
    let share = end.y == start.y ? 0 : (edge - start.y) / (end.y - start.y)
    return start + (end - start) * share.clipped(0, 1)
  }

  /// With what lies beyond the upper and lower end at that end.
  func pressed(_ points: [ChartDrawing.Point]) -> [ChartDrawing.Point] {
    points.map { .init($0.x, $0.y.clipped(top, bottom)) }
  }
}

extension Chart {
  private static let sides = (left: 68.0, right: 18.0, bottom: 52.0)
  private static let legendStep = 20.0
  /// Panels in a row.
  private static let columns = 3

  /// The chart, and where its panels' axes are in it.
  package func drawing() -> (drawing: ChartDrawing, frames: [ChartFrame]) {
    let columns = min(max(panels.count, 1), Chart.columns)
    let rows = (max(panels.count, 1) + columns - 1) / columns
    let width = panelSize.width * Double(columns)
    let legend = legendPlaces(width)
    let captions = lines(caption, width - 2 * 18, size: 11)
    let head = (title.isEmpty ? 8 : 38) + Double((legend.last?.row ?? -1) + 1) * Chart.legendStep
    let foot = 6 + 15 * Double(captions.count)
    var drawing = ChartDrawing(
      width: width, height: head + panelSize.height * Double(rows) + foot,
      title: [title, caption].joined(separator: ". "))
    if !title.isEmpty {
      drawing.text(title, at: .init(width / 2, 25), size: 17, .middle, isBold: true)
    }
    for (entry, place) in zip(self.legend, legend) {
      let y = (title.isEmpty ? 16 : 46) + Double(place.row) * Chart.legendStep
      drawing.line(
        [.init(place.x, y), .init(place.x + 22, y)], .group(entry.color), width: 3,
        isDashed: entry.color >= ChartTheme.groupColors)
      drawing.text(entry.label, at: .init(place.x + 28, y + 4.5), size: 13)
    }
    var frames: [ChartFrame] = []
    for (index, panel) in panels.enumerated() {
      let (left, top) = (Double(index % columns) * panelSize.width, head + Double(index / columns) * panelSize.height)
      let scales = scales(panel)
      let frame = ChartFrame(
        left: left + Chart.sides.left, right: left + panelSize.width - Chart.sides.right,
        top: top + (panel.title.isEmpty ? 12 : 34),
        bottom: top + panelSize.height - Chart.sides.bottom, x: scales.x, y: scales.y)
      draw(panel, in: frame, &drawing)
      frames.append(frame)
    }
    for (index, line) in captions.enumerated() {
      let y = drawing.height - foot + 10 + 15 * Double(index)
      drawing.text(line, at: .init(18, y), size: 11, .start, .quiet)
    }
    return (drawing, frames)
  }

  /// The entries' rows and left ends: from left to right, as many as fit.
  private func legendPlaces(_ width: Double) -> [(row: Int, x: Double)] {
    var (row, x) = (0, 18.0)
    return legend.map { entry in
      let length = 28 + StrokeFont.width(of: entry.label, size: 13) + 22
      if x > 18 && x + length > width - 10 { (row, x) = (row + 1, 18) }
      defer { x += length }
      return (row, x)
    }
  }

  /// A text as lines that are not too wide.
  private func lines(_ text: String, _ width: Double, size: Double) -> [String] {
    var lines: [String] = []
    for word in text.split(separator: " ").map(String.init) {
      if let last = lines.last, StrokeFont.width(of: "\(last) \(word)", size: size) <= width {
        lines[lines.count - 1] = "\(last) \(word)"
      } else {
        lines.append(word)
      }
    }
    return lines
  }

  private func draw(_ panel: Panel, in frame: ChartFrame, _ drawing: inout ChartDrawing) {
    let middle = (frame.left + frame.right) / 2
    if !panel.title.isEmpty {
      drawing.text(panel.title, at: .init(middle, frame.top - 10), size: 14, .middle, isBold: true)
    }
    axes(frame, &drawing)
    drawing.text(xTitle, at: .init(middle, frame.bottom + 40), size: 13, .middle)
    drawing.text(
      yTitle, at: .init(frame.left - 52, (frame.top + frame.bottom) / 2), size: 13, .middle, isTurned: true)
    for level in panel.levels where frame.y.share(level.value) >= 0 && frame.y.share(level.value) <= 1 {
      let y = frame.place(0, level.value).y
      drawing.line([.init(frame.left, y), .init(frame.right, y)], .quiet, width: 1.2, isDashed: true)
    }
    for (color, curve) in panel.curves { draw(seeds: curve, color, frame, &drawing) }
    for (color, curve) in panel.curves { draw(band: curve, color, frame, &drawing) }
    for (index, curve) in panel.published.enumerated() { draw(curve, index, frame, &drawing) }
    for (color, curve) in panel.curves { draw(line: curve, color, frame, &drawing) }
    for level in panel.levels where frame.y.share(level.value) >= 0 && frame.y.share(level.value) <= 1 {
      let (y, length) = (frame.place(0, level.value).y, StrokeFont.width(of: level.label, size: 11))
      let (left, right) = (frame.right - length - 8, frame.right)
      let box = [(left, y - 16), (right, y - 16), (right, y - 2), (left, y - 2)]
      drawing.area(box.map { .init($0.0, $0.1) }, .background, opacity: 0.75)
      drawing.text(level.label, at: .init(frame.right - 4, y - 5), size: 11, .end, .quiet)
    }
  }

  private func axes(_ frame: ChartFrame, _ drawing: inout ChartDrawing) {
    let yTicks = frame.y.ticks(6)
    for (tick, label) in zip(yTicks, ChartScale.labels(yTicks)) {
      let y = frame.place(frame.x.low, tick).y
      drawing.line([.init(frame.left, y), .init(frame.right, y)], .grid)
      drawing.text(label, at: .init(frame.left - 7, y + 4), size: 12, .end, .quiet)
    }
    let xTicks = frame.x.ticks(Int((frame.right - frame.left) / 90))
    for (tick, label) in zip(xTicks, ChartScale.labels(xTicks)) {
      let x = frame.place(tick, frame.y.low).x
      drawing.line([.init(x, frame.bottom), .init(x, frame.bottom + 5)], .axis)
      drawing.text(label, at: .init(x, frame.bottom + 19), size: 12, .middle, .quiet)
    }
    drawing.line([.init(frame.left, frame.top), .init(frame.left, frame.bottom)], .axis)
    drawing.line([.init(frame.left, frame.bottom), .init(frame.right, frame.bottom)], .axis)
  }

  /// The single seeds, thin and pale.
  private func draw(seeds curve: GroupCurve, _ color: Int, _ frame: ChartFrame, _ drawing: inout ChartDrawing) {
    guard curve.seeds.count == 1, curve.seedCount > 1 else { return }
    for seed in curve.seeds[0] {
      let points = seed.points.filter { $0.x <= until && (!isLogarithmic || $0.x > 0) }.map { frame.place($0.x, $0.y) }
      let ending = seed.state.map { ", \($0.rawValue)" } ?? ""
      drawing.group("\(curve.name), seed \(seed.seed)\(ending)") { drawing in
        for part in frame.clipped(points) { drawing.line(part, .seed(color), width: 0.9) }
        // A run that failed ends in a cross.
        if let state = seed.state, state == .failed || state == .diverged, let end = frame.pressed(points).last {
          for side in [-1.0, 1] {
            drawing.line(
              [.init(end.x - 4, end.y - 4 * side), .init(end.x + 4, end.y + 4 * side)], .group(color), width: 1.6)
          }
        }
      }
    }
  }

  private func draw(band curve: GroupCurve, _ color: Int, _ frame: ChartFrame, _ drawing: inout ChartDrawing) {
    let points = curve.points.filter { $0.band != nil }
    let upper = points.map { frame.place($0.x, $0.band?.high ?? $0.value) }
    let lower = points.map { frame.place($0.x, $0.band?.low ?? $0.value) }
    drawing.area(frame.pressed(upper + lower.reversed()), .group(color), opacity: 0.18)
  }

  private func draw(line curve: GroupCurve, _ color: Int, _ frame: ChartFrame, _ drawing: inout ChartDrawing) {
    let isDashed = color >= ChartTheme.groupColors
    let whole = curve.points.filter(\.isWhole).map { frame.place($0.x, $0.value) }
    // Where seeds have ended it goes on thinner, from the last place where all were there.
    let rest = curve.points.drop(while: \.isWhole).map { frame.place($0.x, $0.value) }
    drawing.group("\(curve.name), \(curve.seedCount) seeds") { drawing in
      for part in frame.clipped(whole) {
        drawing.line(part, .group(color), width: 2.4, isDashed: isDashed)
        if part.count == 1 || part.count <= 30 && !isDashed {
          for point in part { drawing.disc(point, radius: part.count == 1 ? 4 : 2.6, .group(color)) }
        }
      }
      if !rest.isEmpty {
        for part in frame.clipped(Array(whole.suffix(1)) + rest) {
          drawing.line(part, .group(color), width: 1.4, isDashed: true)
        }
      }
    }
  }

  /// Points of others: hollow marks with their intervals, joined by dashes, the name at the last one.
  private func draw(_ curve: PublishedCurve, _ index: Int, _ frame: ChartFrame, _ drawing: inout ChartDrawing) {
    let shown = curve.points.filter { $0.x >= frame.x.low && $0.x <= frame.x.high }
    let points = shown.map { frame.place($0.x, $0.value) }
    guard let last = points.last else { return }
    drawing.group("\(curve.name), published") { drawing in
      for (point, place) in zip(shown, points) {
        if let low = point.low, let high = point.high {
          let ends = frame.pressed([frame.place(point.x, low), frame.place(point.x, high)])
          drawing.line(ends, .quiet, width: 1.2)
        }
        if place.y >= frame.top && place.y <= frame.bottom {
          drawing.disc(place, radius: 4.2, .quiet)
          drawing.disc(place, radius: 2.6, .background)
        }
      }
      for part in frame.clipped(points) { drawing.line(part, .quiet, width: 1.2, isDashed: true) }
      let isLeft = last.x > (frame.left + frame.right) / 2
      let place = ChartDrawing.Point(last.x + (isLeft ? -8 : 8), last.y.clipped(frame.top + 10, frame.bottom - 4) - 7)
      drawing.text(curve.name, at: place, size: 11, isLeft ? .end : .start, .quiet)
    }
  }
}
