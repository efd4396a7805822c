import Support

/// Learning curves to be drawn: panels side by side, the same colours in all of them.
package struct Chart: Sendable {
  /// A line across a panel.
  package struct Level: Equatable, Sendable {
    package var value: Double
    package var label: String
  }

  /// One task.
  package struct Panel: Sendable {
    package var title: String
    /// Each with the index of its colour.
    package var curves: [(color: Int, curve: GroupCurve)]
    package var published: [PublishedCurve]
    package var levels: [Level]
  }

  /// A colour's name.
  package struct Entry: Equatable, Sendable {
    package var color: Int
    package var label: String
  }

  package var title: String
  /// How to read it, in small letters.
  package var caption: String
  /// The part of it that holds in a terminal, too.
  package var remarks: [String] = []
  package var xTitle, yTitle: String
  package var panels: [Panel]
  package var legend: [Entry]
  package var isLogarithmic = false
  /// What is shown at most; nil: what there is.
  package var yRange: ClosedRange<Double>?
  package var until = Double.infinity
  /// Of one panel, in pixels.
  package var panelSize: (width: Double, height: Double) = (720, 440)

  /// The axes of a panel.
  package func scales(_ panel: Panel) -> (x: ChartScale, y: ChartScale) {
    var (x, y): ([Double], [Double]) = ([], [])
    for curve in panel.curves.map(\.curve) {
      // Where two seeds or more have made a curve, outliers of single ones before it do not widen the axes.
      let lines = curve.seeds.flatMap { $0.flatMap(\.points) }.filter { $0.x <= until }
      x += curve.points.map(\.x) + lines.map(\.x)
      y += curve.points.flatMap { [$0.value, $0.band?.low ?? $0.value, $0.band?.high ?? $0.value] } + lines.map(\.y)
    }
    let most = x.max() ?? .infinity
    for point in panel.published.flatMap(\.points) where point.x <= min(until, max(most, point.x)) {
      x.append(point.x)
      y += [point.value, point.low ?? point.value, point.high ?? point.value]
    }
    y += panel.levels.map(\.value)
    let yScale = yRange.map { ChartScale(low: $0.lowerBound, high: $0.upperBound) } ?? ChartScale(y)
    return (ChartScale(x, isLogarithmic: isLogarithmic, margin: 0.02), yScale)
  }
}
