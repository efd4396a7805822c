import Experiments
import Foundation
import Reports
import Support

/// `mbrl plot`.
enum PlotVerb: Verb {
  static let syntax = CommandSyntax(
    "plot", "learning curves of runs, in the terminal or as a picture", operands: ["[NAME=]RUN", "[NAME=]RUN …"],
    operandCount: 1...1000,
    options: [
      .init("-o", "FILE", "FILE.svg or FILE.png instead of the terminal; - for SVG on standard output"),
      .init(
        "--x", "AXIS", "against steps (of the environment), time or updates (default: steps)",
        among: SeedCurve.Axis.self),
      .init(
        "--y", "COLUMN",
        "a column of eval.csv, episodes.csv, progress.csv or model.csv, where needed as progress.csv:COLUMN "
          + "(default: return_mean of eval.csv)"),
      .init("--statistic", "NAME", "mean or iqm over the seeds (default: mean)", among: GroupCurve.Statistic.self),
      .init("--hold", nil, "a seed that has ended keeps its last value, as where runs stop at a goal"),
      .init("--smooth", "N", "every seed's mean over N rows"),
      .init("--until", "X", "up to X of the axis only"),
      .init("--log-x", nil, "a logarithmic axis of x"),
      .init("--y-range", "LOW:HIGH", "what the axis of y shows"),
      .init(
        "--threshold", "Y", "a line where the task counts as solved (default: the environment's, where it has one)"),
      .init("--optimum", "Y", "a line at the best possible return"),
      .init(
        "--normalize", "FILE.csv", "columns task, low, high: returns that become 0 and 1, and all tasks one curve"),
      .init(
        "--published", "FILE.csv",
        "published points beside the curves: columns system, task, steps, return_mean, return_low, return_high"),
      .init("--systems", "NAME,…", "of --published these systems only"),
      .init("--title", "TEXT", "above the picture (default: the task)"),
      .init("--size", "WxH", "of one panel, in pixels (default: 720x440)"),
      .init(
        "--theme", "NAME", "light or dark; of SVG also reader: as the reader's system has it (default: light)",
        choices: ["light", "dark", "reader"]),
      .init("--follow", nil, "draw again whenever the runs have gone on, until all have ended"),
    ],
    discussion: [
      "A group has one colour: NAME=DIR, where DIR is a run or a folder of runs of different tasks, or each run that a "
        + "bare DIR holds. Several tasks are several panels. Bands are 95 % percentile intervals of 2,000 bootstrap "
        + "resamples of the seeds, by task, always the same ones: the same runs give the same bytes.",
      "In the terminal colours are left out under NO_COLOR, and marks take their place.",
    ],
    exitCodes: [.success, .failure, .usage],
    examples: [
      ("mbrl plot runs/pendulum-0123456789", "its curve, here and now"),
      (
        "mbrl plot sac=runs/sac-pendulum-0123456789 mbpo=runs/mbpo-pendulum-abcdef0123 -o curves.svg --hold",
        "two groups"
      ),
      ("mbrl plot runs/pendulum-0123456789 --y model.csv:val_loss --x time --follow", "the model's error, live"),
    ])

  static func run(_ arguments: ParsedArguments, _ console: Console) throws -> ExitCode {
    var curves = LearningCurves()
    curves.axis = try arguments.choice("--x") ?? .steps
    curves.statistic = try arguments.choice("--statistic") ?? .mean
    curves.smoothing = try arguments.integer("--smooth", in: 1...1_000_000) ?? 1
    curves.until = try arguments.number("--until", in: 0...Double.greatestFiniteMagnitude) ?? .infinity
    curves.threshold = try arguments.number("--threshold")
    curves.optimum = try arguments.number("--optimum")
    (curves.isHolding, curves.isLogarithmic) = (arguments.has("--hold"), arguments.has("--log-x"))
    curves.title = arguments.values["--title"]
    curves.yRange = try arguments.values["--y-range"].map(range)
    if let text = arguments.values["--size"] { curves.panelSize = try size(text) }
    curves.references = arguments.values["--normalize"]
    curves.published = try ReportVerb.published(arguments)
    let picture = try arguments.values["-o"].map { try PictureOutput($0, theme: arguments.values["--theme"]) }
    if picture == nil && arguments.values["--theme"] != nil {
      throw UsageError("--theme is about pictures: add -o FILE.svg")
    }
    let groups = try RunGroup.named(by: arguments.operands)
    if let column = arguments.values["--y"] { curves.column = try .named(column, in: groups) }
    if arguments.has("--follow") { return try follow(curves, groups, picture, arguments, console) }
    try show(try curves.chart(groups, note: console.warning), picture, console)
    return .success
  }

  private static func show(_ chart: Chart, _ picture: PictureOutput?, _ console: Console) throws {
    if let picture { return try picture.write(chart.drawing().drawing, console) }
    lines(chart).forEach(console.result)
  }

  private static func lines(_ chart: Chart) -> [String] {
    let terminal = Terminal(1, noColour: CommandLine.arguments.contains("--no-color"))
    let size = terminal.size
    var rows = max(8, min(24, (size.rows - 6 - chart.legend.count) / min(chart.panels.count, 2)))
    while true {
      let lines = TerminalChart(chart, columns: size.columns - 1, rows: rows, hasColour: terminal.hasColour).lines
      // What is to be drawn again in its place has to fit on the screen.
      if lines.count < size.rows || rows <= 5 || !terminal.isLive { return lines }
      rows -= 1
    }
  }

  /// Draws whenever something has changed, until every run has ended or a signal comes.
  private static func follow(
    _ curves: LearningCurves, _ groups: [RunGroup], _ picture: PictureOutput?, _ arguments: ParsedArguments,
    _ console: Console
  ) throws -> ExitCode {
    Signals.install()
    var groups = groups
    var (drawn, last): (Int, [String]?) = (0, nil)
    while true {
      // Read before the tables, so that the last rows of a run that ends meanwhile are drawn.
      let isOver = groups.allSatisfy { $0.runs.allSatisfy(\.hasEnded) }
      do throws(ExperimentError) {
        let chart = try curves.chart(groups) { _ in }
        let lines = lines(chart)
        if lines != last {
          if picture == nil, Terminal(1).isLive, drawn > 0 { console.result("\u{1B}[\(drawn + 1)A\u{1B}[J") }
          do { try show(chart, picture, console) } catch { throw ExperimentError(error) }
          (drawn, last) = (lines.count, lines)
        }
      } catch {
        // Nothing is there yet.
        guard case .usage = error, !isOver else { throw error }
      }
      if isOver || Signals.isStopRequested || console.isOutputClosed { return .success }
      Thread.sleep(forTimeInterval: 1)
      groups = try RunGroup.named(by: arguments.operands)
    }
  }

  private static func range(_ text: String) throws(UsageError) -> ClosedRange<Double> {
    let ends = text.split(separator: ":").compactMap { Double($0) }
    guard ends.count == 2, ends[0] < ends[1], ends.allSatisfy(\.isFinite) else {
      throw UsageError("--y-range: expected LOW:HIGH, as -1000:0; found \"\(text)\"")
    }
    return ends[0]...ends[1]
  }

  private static func size(_ text: String) throws(UsageError) -> (Double, Double) {
    let sides = text.split(separator: "x").compactMap { Int($0) }
    guard sides.count == 2, (200...4000).contains(sides[0]), (150...4000).contains(sides[1]) else {
      throw UsageError("--size: expected WIDTHxHEIGHT of 200x150 to 4000x4000, as 720x440; found \"\(text)\"")
    }
    return (Double(sides[0]), Double(sides[1]))
  }
}
