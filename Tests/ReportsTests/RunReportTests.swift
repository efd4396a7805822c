import Experiments
import Foundation
import Reports
import Support
import TestSupport
import Testing

/// The page about runs: what it says, and that nothing in it comes from elsewhere.
@Suite struct RunReportTests {
  private let runs = RunFolder()

  private func report(level: Double? = -200) throws -> RunReport {
    let a = try runs.run(
      "a", settings: ["type": "sac", "discount": .number(JSONNumber(0.99)), "only": "here"],
      [
        .init(curve: [(100, -900, 10), (200, -150, 20), (300, -170, 30)]),
        .init(curve: [(100, -800, 10), (300, -250, 30)], state: .failed, reason: "</script><b>\u{1}&"),
        .init(curve: [], state: .running),
      ])
    let b = try runs.run(
      "b", settings: ["type": "sac", "discount": .number(JSONNumber(0.9))],
      (0..<3).map { .init(curve: [(100, -190 - Double($0), 10), (200, -100, 60)]) })
    return try RunReport(
      try RunGroup.named(by: ["<i>a=\(a)", "b=\(b)"]), title: nil, level: level)
  }

  @Test func numbers() throws {
    let report = try report()
    #expect(report.rows.map(\.group) == ["<i>a", "b"] && report.rows.map(\.agent) == ["sac", "sac"])
    let (a, b) = (report.rows[0], report.rows[1])
    #expect(a.finals == [-170, -250] && a.bests == [-150, -250] && a.seeds[0].best?.step == 200)
    #expect(a.stepsToLevel?.median == .infinity && a.stepsToLevel?.reached == 1)
    #expect(b.stepsToLevel?.median == 100 && b.stepsToLevel?.reached == 3)
    #expect(b.finalEstimate?.value == -100 && b.finalEstimate?.interval == .init(low: -100, high: -100))
    #expect(a.seeds[0].seconds == 30 && a.seeds[0].stepsPerSecond == 10 && a.seeds[0].processorSeconds == 60)
    #expect(a.seeds.map(\.status) == ["done", "failed", "running"])
    #expect(report.charts.count == 2 && report.conclusions.joined().contains("b is better than <i>a"))
  }

  @Test func thePage() throws {
    let html = try report().html
    #expect(html == (try report().html))
    for text in [
      "&lt;i&gt;a", "✗ failed: &lt;/script&gt;&lt;b&gt;\u{FFFD}&amp;", "1 of 6 seeds failed", "agent.discount", "0.99",
      "agent.only", "running", "not reached", "selected", "host-0; host-1; host-2", "mbrl train &#39;a b.json&#39;",
      "aria-live", "prefers-color-scheme: dark", "mbrl diagnose",
    ] { #expect(html.contains(text), "\(text)") }
    // No address but the name of SVG, no element that loads anything, and no text that ends a script.
    let addresses = html.components(separatedBy: "http").dropFirst().map { $0.prefix(20) }
    #expect(addresses.allSatisfy { $0.hasPrefix("://www.w3.org/2000/s") || $0.hasPrefix("-equiv") })
    for name in ["src=", "<link", "<img", "@import", "url(", "<i>", "<b>", "fetch("] {
      #expect(!html.contains(name), "\(name)")
    }
    #expect(html.components(separatedBy: "</script>").count == 4)
  }

  @Test func aDiagnosisIsEmbedded() throws {
    var report = try report()
    report.diagnosis = "error <0.3>"
    #expect(report.html.contains("<pre>error &lt;0.3&gt;</pre>"))
  }

  /// Runs without a checkpoint or a model are named, and the page is made.
  @Test func runsWithoutAModelAreNamed() throws {
    var report = try report()
    let before = report.notes.count
    try report.diagnose(Diagnosis.Settings())
    #expect(report.models.isEmpty && report.notes.count == before + report.rows.count)
    #expect(report.notes.last?.contains("not diagnosed") == true && report.html.contains("Not measured"))
  }

  @Test func oneRunWithoutEvaluations() throws {
    let path = try runs.run("empty", [.init(curve: [], state: .interrupted)])
    let report = try RunReport(try RunGroup.named(by: [path]), title: "None", level: nil)
    #expect(report.charts.isEmpty && report.conclusions.isEmpty)
    #expect(report.html.contains("No seed has an evaluation yet") && report.html.contains("interrupted"))
  }
}
