import Experiments
import Reports
import Support

/// `mbrl report`.
enum ReportVerb: Verb {
  static let syntax = CommandSyntax(
    "report", "one page about runs: curves, tables, differences, failures", operands: ["[NAME=]RUN", "[NAME=]RUN …"],
    operandCount: 1...1000,
    options: [
      .init("-o", "FILE.html", "the page (default: report.html); - for standard output"),
      .init(
        "--level", "Y", "the return of which the steps to it are told (default: the environment's, where it has one)"),
      .init("--statistic", "NAME", "of the curves: mean or iqm (default: mean)", among: GroupCurve.Statistic.self),
      .init("--hold", nil, "in the curves a seed that has ended keeps its last value"),
      .init("--log-x", nil, "curves over a logarithmic axis"),
      .init("--published", "FILE.csv", "published points beside the curves, as mbrl plot takes them"),
      .init("--systems", "NAME,…", "of --published these systems only"),
      .init("--diagnose", nil, "what every run's model gets wrong: its first seed's, over five episodes"),
      .init("--diagnosis", "FILE", "a text about the models, as mbrl diagnose prints it"),
      .init("--title", "TEXT", "of the page (default: the tasks)"),
    ],
    discussion: [
      "The page is one file that needs no network: it can be sent, printed and kept. Tables sort by their headings, "
        + "charts tell their values under the pointer and by the arrow keys, colours follow the reader's system.",
      "Groups are those of mbrl plot; scores and intervals those of mbrl compare. The same runs give the same bytes.",
    ],
    exitCodes: [.success, .failure, .usage, .checkpoint, .interrupted],
    examples: [
      ("mbrl report runs/pendulum-0123456789 -o pendulum.html", "one run, all its seeds"),
      ("mbrl report sac=runs/sac-pendulum-0123456789 mbpo=runs/mbpo-pendulum-abcdef0123 --level -200", "two groups"),
      ("mbrl report runs/mbpo-pendulum-abcdef0123 --diagnose", "with what its model gets wrong"),
    ])

  static func run(_ arguments: ParsedArguments, _ console: Console) throws -> ExitCode {
    let output = try OutputPath(arguments.values["-o"] ?? "report.html")
    var curves = LearningCurves()
    curves.statistic = try arguments.choice("--statistic") ?? .mean
    (curves.isHolding, curves.isLogarithmic) = (arguments.has("--hold"), arguments.has("--log-x"))
    curves.published = try published(arguments)
    let level = try arguments.number("--level")
    let groups = try RunGroup.named(by: arguments.operands)
    var report = try RunReport(groups, title: arguments.values["--title"], level: level, curves: curves)
    if let path = arguments.values["--diagnosis"] {
      report.diagnosis = String(decoding: try FileSystem.read(path, limit: 1 << 24), as: UTF8.self)
    }
    if arguments.has("--diagnose") {
      Signals.install()
      var settings = Diagnosis.Settings()
      settings.shouldStop = { Signals.isStopRequested }
      settings.onProgress = { console.update(slot: 0, line: "\($0) \($1)/\($2)") }
      defer { console.remove(slot: 0) }
      do {
        try report.diagnose(settings)
      } catch is InterruptedError {
        console.warning("interrupted\(Signals.name.map { " by \($0)" } ?? ""): no page written")
        return .interrupted
      }
    }
    report.notes.forEach(console.warning)
    let html = report.html
    if output.isStandardOutput {
      console.result(String(html.dropLast()))
    } else {
      try output.write(Array(html.utf8))
      console.note("\(output.path): \(report.rows.count) \(report.rows.count == 1 ? "run" : "runs")")
    }
    return .success
  }

  /// What `--published` and `--systems` name.
  static func published(_ arguments: ParsedArguments) throws -> [(task: String, curve: PublishedCurve)] {
    guard let path = arguments.values["--published"] else {
      if arguments.values["--systems"] == nil { return [] }
      throw UsageError("--systems chooses among those of --published, which is not given")
    }
    return try PublishedCurve.read(path, systems: arguments.values["--systems"]?.split(separator: ",").map(String.init))
  }
}
