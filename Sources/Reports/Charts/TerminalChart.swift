import Support

/// A chart in a terminal, of quarter blocks: two by two points in every character.
package struct TerminalChart {
  /// By the bits of a character's quarters: upper left, upper right, lower left, lower right.
  private static let blocks = Array(" ▘▝▀▖▌▞▛▗▚▐▜▄▙▟█")
  /// What stands for groups where there are no colours.
  private static let marks = Array("●▲■◆○△□◇")
  /// The theme's colours as the nearest of 256.
  private static let palette = [33, 208, 36, 170, 178, 75, 130, 246]

  private struct Cell {
    var quarters = 0
    var color: Int?
    var sign: Character?
  }

  private let chart: Chart
  private let hasColour: Bool
  private let columns, rows: Int
  private let isMarked: Bool

  /// - Parameters:
  ///   - columns: how wide a line may be.
  ///   - rows: how high a panel's axes are, titles and legend not counted.
  package init(_ chart: Chart, columns: Int, rows: Int, hasColour: Bool) {
    (self.chart, self.hasColour) = (chart, hasColour)
    (self.columns, self.rows) = (max(columns, 30), max(rows, 5))
    isMarked = !hasColour && chart.legend.count > 1
  }

  /// One panel under the other, then what the colours or marks mean.
  package var lines: [String] {
    var lines: [String] = []
    for panel in chart.panels {
      let title = panel.title.isEmpty ? chart.title : panel.title
      lines += [Terminal.clipped("\(chart.yTitle) on \(title)", columns: columns)]
      lines += draw(panel)
    }
    lines.append("")
    for entry in chart.legend {
      let ends = chart.panels.flatMap { $0.curves }.filter { $0.color == entry.color }
        .compactMap { $0.curve.points.last.map { NumberText.short($0.value) } }
      let text = "\(entry.label)\(ends.isEmpty ? "" : ": \(ends.joined(separator: ", "))")"
      let sign = isMarked ? String(mark(entry.color)) : "━"
      lines.append("\(painted(sign, entry.color)) \(Terminal.clipped(text, columns: columns - 2))")
    }
    for level in chart.panels.first?.levels ?? [] { lines.append("╌ \(level.label)") }
    for name in Set(chart.panels.flatMap { $0.published.map(\.name) }).sorted() {
      lines.append("× \(Terminal.harmless(name)), published")
    }
    return lines + (chart.remarks.isEmpty ? [] : TerminalChart.wrapped(chart.remarks.joined(separator: " "), columns))
  }

  private static func wrapped(_ text: String, _ columns: Int) -> [String] {
    text.split(separator: " ").reduce(into: [String]()) { lines, word in
      if let last = lines.last, last.count + 1 + word.count <= columns {
        lines[lines.count - 1] = "\(last) \(word)"
      } else {
        lines.append(String(word))
      }
    }
  }

  private func draw(_ panel: Chart.Panel) -> [String] {
    let scales = chart.scales(panel)
    let yTicks = scales.y.ticks(max(2, rows / 3))
    let yLabels = ChartScale.labels(yTicks)
    let margin = (yLabels.map(\.count).max() ?? 1) + 1
    let width = max(10, columns - margin - 1)
    let cells = cells(panel, scales, width)
    var labels = [Int: String]()
    for (tick, label) in zip(yTicks, yLabels) {
      labels[((1 - scales.y.share(tick)) * Double(rows)).clipped(0, Double(rows) - 1).floored] = label
    }
    var lines: [String] = []
    for row in 0..<rows {
      var line = (labels[row] ?? "").leftPadded(to: margin - 1) + (labels[row] == nil ? " │" : " ┤")
      // Neighbours of one colour share its codes.
      var run: (text: String, color: Int?) = ("", nil)
      for cell in cells[row] {
        let character = cell.sign ?? TerminalChart.blocks[cell.quarters]
        if cell.color != run.color && character != " " {
          line += painted(run.text, run.color)
          run = ("", cell.color)
        }
        run.text.append(character)
      }
      while run.text.last == " " { run.text.removeLast() }
      lines.append(line + painted(run.text, run.color))
    }
    return lines + xAxis(scales.x, margin, width)
  }

  private func xAxis(_ scale: ChartScale, _ margin: Int, _ width: Int) -> [String] {
    let ticks = scale.ticks(max(2, width / 14))
    var axis = [Character](repeating: "─", count: width)
    var text = [Character](repeating: " ", count: width + margin + 1)
    for (tick, label) in zip(ticks, ChartScale.labels(ticks)) {
      let place = (scale.share(tick) * Double(width)).clipped(0, Double(width) - 1).floored
      axis[place] = "┬"
      let start = min(max(0, margin + 1 + place - label.count / 2), text.count - label.count)
      let isFree = text[max(0, start - 1)..<min(text.count, start + label.count + 1)].allSatisfy { $0 == " " }
      if isFree { for (index, character) in label.enumerated() { text[start + index] = character } }
    }
    var line = String(text)
    while line.last == " " { line.removeLast() }
    let title = chart.xTitle.leftPadded(to: margin + 1 + (width + chart.xTitle.count) / 2)
    return ["".padded(to: margin) + "└" + String(axis), line, title]
  }

  private func cells(_ panel: Chart.Panel, _ scales: (x: ChartScale, y: ChartScale), _ width: Int) -> [[Cell]] {
    var cells = [[Cell]](repeating: [Cell](repeating: Cell(), count: width), count: rows)
    for level in panel.levels {
      guard let row = row(level.value, scales.y, rows) else { continue }
      for column in 0..<width { cells[row][column].sign = "╌" }
    }
    for (color, curve) in panel.curves {
      let lines =
        curve.points.isEmpty
        ? curve.seeds.flatMap { $0.map(\.points) } : [curve.points.map { SeedCurve.Point($0.x, $0.value) }]
      for line in lines { draw(line, color, scales, &cells, width) }
    }
    for point in panel.published.flatMap(\.points) {
      guard let row = row(point.value, scales.y, rows), (0...1).contains(scales.x.share(point.x)) else { continue }
      let column = min(width - 1, (scales.x.share(point.x) * Double(width)).floored)
      cells[row][column] = Cell(color: nil, sign: "×")
    }
    return cells
  }

  /// The row of `count` in which a value lies; nil beyond the axis.
  private func row(_ value: Double, _ scale: ChartScale, _ count: Int) -> Int? {
    let share = scale.share(value)
    guard (0...1).contains(share) else { return nil }
    return min(count - 1, ((1 - share) * Double(count)).floored)
  }

  private func draw(
    _ points: [SeedCurve.Point], _ color: Int, _ scales: (x: ChartScale, y: ChartScale), _ cells: inout [[Cell]],
    _ width: Int
  ) {
    // Straight between the points as they lie on the axes.
    let curve = SeedCurve(seed: 0, points: points.map { .init(scales.x.share($0.x), $0.y) })
    guard let first = curve.points.first, let last = curve.points.last else { return }
    let places =
      Int(first.x * Double(2 * width))...max(Int(first.x * Double(2 * width)), Int(last.x * Double(2 * width)))
    var before: Int?
    for place in places where place >= 0 && place < 2 * width {
      let x = ((Double(place) + 0.5) / Double(2 * width)).clipped(first.x, last.x)
      guard let value = curve.value(at: x) else { continue }
      let height = ((1 - scales.y.share(value)) * Double(2 * rows)).clipped(-1, Double(2 * rows)).floored
      // Down or up from the place before, without that itself.
      let start = before.map { $0 == height ? height : $0 < height ? $0 + 1 : $0 - 1 } ?? height
      for y in min(start, height)...max(start, height) where y >= 0 && y < 2 * rows { set(y, place, color, &cells) }
      before = height
    }
  }

  private func set(_ y: Int, _ x: Int, _ color: Int, _ cells: inout [[Cell]]) {
    var cell = cells[y / 2][x / 2]
    if cell.color != color { cell = Cell(color: color) }
    cell.quarters |= 1 << (2 * (y % 2) + x % 2)
    cell.sign = isMarked ? mark(color) : nil
    cells[y / 2][x / 2] = cell
  }

  private func mark(_ color: Int) -> Character { TerminalChart.marks[color % TerminalChart.marks.count] }

  private func painted(_ text: String, _ color: Int?) -> String {
    guard hasColour, let color, text.contains(where: { $0 != " " }) else { return text }
    return "\u{1B}[38;5;\(TerminalChart.palette[color % TerminalChart.palette.count])m\(text)\u{1B}[0m"
  }
}

extension Double {
  /// Rounded down, as a whole number; the value must be one that fits.
  fileprivate var floored: Int { Int(rounded(.down)) }
}
