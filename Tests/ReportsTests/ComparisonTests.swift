import Experiments
import Foundation
import Reports
import Support
import TestSupport
import Testing

/// Groups of runs beside each other: what is read, what is said, what is left out.
struct ComparisonTests {
  private let folder = TemporaryFolder()

  /// A run with these evaluation curves, (step, mean), per seed.
  private func run(_ path: String, task: String, _ curves: [[(Int, Double)]]) throws -> String {
    let directory = "\(folder.path)/\(path)"
    for (seed, curve) in curves.enumerated() {
      try FileSystem.createFolder("\(directory)/seed-\(seed)")
      let rows = curve.map { step, mean -> [CSVFile.Cell?] in
        var row = EvaluationRow()
        (row.step, row.mean) = (step, mean)
        return row.cells
      }
      try FileSystem.writeAtomically(
        String(decoding: CSVFile.bytes(EvaluationRow.columns, rows), as: UTF8.self),
        to: "\(directory)/seed-\(seed)/eval.csv")
    }
    let settings: JSONObject = ["name": "run", "environment": ["id": .string(task)], "agent": ["type": "sac"]]
    try RunDirectory(directory).writeConfiguration(settings)
    return directory
  }

  private func group(
    _ name: String, _ folder: String, _ score: ScoreGroup.Score = .final, until: Int? = nil, level: Double? = nil
  ) throws -> ScoreGroup {
    try ScoreGroup(RunGroup.named(by: ["\(name)=\(folder)"])[0], score, until: until, level: level) { _ in }
  }

  @Test func scoresOfSeeds() throws {
    let path = try run("a", task: "Pendulum-v1", [[(100, -5), (200, 3), (300, 1)], [(100, 2)], []])
    var notes: [String] = []
    let all = try ScoreGroup(RunGroup.named(by: ["a=\(path)"])[0], .final, level: 2) { notes.append($0) }
    #expect(all.tasks[0].scores == [1, 2] && all.tasks[0].seeds == [0, 1] && all.tasks[0].steps == [200, 100])
    #expect(notes.count == 1 && notes[0].contains("seed 2 on Pendulum-v1"))
    #expect(try group("a", path, .best).tasks[0].scores == [3, 2])
    #expect(try group("a", path, .area).tasks[0].scores == [-1.0 / 3, 2])
    #expect(try group("a", path, until: 150).tasks[0].scores == [-5, 2])
    #expect(try group("a", path, until: 250, level: 2.5).tasks[0].steps == [200, .infinity])
  }

  @Test func folderOfTasks() throws {
    _ = try run("many/x", task: "Pendulum-v1", [[(100, 1)]])
    _ = try run("many/y", task: "CartPole-v1", [[(100, 2)], [(100, 4)]])
    let many = try group("m", "\(folder.path)/many")
    #expect(many.tasks.map(\.name) == ["CartPole-v1", "Pendulum-v1"] && many.tasks[0].scores == [2, 4])
    _ = try run("many/z", task: "CartPole-v1", [[(100, 2)]])
    #expect(throws: ExperimentError.self) { try group("m", "\(folder.path)/many") }
    #expect(throws: ExperimentError.self) { try group("m", "\(folder.path)/none") }
    try FileSystem.createFolder("\(folder.path)/empty")
    #expect(throws: ExperimentError.self) { try group("m", "\(folder.path)/empty") }
  }

  @Test func whatIsConcluded() throws {
    let slow = try run(
      "slow", task: "Pendulum-v1",
      (0..<6).map { [(100, -900), (400 + 10 * $0, -190), (500, -150 - $0 % 3)].map { ($0.0, Double($0.1)) } })
    let fast = try run(
      "fast", task: "Pendulum-v1",
      (0..<6).map { [(100, -900), (200, -190 + $0), (500, -120 - $0)].map { ($0.0, Double($0.1)) } })
    var notes: [String] = []
    let comparison = try #require(
      Comparison(
        [try group("slow", slow, level: -200), try group("fast", fast, level: -200)], gamma: nil, level: -200
      ) { notes.append($0) })
    #expect(notes.isEmpty && comparison.summaries[0].optimalityGap == nil)
    let pair = comparison.pairs[0]
    #expect(pair.improvement.value == 1 && pair.improvement.interval == .init(low: 1, high: 1))
    let speedup = try #require(pair.speedup)
    #expect(speedup.value == 425.0 / 200 && speedup.interval.low >= 2 && speedup.interval.high <= 2.25)
    let text = comparison.conclusions.joined(separator: " ")
    #expect(text.contains("fast is better than slow: IQM -122.5 against -151"))
    #expect(text.contains("fast reaches -200 in 2.13× fewer steps than slow (median 200 against 425"))
    #expect(text.contains("6 of 6 seeds") && !text.contains("unreliable"))
    #expect(comparison.summaries[1].profile.first!.value == 1 && comparison.summaries[1].profile.last!.value == 0)
    let reversed = try #require(
      Comparison(
        [try group("fast", fast, level: -200), try group("slow", slow, level: -200)], gamma: nil, level: -200
      ) { _ in })
    let words = reversed.conclusions.joined(separator: " ")
    #expect(words.contains("slow is worse than fast") && words.contains("slow reaches -200 in 2.13× more steps"))
    let table = try CSVTable(comparison.csv)
    #expect(table.columns == ["group", "other", "statistic", "level", "value", "low", "high"])
    #expect(table.rowCount == 2 * 3 + 2 + 2 * 101)
  }

  @Test func whatIsNotClearIsSaidSo() throws {
    let a = try run("a", task: "Pendulum-v1", [[(100, 1)], [(100, 3)]])
    let b = try run("b", task: "Pendulum-v1", [[(100, 2)], [(100, 2.5)]])
    let comparison = try #require(
      Comparison([try group("a", a, level: 9), try group("b", b, level: 9)], gamma: nil, level: 9) { _ in })
    let text = comparison.conclusions.joined(separator: " ")
    #expect(text.contains("b is not clearly different from a"))
    #expect(text.contains("With 2 runs such intervals are unreliable"))
    #expect(text.contains("9 is reached by 0 of 2 seeds of b, by 0 of 2 seeds of a"))
  }

  @Test func tablesOfScores() throws {
    let path = "\(folder.path)/scores.csv"
    func write(_ rows: String) throws { try FileSystem.writeAtomically("group,task,seed,score\n" + rows, to: path) }
    try write("a,t,0,1\na,t,1,3\nb,t,0,2\nb,u,0,5\nb,t,7,4\n")
    var groups = try ScoreGroup.read(path)
    #expect(groups.map(\.name) == ["a", "b"] && groups[1].tasks.map(\.scores) == [[2, 4], [5]])
    var notes: [String] = []
    let comparison = try #require(Comparison(groups, gamma: 1, level: nil) { notes.append($0) })
    #expect(comparison.tasks == ["t"] && notes == ["u is left out: b has it, and not every other"])
    #expect(comparison.summaries[0].optimalityGap?.value == 0)
    let references = "\(folder.path)/references.csv"
    try FileSystem.writeAtomically("task,low,high\nt,1,5\nu,0,10\n", to: references)
    for index in groups.indices { try groups[index].normalize(by: references) }
    #expect(groups[0].tasks[0].scores == [0, 0.5] && groups[1].tasks.map(\.scores) == [[0.25, 0.75], [0.5]])
    for rows in ["a,t,0,1\na,t,0,2\n", "a,t,0,nan\n", "a,t,x,1\n"] {
      try write(rows)
      #expect(throws: CSVError.self) { try ScoreGroup.read(path) }
    }
    try FileSystem.writeAtomically("task,low,high\nt,1,1\n", to: references)
    #expect(throws: CSVError.self) { try groups[0].normalize(by: references) }
    try FileSystem.writeAtomically("task,low,high\nv,0,1\n", to: references)
    #expect(throws: CSVError.self) { try groups[0].normalize(by: references) }
  }
}
