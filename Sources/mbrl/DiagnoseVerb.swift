import Experiments
import Reports
import Support

/// `mbrl diagnose`.
enum DiagnoseVerb: Verb {
  static let syntax = CommandSyntax(
    "diagnose", "what the learned model of a checkpoint gets wrong, and what to try", operands: ["RUN|SEED|CHECKPOINT"],
    options: [
      .init("--episodes", "N", "episodes of the checkpoint's policy that it is measured on (default: 5)"),
      .init("--seed", "N", "episode i starts from N + i (default: 1000000 past the evaluations' own episodes)"),
      .init(
        "--horizon", "N", "steps of forecasts from actions alone (default: as far as the agent looks, 20 at least)"),
      .init("--tolerance", "X", "deviations of the observation at which a forecast is of no use (default: 0.5)"),
      .init("--best", nil, "of a run or seed: the best checkpoint instead of the newest"),
      .init("--threads", "N", "threads for planning (default: all cores); never changes a result"),
      .init("--json", nil, "one JSON object per checkpoint"),
      .init("--out", "FILE", "FILE.html: one page with everything; FILE.svg: errors against steps ahead"),
      .init("--csv", "FILE", "a number per row; - for standard output"),
      .init("--quiet", nil, "no progress"),
    ],
    discussion: [
      "Runs episodes that no training has seen, and holds the model to them: single steps where the policy goes and on "
        + "what it was fitted to, open loop over many steps beside the bound ε(L^H − 1)/(L − 1), calibration, whether "
        + "disagreement warns of errors, and what the model promises the policy against what it gets. The last lines "
        + "name what is wrong and the setting to try.",
      "Of an agent with a latent world model (dreamer): its forecasts of observation and reward after ten seen steps.",
    ],
    exitCodes: [.success, .failure, .usage, .checkpoint, .interrupted],
    examples: [
      ("mbrl diagnose runs/pendulum-0123456789/seed-0", "the newest checkpoint"),
      ("mbrl diagnose runs/pendulum-0123456789/seed-0 --best --horizon 50 --out diagnosis.html", "a page"),
      ("mbrl diagnose runs/pendulum-0123456789 --json", "every seed, for a program"),
    ])

  static func run(_ arguments: ParsedArguments, _ console: Console) throws -> ExitCode {
    var settings = Diagnosis.Settings()
    settings.episodes = try arguments.integer("--episodes", in: 1...10_000) ?? settings.episodes
    settings.seed = try arguments.integer("--seed", in: SeedList.range)
    settings.horizon = try arguments.integer("--horizon", in: 1...100_000)
    settings.tolerance = try arguments.number("--tolerance", in: 1e-9...1e9) ?? settings.tolerance
    settings.threads = try arguments.integer("--threads", in: 1...64) ?? settings.threads
    let checkpoints = try CheckpointTarget(arguments.operands[0])
      .checkpoints(arguments.has("--best") ? .best : .latest, skip: console.warning)
    let files = try ["--csv", "--out"].compactMap { option in
      try arguments.values[option].map { (option, try OutputPath($0)) }
    }
    if let path = arguments.values["--out"], !path.hasSuffix(".html") && !path.hasSuffix(".svg") {
      throw UsageError("--out: \"\(path)\" has to end in .html or .svg")
    }
    if arguments.has("--json") && files.contains(where: { $0.1.isStandardOutput }) {
      throw UsageError("--json and --csv both go to standard output: name a file for the table")
    }
    if let file = files.first, checkpoints.count > 1 {
      throw UsageError("\(file.0) holds one model; name one seed or checkpoint, this run has \(checkpoints.count)")
    }
    Signals.install()
    settings.shouldStop = { Signals.isStopRequested }
    settings.onProgress = { console.update(slot: 0, line: "\($0) \($1)/\($2)") }
    for (index, checkpoint) in checkpoints.enumerated() {
      let diagnosis: Diagnosis
      do {
        defer { console.remove(slot: 0) }
        diagnosis = try checkpoint.read { try Diagnosis(of: $0, settings) }
      } catch  where Signals.isStopRequested {
        console.warning(
          "interrupted\(Signals.name.map { " by \($0)" } ?? ""): \(checkpoints.count - index) not measured")
        return .interrupted
      }
      func bytes(_ option: String) -> [UInt8] {
        if option == "--csv" { return diagnosis.csv }
        guard arguments.values["--out"]?.hasSuffix(".svg") == true else { return Array(diagnosis.html.utf8) }
        return Array((diagnosis.errorChart?.drawing().drawing.svg(.reader) ?? "").utf8)
      }
      if let table = files.first(where: { $0.1.isStandardOutput }) {
        console.result(String(decoding: bytes(table.0).dropLast(), as: UTF8.self))
      } else {
        console.show(arguments, (index > 0 ? [""] : []) + diagnosis.lines, json: [diagnosis.json])
      }
      for (option, file) in files where !file.isStandardOutput { try file.write(bytes(option)) }
    }
    return .success
  }
}
