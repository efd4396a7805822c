import Experiments
import Support

extension RunReport {
  /// The whole page, without anything from elsewhere.
  package var html: String {
    let sections: [(id: String, title: String, body: String)] = [
      ("results", "Results", results), ("curves", "Learning curves", curvesSection), ("seeds", "Every seed", seedTable),
      ("settings", "Settings that differ", settings), ("model", "What the learned models get wrong", model),
      ("record", "Where and how it ran", record),
    ]
    return Page(title: title, overview: overview, alarm: alarm, sections: sections).html
  }

  private var seeds: [Seed] { rows.flatMap(\.seeds) }

  private var overview: String {
    let counts = seeds.count { $0.status == "done" }
    return "\(groups.count) \(groups.count == 1 ? "group" : "groups"), \(seeds.count) seeds, \(counts) of them done; "
      + "\(NumberText.grouped(seeds.reduce(0) { $0 + $1.step })) environment steps in "
      + "\(TimeText.duration(seeds.reduce(0) { $0 + ($1.seconds ?? 0) })) of work. Made by mbrl \(Version.program)."
  }

  /// What must not be overlooked.
  private var alarm: String? {
    let failed = rows.flatMap { row in
      row.seeds.filter(\.isFailed).map { "\(row.group) seed \($0.seed) on \(row.run.task) \($0.status)" }
    }
    return failed.isEmpty ? nil : "\(failed.count) of \(seeds.count) seeds failed: \(failed.joined(separator: "; "))."
  }

  private func badge(_ color: Int) -> String {
    "<span class=\"key\" style=\"background: var(--group-\(color % ChartTheme.groupColors))\"></span>"
  }

  // MARK: Results

  private var results: String {
    let hasLevel = rows.contains { $0.level != nil }
    var table = PageTable(
      caption:
        "Last evaluation of every seed: interquartile mean with its 95 % bootstrap interval, and mean ± standard "
        + "deviation. The best evaluation is selected, and so above what a new measurement would give.",
      headings: ["group", "task", "agent", "seeds", "final IQM", "95 % interval", "final mean", "best (selected)"]
        + (hasLevel ? ["steps to level"] : []) + ["work", "steps/s"])
    for row in rows {
      let estimate = row.finalEstimate
      let interval = estimate.map { "[\(NumberText.short($0.interval.low)), \(NumberText.short($0.interval.high))]" }
      var name = PageTable.Cell(row.group)
      name.badge = badge(row.color)
      var final = PageTable.Cell(Spread(row.finals)?.description, style: "number")
      final.key = Spread(row.finals)?.mean ?? -.infinity
      var best = PageTable.Cell(Spread(row.bests)?.description, style: "number")
      best.key = Spread(row.bests)?.mean ?? -.infinity
      var cells = [
        name, .init(row.run.task), .init(row.agent), PageTable.Cell(number: Double(row.seeds.count)),
        .init(number: estimate?.value), .init(interval, style: "number"), final, best,
      ]
      if hasLevel {
        let steps = row.stepsToLevel
        let reached = "(\(steps?.reached ?? 0) of \(row.seeds.count))"
        cells.append(
          .init(number: steps?.median) { "\($0.isFinite ? NumberText.grouped(Int($0)) : "not by half") \(reached)" })
      }
      let seconds = row.seeds.compactMap(\.seconds)
      let speeds = row.seeds.compactMap(\.stepsPerSecond)
      cells.append(.init(number: seconds.isEmpty ? nil : seconds.reduce(0, +)) { TimeText.duration($0) })
      cells.append(.init(number: speeds.isEmpty ? nil : Spread.median(speeds)))
      table.rows.append(cells)
    }
    if isOneTask { table.remove(column: 1) }
    var parts = [table.html]
    let levels = Set(rows.compactMap(\.level)).sorted().map(NumberText.short)
    if !levels.isEmpty {
      parts.append(
        "<p class=\"quiet\">Level: an evaluation mean of \(levels.joined(separator: ", ")) or more. Steps are the "
          + "median over all seeds, those that never get there included.</p>")
    }
    if !conclusions.isEmpty {
      parts.append("<ul>" + conclusions.map { "<li>\(MarkupText.escaped($0))</li>" }.joined(separator: "\n") + "</ul>")
    }
    if conclusions.isEmpty, rows.contains(where: { $0.seeds.count < 5 }) {
      parts.append("<p class=\"quiet\">With fewer than 5 seeds the intervals are unreliable.</p>")
    }
    return parts.joined(separator: "\n")
  }

  // MARK: Curves

  private var curvesSection: String {
    if charts.isEmpty { return "<p>No seed has an evaluation yet.</p>" }
    let figures = charts.map { chart -> String in
      let (drawing, frames) = chart.drawing()
      let title = MarkupText.escaped("\(chart.panels[0].title); arrow keys move through its values")
      return """
        <figure class="chart"><div role="group" tabindex="0" aria-label="\(title)">
        \(drawing.svg(.page))</div>
        <output aria-live="polite"></output>
        <script type="application/json">\(RunReport.data(chart, frames[0]))</script>
        </figure>
        """
    }
    let notes = notes.map { "<li>\(MarkupText.escaped($0))</li>" }.joined(separator: "\n")
    return figures.joined(separator: "\n") + (notes.isEmpty ? "" : "\n<ul class=\"quiet\">\(notes)</ul>")
  }

  /// What the script says of a chart; nothing in it can end the element that it stands in.
  private static func data(_ chart: Chart, _ frame: ChartFrame) -> String {
    let curves = chart.panels[0].curves.map { _, curve -> JSON in
      let points = curve.points.map { point -> JSON in
        [
          .finite(point.x), .finite(point.value), .finite(point.band?.low), .finite(point.band?.high),
          .integer(point.seeds),
        ]
      }
      return ["name": .string(curve.name), "points": .array(points)]
    }
    let document: JSON = [
      "title": .string(chart.xTitle),
      "frame": .array([frame.left, frame.right, frame.top, frame.bottom].map { .finite($0) }),
      "x": .array([.finite(frame.x.low), .finite(frame.x.high)]), "log": .bool(frame.x.isLogarithmic),
      "curves": .array(curves),
    ]
    return document.compactText.split(separator: "<", omittingEmptySubsequences: false).joined(separator: "\\u003c")
  }

  // MARK: Seeds

  private var seedTable: String {
    let hasLevel = rows.contains { $0.level != nil }
    var table = PageTable(
      caption: "One row per seed, failed ones included",
      headings: ["group", "task", "seed", "status", "steps", "last eval", "best eval", "best at step"]
        + (hasLevel ? ["steps to level"] : []) + ["work", "processor", "steps/s"])
    for row in rows {
      for seed in row.seeds {
        var name = PageTable.Cell(row.group)
        name.badge = badge(row.color)
        let mark = seed.isFailed ? "✗ " : ""
        let reason = seed.reason.map { ": \($0)" } ?? ""
        let status = PageTable.Cell("\(mark)\(seed.status)\(reason)", style: seed.isFailed ? "alarm" : nil)
        let steps = seed.total.map { $0 != seed.step ? " of \(NumberText.grouped($0))" : "" } ?? ""
        var cells = [
          name, .init(row.run.task), PageTable.Cell(number: Double(seed.seed)) { "\(Int($0))" }, status,
          .init(number: Double(seed.step)) { "\(NumberText.grouped(Int($0)))\(steps)" },
          .init(number: seed.last?.mean), .init(number: seed.best?.mean),
          .init(number: seed.best.map { Double($0.step) }) { NumberText.grouped(Int($0)) },
        ]
        if hasLevel {
          let steps = row.level.flatMap { seed.steps(to: $0) }
          cells.append(
            .init(number: steps.map(Double.init) ?? .infinity) {
              $0.isFinite ? NumberText.grouped(Int($0)) : "not reached"
            })
        }
        cells.append(.init(number: seed.seconds) { TimeText.duration($0) })
        cells.append(.init(number: seed.processorSeconds) { TimeText.duration($0) })
        cells.append(.init(number: seed.stepsPerSecond))
        if seed.isFailed { table.rowStyles[table.rows.count] = "failed" }
        table.rows.append(cells)
      }
    }
    if isOneTask { table.remove(column: 1) }
    return table.html
  }

  // MARK: Settings and record

  private var isOneTask: Bool { Set(rows.map(\.run.task)).count == 1 }

  private var runNames: [String] {
    rows.map { isOneTask ? $0.group : "\($0.group) on \($0.run.task)" }
  }

  private func factTable(_ caption: String, _ heading: String, _ facts: [RunSettings.Fact]) -> String {
    var table = PageTable(caption: caption, headings: [heading] + runNames)
    table.style = "facts"
    table.rows = facts.map { fact in [.init(fact.name)] + fact.values.map { .init($0) } }
    return table.html
  }

  private var settings: String {
    let settings = RunSettings(rows.map(\.run))
    guard rows.count > 1 else { return "<p>There is one run; \(settings.common) settings are in its config.json.</p>" }
    var parts: [String] = []
    parts.append(
      settings.differing.isEmpty
        ? "<p>No setting that all runs have differs.</p>"
        : factTable("Settings that every run has, where they are not the same", "setting", settings.differing))
    if !settings.partial.isEmpty {
      parts.append(
        "<details><summary>\(settings.partial.count) settings that only some runs have</summary>\n"
          + factTable("They follow from another choice, such as the agent", "setting", settings.partial) + "</details>")
    }
    parts.append("<p class=\"quiet\">\(settings.common) settings are the same in all runs.</p>")
    return parts.joined(separator: "\n")
  }

  private var record: String {
    factTable(
      "From run.json of every seed; what differs between sessions is listed", "fact",
      RunSettings.record(rows.map(\.run)))
  }
}
