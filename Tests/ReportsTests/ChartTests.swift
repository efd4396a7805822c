import Experiments
import Foundation
import Reports
import Support
import TestSupport
import Testing

/// Charts as drawings, pictures and characters.
@Suite struct ChartTests {
  private let runs = RunFolder()

  private func chart(_ change: (inout LearningCurves) -> Void = { _ in }) throws -> Chart {
    let slow = try runs.run(
      "slow<&", (0..<3).map { .init(curve: [(100, -900, 10), (400, -300 + 10 * Double($0), 40)]) })
    let fast = try runs.run("fast", [.init(curve: [(100, -700, 9), (200, -100, 20)], state: .diverged)])
    var curves = LearningCurves()
    change(&curves)
    return try curves.chart(try RunGroup.named(by: [slow, "fast=\(fast)"])) { _ in }
  }

  @Test(arguments: [
    (0.0, 1.0, 5, ["0", "0.2", "0.4", "0.6", "0.8", "1"]), (-1700, 0, 6, ["-1500", "-1000", "-500", "0"]),
    (0, 25_000, 5, ["0", "5k", "10k", "15k", "20k", "25k"]), (0, 2e6, 4, ["0", "500k", "1M", "1.5M", "2M"]),
  ])
  func roundNumbers(low: Double, high: Double, count: Int, labels: [String]) {
    let ticks = ChartScale(low: low, high: high).ticks(count)
    #expect(ChartScale.labels(ticks) == labels)
  }

  @Test func logarithms() {
    let scale = ChartScale(low: 150, high: 30_000, isLogarithmic: true)
    #expect(ChartScale.labels(scale.ticks(8)) == ["200", "500", "1k", "2k", "5k", "10k", "20k"])
    #expect(scale.share(150) == 0 && abs(scale.share(30_000) - 1) < 1e-12 && scale.share(0) == 0)
    #expect(abs(scale.value(at: scale.share(1234)) - 1234) < 1e-9)
    #expect(ChartScale(low: 1, high: 1e12, isLogarithmic: true).ticks(5).count <= 5)
    #expect(ChartScale([3, 3], isLogarithmic: true).ticks(5).allSatisfy { $0 > 0 })
  }

  @Test func scalesOfAnything() {
    for values in [[], [5], [0], [.nan, 3, .infinity], [-1e300, 1e300], [1e-9, 2e-9]] as [[Double]] {
      let scale = ChartScale(values)
      #expect(scale.low < scale.high && !scale.ticks(5).isEmpty)
    }
  }

  @Test func sameBytesAndNothingOdd() throws {
    let drawing = try chart { $0.optimum = -90 }.drawing().drawing
    let svg = drawing.svg(.theme(.light))
    #expect(svg == (try chart { $0.optimum = -90 }.drawing().drawing.svg(.theme(.light))))
    #expect(!svg.contains("nan") && !svg.contains("inf") && svg.contains("slow&lt;&amp; (3 seeds)"))
    #expect(svg.contains("optimum -90") && svg.contains("fast, seed 0") == false && svg.hasSuffix("</svg>\n"))
    let parser = XMLChecker(svg)
    #expect(parser.isWhole, "\(parser.fault)")
    for theme in ChartTheme.allCases { #expect(drawing.svg(.theme(theme)).contains(theme.code(.background))) }
    #expect(
      drawing.svg(.reader).contains("prefers-color-scheme: dark") && drawing.svg(.page).contains("var(--group-1)"))
    let raster = drawing.raster(.dark, scale: 1)
    #expect(raster[0, 0] == ChartTheme.dark.color(.background) && raster.width == 720)
    #expect(raster.pixels.contains(ChartTheme.dark.color(.group(0)).code))
    #expect(raster.pixels.contains(ChartTheme.dark.color(.group(1)).code))
    #expect(PNG.bytes(raster, isCompressed: true).count * 10 < PNG.bytes(raster).count)
  }

  /// Nothing is drawn beyond the axes, whatever the range.
  @Test func rangesCutCurves() throws {
    let chart = try chart { $0.yRange = -500 ... -200 }
    let (drawing, frames) = chart.drawing()
    let frame = frames[0]
    for element in drawing.elements {
      guard case .line(let points, .group, let width, _) = element, points[0].x >= frame.left, width > 1 else {
        continue
      }
      if points[0].y < frame.top - 5 { continue }  // the legend
      #expect(points.allSatisfy { $0.y >= frame.top - 1 && $0.y <= frame.bottom + 1 })
    }
  }

  @Test func inATerminal() throws {
    let chart = try chart()
    for columns in [30, 57, 80, 200] {
      let plain = TerminalChart(chart, columns: columns, rows: 10, hasColour: false).lines
      #expect(plain.allSatisfy { $0.count <= columns && !$0.contains("\u{1B}") })
      #expect(plain.contains { $0.contains("●") } && plain.contains { $0.contains("▲ fast (1 seed): -100") })
      let coloured = TerminalChart(chart, columns: columns, rows: 10, hasColour: true).lines
      #expect(coloured.contains { $0.contains("\u{1B}[38;5;33m") } && coloured.count == plain.count)
    }
    var single = chart
    single.legend.removeLast()
    single.panels[0].curves.removeLast()
    let blocks = TerminalChart(single, columns: 60, rows: 10, hasColour: false).lines.joined()
    #expect(blocks.contains { "▘▝▀▖▌▞▛▗▚▐▜▄▙▟█".contains($0) } && !blocks.contains("●"))
  }
}

/// Whether a text is well-formed XML, as far as tags and entities go.
struct XMLChecker {
  let fault: String
  var isWhole: Bool { fault.isEmpty }

  init(_ text: String) { fault = XMLChecker.fault(text) ?? "" }

  private static func fault(_ text: String) -> String? {
    var open: [Substring] = []
    var rest = text[...]
    while let start = rest.firstIndex(of: "<") {
      for part in rest[..<start].split(separator: "&", omittingEmptySubsequences: false).dropFirst()
      where !["amp;", "lt;", "gt;", "quot;", "#39;"].contains(where: { part.hasPrefix($0) }) {
        return "&\(part.prefix(10))"
      }
      guard let end = rest[start...].firstIndex(of: ">") else { return "a tag without end" }
      let tag = rest[rest.index(after: start)..<end]
      let name = tag.drop { $0 == "/" }.prefix { $0.isLetter || $0.isNumber }
      if tag.hasPrefix("/") {
        if open.popLast() != name { return "</\(name)>" }
      } else if !tag.hasSuffix("/") {
        open.append(name)
      }
      rest = rest[rest.index(after: end)...]
    }
    return open.isEmpty ? nil : "open: \(open)"
  }
}
