import Experiments
import Foundation
import Reports
import Support
import TestSupport
import Testing

/// Curves over seeds: which places, which numbers, which groups.
@Suite struct LearningCurvesTests {
  private let runs = RunFolder()

  private func curve(_ points: [(Double, Double)], seed: Int = 0) -> SeedCurve {
    SeedCurve(seed: seed, points: points.map { .init($0.0, $0.1) })
  }

  @Test func aSeedBetweenItsPoints() {
    let one = curve([(0, 1), (10, 3), (20, -1)])
    #expect(one.value(at: 0) == 1 && one.value(at: 5) == 2 && one.value(at: 10) == 3 && one.value(at: 15) == 1)
    #expect(one.value(at: -1) == nil && one.value(at: 21) == nil && one.value(at: 21, holding: true) == -1)
    #expect(one.smoothed(over: 2).points.map(\.y) == [1, 2, 1] && one.smoothed(over: 1) == one)
    #expect(curve([]).value(at: 0) == nil)
  }

  /// From where all have begun to where fewer than half are left; what is incomplete says so.
  @Test func whereACurveIs() {
    let seeds = [
      curve([(1, 1), (2, 2), (3, 3)]), curve([(2, 4), (4, 4)], seed: 1), curve([(1, 0), (2, 0)], seed: 2),
    ]
    let group = GroupCurve("a", [seeds + [curve([], seed: 3)]], .mean)
    #expect(group.points.map(\.x) == [2, 3] && group.seedCount == 3)
    #expect(group.points.map(\.value) == [2, 3.5] && group.points.map(\.isWhole) == [true, false])
    #expect(group.points.map(\.seeds) == [3, 2])
    let held = GroupCurve("a", [seeds], .mean, holding: true)
    #expect(held.points.map(\.x) == [2, 3, 4] && held.points.allSatisfy(\.isWhole))
    #expect(held.points.last?.value == 7.0 / 3)
    #expect(GroupCurve("a", [seeds], .mean, until: 2).points.map(\.x) == [2])
    #expect(GroupCurve("a", [[curve([])]], .mean).points.isEmpty)
  }

  @Test func bandsHoldTheValueAndAreTheSame() throws {
    let seeds = (0..<5).map { seed in curve([(1, Double(seed)), (2, Double(seed * seed))], seed: seed) }
    let group = GroupCurve("a", [seeds], .mean)
    for point in group.points {
      let band = try #require(point.band)
      #expect(band.low < point.value && point.value < band.high)
    }
    #expect(group.points == GroupCurve("a", [seeds], .mean).points)
    #expect(GroupCurve("a", [[seeds[2]]], .mean).points.allSatisfy { $0.band == nil && $0.isWhole })
    // int(5/4) is left out at both ends.
    #expect(GroupCurve("a", [seeds], .iqm).points.map(\.value) == [2, 14.0 / 3])
  }

  @Test func manyPlacesAreThinnedOut() {
    let long = curve((1...1000).map { (Double($0), Double($0)) })
    let group = GroupCurve("a", [[long]], .mean)
    #expect(group.points.count == 100 && group.points.first?.x == 1 && group.points.last?.x == 1000)
    #expect(group.points.allSatisfy { abs($0.value - $0.x) < 1e-9 })
    let spread = GroupCurve("a", [[long]], .mean, isLogarithmic: true).points.map(\.x)
    #expect(spread.count == 100 && spread[50] < 40 && spread.last == 1000)
  }

  @Test func groupsOfArguments() throws {
    let a = try runs.run("all/a", [.init(curve: [(100, 1, 1)]), .init(curve: [(100, 1, 1)])])
    let b = try runs.run("all/b", task: "CartPole-v1", name: "a", [.init(curve: [(100, 1, 1)])])
    let c = try runs.run("deep/x/c", [.init(curve: [(100, 1, 1)])])
    let all = "\(runs.folder.path)/all"
    #expect(try RunGroup.named(by: [a]).map(\.name) == ["a"])
    // One name on two tasks is one group.
    let both = try RunGroup.named(by: [all])
    #expect(both.map(\.name) == ["a"] && both[0].runs.map(\.task) == ["CartPole-v1", "Pendulum-v1"])
    #expect(try RunGroup.named(by: ["mine=\(all)/", "other=\(c)"]).map(\.name) == ["mine", "other"])
    #expect(try RunGroup.named(by: ["\(runs.folder.path)/deep"]).map(\.name) == ["x"])
    #expect(try RunGroup.named(by: ["\(a)/seed-1"])[0].runs[0].seeds == [1])
    #expect(try RunGroup.named(by: ["x=\(a)", "x=\(b)"]).map(\.runs.count) == [2])
    for arguments in [["x=\(a)", "x=\(c)"], ["\(all)/none"], ["\(a)/seed-0/eval.csv"], ["x=\(a)/seed-0/checkpoints"]] {
      #expect(throws: ExperimentError.self) { try RunGroup.named(by: arguments) }
    }
  }

  @Test func columnsAndAxes() throws {
    let path = try runs.run("a", [.init(curve: [(100, -5, 30), (200, -3, 60)])])
    let groups = try RunGroup.named(by: [path])
    #expect(try CurveColumn.named("return_mean", in: groups) == .evaluation)
    #expect(try CurveColumn.named("progress:critic_loss", in: groups).file == "progress.csv")
    for name in ["critic_los", "eval.csv:critic_loss", "evil.csv:return_mean"] {
      #expect(throws: ExperimentError.self) { try CurveColumn.named(name, in: groups) }
    }
    let run = groups[0].runs[0]
    #expect(try CurveColumn.evaluation.curve(run, seed: 0, .time).points.map(\.x) == [30, 60])
    #expect(try CurveColumn.evaluation.curve(run, seed: 0, .updates).points.map(\.x) == [200, 400])
    let loss = try CurveColumn.named("critic_loss", in: groups).curve(run, seed: 0, .steps)
    #expect(loss.points == [.init(100, 0.01), .init(200, 0.005)])
  }

  /// Rows of one step count once, the last of them; what is not finite or missing does not; a half row neither.
  @Test func unevenTables() throws {
    let path = try runs.run("a", [.init(curve: [(100, -5, 30)])])
    let table = "env_step,iteration,val_loss,wall_s\n5,0,3,1\n5,0,2,1\n7,1,nan,2\n8,1,,2\n9,1,1,3\n12,1,4"
    try FileSystem.writeAtomically(table, to: "\(path)/seed-0/model.csv")
    let groups = try RunGroup.named(by: [path])
    let column = try CurveColumn.named("val_loss", in: groups)
    #expect(try column.curve(groups[0].runs[0], seed: 0, .steps).points == [.init(5, 2), .init(9, 1)])
    try FileSystem.writeAtomically("env_step,iteration,val_loss\n5,0,x\n", to: "\(path)/seed-0/model.csv")
    #expect(throws: CSVError.self) { try column.curve(groups[0].runs[0], seed: 0, .steps) }
    try FileSystem.writeAtomically("env_st", to: "\(path)/seed-0/model.csv")
    #expect(try column.curve(groups[0].runs[0], seed: 0, .steps).points.isEmpty)
  }

  @Test func publishedPoints() throws {
    let path = runs.folder.write(
      "system,task,steps,return_mean,return_low,return_high,seeds\nB,gym/Hopper,300,2,1,3,5\nA,gym/Hopper,100,1,,,5\n"
        + "B,gym/Hopper,200,1,0,2,5\nB,dmc/dog-run,1,1,1,1,1\n", to: "published.csv")
    let all = try PublishedCurve.read(path, systems: nil)
    #expect(all.map(\.curve.name) == ["B", "A", "B"] && all[0].curve.points.map(\.x) == [200, 300])
    #expect(try PublishedCurve.read(path, systems: ["A"]).map(\.task) == ["gym/Hopper"])
    #expect(throws: CSVError.self) { try PublishedCurve.read(path, systems: ["C"]) }
    #expect(PublishedCurve.isTask("gym/Hopper", "Hopper-v5") && PublishedCurve.isTask("dmc/dog-run", "dog-run"))
    #expect(!PublishedCurve.isTask("gym/Humanoid-45obs", "Humanoid-v5") && !PublishedCurve.isTask("a/Ant", "Hopper-v5"))
  }

  /// Tasks on one scale are one curve, resampled task by task.
  @Test func tasksTogether() throws {
    let a = try runs.run("x/a", (0..<2).map { .init(curve: [(100, -10 * Double($0), 1), (200, -5, 2)]) })
    _ = try runs.run("x/b", task: "CartPole-v1", [.init(curve: [(100, 100, 1), (200, 300, 2)])])
    let references = runs.folder.write("task,low,high\nPendulum-v1,-10,0\nCartPole-v1,0,400\n", to: "references.csv")
    var curves = LearningCurves()
    curves.references = references
    let groups = try RunGroup.named(by: ["x=\(runs.folder.path)/x"])
    let chart = try curves.chart(groups) { Issue.record("\($0)") }
    #expect(chart.panels.count == 1 && chart.yTitle == "normalized evaluation return")
    let curve = chart.panels[0].curves[0].curve
    // The mean of the tasks' means: (0.25 + 0.5)/2, (0.75 + 0.5)/2.
    #expect(curve.points.map(\.value) == [0.375, 0.625] && curve.points.allSatisfy(\.isWhole))
    // One task has one seed, and is always drawn with it; the other's mean is 0, 0.5 or 1.
    #expect(curve.points[0].band == .init(low: 0.125, high: 0.625) && curve.points[1].band?.low == 0.625)
    #expect(chart.legend.map(\.label) == ["x (1–2 seeds)"])
    var notes: [String] = []
    let both = try RunGroup.named(by: ["x=\(runs.folder.path)/x", "a=\(a)"])
    #expect(try curves.chart(both) { notes.append($0) }.panels[0].title.isEmpty && notes[0].contains("CartPole-v1"))
    curves.axis = .time
    #expect(throws: ExperimentError.self) { try curves.chart(groups) { _ in } }
  }

  @Test func whatIsLeftOutIsSaid() throws {
    let path = try runs.run(
      "a",
      [.init(curve: [(100, -5, 30)]), .init(curve: [], state: .running), .init(curve: [(50, -9, 3)], state: .failed)])
    let groups = try RunGroup.named(by: [path])
    var notes: [String] = []
    let chart = try LearningCurves().chart(groups) { notes.append($0) }
    #expect(
      notes.count == 2 && notes[0].contains("seed 1") && notes[0].contains("running") && notes[1].contains("failed"))
    #expect(
      chart.legend.map(\.label) == ["a (2 seeds)"] && chart.caption.contains("unreliable") && chart.remarks.count == 2)
    let empty = try RunGroup.named(by: [try runs.run("b", [.init(curve: [])])])
    #expect(throws: ExperimentError.self) { try LearningCurves().chart(empty) { _ in } }
  }
}
