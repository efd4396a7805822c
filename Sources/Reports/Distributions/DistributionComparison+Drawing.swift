import Support

/// A comparison as pictures: a histogram of every column, one outline for each file.
extension DistributionComparison {
  private static let bins = 40
  private static let panel = (width: 300.0, height: 170.0)
  private static let perRow = 3

  /// Edges from the lowest to the highest .1 and 99.9 % of all files, so that single outliers do not flatten the rest.
  private func range(_ column: Int) -> ClosedRange<Double> {
    let values = ([reference] + others).map { $0.columns[column].values.sorted() }
    let low = values.map { ScoreStatistics.percentile(0.001, ofSorted: $0) }.min() ?? 0
    let high = values.map { ScoreStatistics.percentile(0.999, ofSorted: $0) }.max() ?? 1
    return high > low ? low...high : low - 0.5...low + 0.5
  }

  /// The share of each bin; what lies outside counts in the bin at that end.
  private static func shares(_ values: [Double], _ range: ClosedRange<Double>) -> [Double] {
    var counts = [Int](repeating: 0, count: bins)
    let width = (range.upperBound - range.lowerBound) / Double(bins)
    for value in values {
      counts[min(bins - 1, max(0, Int(((value - range.lowerBound) / width).rounded(.down).clipped(-1, 1e6))))] += 1
    }
    return counts.map { Double($0) / Double(values.count) }
  }

  /// All histograms.
  package var drawing: ChartDrawing {
    let (panel, perRow) = (DistributionComparison.panel, DistributionComparison.perRow)
    let files = [reference] + others
    let rows = (reference.columns.count + perRow - 1) / perRow
    var drawing = ChartDrawing(
      width: panel.width * Double(min(perRow, reference.columns.count)), height: 44 + panel.height * Double(rows),
      title: "Distributions of \(names.joined(separator: ", "))")
    var x = 16.0
    for (index, name) in names.enumerated() {
      drawing.line([.init(x, 22), .init(x + 22, 22)], .group(index), width: 2.5)
      drawing.text(name, at: .init(x + 28, 26))
      x += 28 + StrokeFont.width(of: name, size: 12) + 28
    }
    for (column, own) in reference.columns.enumerated() {
      let (left, top) = (
        panel.width * Double(column % perRow) + 16, 44 + panel.height * Double(column / perRow) + 22
      )
      let (width, height) = (panel.width - 32, panel.height - 56)
      let range = range(column)
      let shares = files.map { DistributionComparison.shares($0.columns[column].values, range) }
      let most = shares.flatMap { $0 }.max() ?? 1
      drawing.group(own.name) { drawing in
        drawing.text(own.name, at: .init(left, top - 8), size: 12, isBold: true)
        for (index, shares) in shares.enumerated() {
          drawing.line(
            outline(shares, most, left, top, width, height), .group(index), width: index == 0 ? 2.5 : 1.5)
        }
        drawing.line([.init(left, top + height), .init(left + width, top + height)], .axis)
        for (value, anchor) in [(range.lowerBound, ChartDrawing.Anchor.start), (range.upperBound, .end)] {
          drawing.text(
            NumberText.short(value), at: .init(anchor == .start ? left : left + width, top + height + 15), size: 11,
            anchor, .quiet)
        }
      }
    }
    return drawing
  }

  private func outline(
    _ shares: [Double], _ most: Double, _ left: Double, _ top: Double, _ width: Double, _ height: Double
  ) -> [ChartDrawing.Point] {
    var points = [ChartDrawing.Point(left, top + height)]
    for (bin, share) in shares.enumerated() {
      let y = top + height * (1 - share / most)
      points.append(.init(left + width * Double(bin) / Double(shares.count), y))
      points.append(.init(left + width * Double(bin + 1) / Double(shares.count), y))
    }
    return points + [.init(left + width, top + height)]
  }
}
