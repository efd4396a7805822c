import Experiments
import Reports
import Support
import TestSupport
import Testing

@Suite struct RunListTests {
  private let folder = TemporaryFolder()

  /// A run as `train` leaves it, as far as the list reads it.
  private func run(_ name: String, _ overrides: [String], seeds: [(RunStatus.State, step: Int, mean: Double?)]) throws {
    let document: JSON = ["environment": ["id": "Pendulum-v1"], "agent": ["type": "pets"]]
    let experiment = try ExperimentFile.read(document, name: name, source: "test", overrides: overrides)
    let path = "\(folder.path)/\(ConfigurationIdentity.directoryName(experiment.resolved, name: name))"
    _ = try RunDirectory(path).create(experiment.resolved)
    for (seed, (state, step, mean)) in seeds.enumerated() {
      try FileSystem.createFolder("\(path)/seed-\(seed)")
      let status: JSON = ["status": .string(state.rawValue), "step": .integer(step), "total": .integer(100)]
      try FileSystem.writeAtomically(status.prettyText, to: "\(path)/seed-\(seed)/status.json")
      let table = try CSVFile(creating: "\(path)/seed-\(seed)/eval.csv", columns: EvaluationRow.columns)
      var row = EvaluationRow()
      for (step, value) in [(50, -1000), (step, mean)] {
        guard let value else { continue }
        (row.step, row.mean) = (step, value)
        try table.append(row.cells)
      }
    }
  }

  @Test func runsAndTheirDifferences() throws {
    try run("a", ["planner.horizon=5"], seeds: [(.done, 100, -2), (.done, 100, -4)])
    try run("a", ["planner.horizon=7", "threads=2"], seeds: [(.done, 100, -1), (.interrupted, 60, nil)])
    try run("b", [], seeds: [])
    try FileSystem.createFolder("\(folder.path)/no-run")
    let list = try RunList(in: folder.path) { Issue.record("\($0)") }
    #expect(list.entries.count == 3)
    let five = try #require(list.entries.first { $0.differing.first?.value == .integer(5) })
    #expect(five.differing.map(\.path) == ["planner.horizon"])
    #expect(five.spread == Spread([-2, -4]))
    #expect("\(try #require(five.spread))" == "-3 ± 1")
    let seven = try #require(list.entries.first { $0.differing.first?.value == .integer(7) })
    #expect(seven.status == "1 done, 1 interrupted")
    #expect(seven.steps == [100, 60])
    let lines = list.lines
    #expect(lines.count == 4)
    #expect(lines.contains { $0.contains("pets   Pendulum-v1") && $0.hasSuffix("-3 ± 1  planner.horizon=5") })
    #expect(lines.contains { $0.contains("60–100") })
    let csv = try CSVTable.read(folder.write(String(decoding: list.csv, as: UTF8.self), to: "list.csv"))
    #expect(
      try csv.texts("settings").compactMap { $0 }.filter { !$0.isEmpty }.sorted() == [
        "planner.horizon=5", "planner.horizon=7",
      ])
    #expect(list.json.count == 3)
  }

  @Test func whatIsNoRunIsSaid() throws {
    #expect(throws: ExperimentError.self) { try RunList(in: "\(folder.path)/none") { _ in } }
    #expect(try RunList(in: folder.path) { _ in }.lines.isEmpty)
    try run("a", [], seeds: [(.done, 100, 3)])
    let path = "\(folder.path)/\(try #require(try FileSystem.list(folder.path).first))"
    #expect(try RunList(in: path) { _ in }.entries.map(\.directory) == [path])
    try FileSystem.writeAtomically("{", to: "\(path)/config.json")
    var skipped: [String] = []
    #expect(try RunList(in: folder.path) { skipped.append($0) }.entries.isEmpty)
    #expect(skipped.count == 1 && skipped[0].contains("config.json"))
  }
}
