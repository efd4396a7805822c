import Experiments
import Reports
import Support

/// `mbrl export`.
enum ExportVerb: Verb {
  static let leavesResultsOnly = false

  static let syntax = CommandSyntax(
    "export", "runs in the forms of other tools: TensorBoard, Stable-Baselines3",
    operands: ["[NAME=]RUN", "[NAME=]RUN …"],
    operandCount: 1...1000,
    options: [
      .init("--tensorboard", "DIR", "event files DIR/GROUP/TASK/seed-N/events.out.tfevents…"),
      .init(
        "--monitor", "DIR", "DIR/GROUP/TASK/seed-N/monitor.csv, a row per training episode, as monitors write them"),
    ],
    discussion: [
      "Written from the tables of a run, at any time, also while it learns: again brings the files up to date. A run "
        + "that was stopped and went on gives the same files as one that was not, its clock aside.",
      "Groups are those of mbrl plot. TASK is left out where a group has one run.",
    ],
    exitCodes: [.success, .failure, .usage],
    examples: [
      ("mbrl export runs/pendulum-0123456789 --tensorboard board", "then: tensorboard --logdir board"),
      ("mbrl export sac=runs/sac-pendulum-0123456789 --monitor monitors", "for Stable-Baselines3's load_results"),
    ])

  static func run(_ arguments: ParsedArguments, _ console: Console) throws -> ExitCode {
    let formats: [(format: RunExport.Format, folder: String)] = RunExport.Format.allCases.compactMap { format in
      arguments.values["--\(format.rawValue)"].map { (format, $0) }
    }
    if formats.isEmpty { throw UsageError("say what to make: --tensorboard DIR or --monitor DIR") }
    let groups = try RunGroup.named(by: arguments.operands)
    for (format, folder) in formats {
      for group in groups {
        for run in group.runs {
          let place = group.runs.count == 1 ? "" : "/\(plain(run.task))"
          for seed in run.seeds {
            let file = try RunExport.file(run, seed: seed, format)
            let target = "\(folder)/\(plain(group.name))\(place)/\(SeedDirectory.name(seed))"
            try FileSystem.createFolder(target)
            try FileSystem.writeAtomically(file.bytes, to: "\(target)/\(file.name)")
            console.result("\(target)/\(file.name)")
          }
        }
      }
    }
    return .success
  }

  /// A name that is one folder.
  private static func plain(_ name: String) -> String {
    let text = String(name.map { $0 == "/" || $0.unicodeScalars.contains { $0.value < 0x20 } ? "_" : $0 })
    return text.isEmpty || text.allSatisfy { $0 == "." } ? "run" : text
  }
}
