import Support

/// A diagnosis as a page, and its first picture alone.
extension Diagnosis {
  /// Errors by how far the model looks ahead: what is measured, the bound, and saying that nothing moves.
  package var errorChart: Chart? {
    guard let openLoop else { return nil }
    func curve(_ name: String, _ values: [Double], high: [Double]? = nil) -> GroupCurve {
      let points = zip(openLoop.steps, values).filter { $0.1.isFinite }.map { SeedCurve.Point(Double($0.0), $0.1) }
      var curve = GroupCurve(name, [[SeedCurve(seed: manifest.seed, points: points)]], .mean)
      guard let high else { return curve }
      for index in curve.points.indices {
        let place = Int(curve.points[index].x) - openLoop.steps[0]
        guard high.indices.contains(place), high[place].isFinite else { continue }
        curve.points[index].band = Bootstrap.Interval(low: curve.points[index].value, high: high[place])
      }
      return curve
    }
    var curves = [
      (color: 0, curve: curve("measured error", openLoop.mean, high: openLoop.high)),
      (color: 2, curve: curve("nothing moves", openLoop.still)),
    ]
    let bounds = openLoop.steps.compactMap { bound($0) }
    if bounds.count == openLoop.steps.count { curves.insert((1, curve("bound", bounds)), at: 1) }
    // A bound that has left the picture tells no more.
    let most = (openLoop.high + openLoop.still).filter(\.isFinite).max() ?? 1
    let panel = Chart.Panel(
      title: "", curves: curves, published: [],
      levels: [Chart.Level(value: settings.tolerance, label: "tolerance \(NumberText.short(settings.tolerance))")])
    return Chart(
      title:
        "Open-loop error of \(manifest.agent) on \(manifest.environment), step \(NumberText.grouped(manifest.step))",
      caption:
        "Deviations of the observation, mean over \(openLoop.moments) moments of \(returns.count) episodes; the band "
        + "reaches to what 95 % stay below. Bound: ε (L^H − 1)/(L − 1).",
      xTitle: "steps ahead, from actions alone", yTitle: "error", panels: [panel],
      legend: curves.map { Chart.Entry(color: $0.color, label: $0.curve.name) }, yRange: 0...max(most * 1.05, 1e-9))
  }

  /// How much of what happens lies below every share of the predictions.
  private var calibrationChart: Chart? {
    guard let calibration else { return nil }
    func curve(_ name: String, _ values: [Double]) -> GroupCurve {
      let points = zip(calibration.expected, values).map { SeedCurve.Point($0, $1) }
      return GroupCurve(name, [[SeedCurve(seed: manifest.seed, points: points)]], .mean)
    }
    let curves = [
      (color: 0, curve: curve("this model", calibration.observed)),
      (color: 2, curve: curve("calibrated", calibration.expected)),
    ]
    return Chart(
      title: "Calibration", caption: "Expected calibration error \(NumberText.short(calibration.error)).",
      xTitle: "share of the prediction", yTitle: "share of what happens below it",
      panels: [Chart.Panel(title: "", curves: curves, published: [], levels: [])],
      legend: curves.map { Chart.Entry(color: $0.color, label: $0.curve.name) }, yRange: 0...1)
  }

  /// The whole page, without anything from elsewhere.
  package var html: String {
    func figure(_ chart: Chart?) -> String {
      chart.map { "<figure>\($0.drawing().drawing.svg(.page))</figure>" } ?? "<p>No episode is long enough.</p>"
    }
    let verdict = "<ul>" + verdict.map { "<li>\(MarkupText.escaped($0))</li>" }.joined(separator: "\n") + "</ul>"
    var sections = [
      (id: "verdict", title: "Verdict", body: verdict),
      (id: "horizon", title: "Looking ahead", body: figure(errorChart) + "\n" + columnTable.html),
    ]
    if calibration != nil {
      sections.append((id: "calibration", title: "How sure it is", body: figure(calibrationChart)))
    }
    if let regions, !regions.regions.isEmpty {
      sections.append((id: "places", title: "Where errors sit", body: regionTable(regions).html))
    }
    let text = lines.dropLast(self.verdict.count + 1).joined(separator: "\n")
    sections.append((id: "numbers", title: "Every number", body: "<pre>\(MarkupText.escaped(text))</pre>"))
    let mean = Spread(returns)?.description ?? "none"
    return Page(
      title: "What the model of \(manifest.agent) on \(manifest.environment) gets wrong",
      overview: "\(path), step \(NumberText.grouped(manifest.step)), seed \(manifest.seed). "
        + "\(returns.count) episodes that no training has seen: return \(mean).", alarm: nil, sections: sections
    ).html
  }

  private var columnTable: PageTable {
    var table = PageTable(
      caption: "Errors by column of the observation, root mean square, in its unit",
      headings: ["column", "one step", "share of its deviation", "after \(openLoop?.steps.count ?? 0) steps"])
    for column in worstColumns {
      let one = columnErrors.isEmpty ? openLoop?.columns.first?[column] : columnErrors[column]
      table.rows.append([
        .init(name(column)), .init(number: one), .init(number: one.map { $0 / columnDeviations[column] }),
        .init(number: openLoop?.columns.last?[column]),
      ])
    }
    if let rewardError {
      table.rows.append([
        .init("reward"), .init(number: rewardError),
        .init(number: rewardDeviation > 0 ? rewardError / rewardDeviation : nil), .init(number: openLoop?.reward.last),
      ])
    }
    return table
  }

  private func regionTable(_ regions: StateRegions) -> PageTable {
    var table = PageTable(
      caption: "Mean error of one step over the mean of all, in each quarter of every column's values",
      headings: ["column", "from", "to", "transitions", "error over the mean"])
    for region in regions.regions {
      table.rows.append([
        .init(name(region.column)), .init(number: region.low), .init(number: region.high),
        .init(number: Double(region.count)) { NumberText.grouped(Int($0)) }, .init(number: region.ratio),
      ])
    }
    return table
  }
}
