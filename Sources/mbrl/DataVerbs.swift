import Experiments
import Reports
import Support

/// `mbrl data record`.
enum DataRecordVerb: Verb {
  static let syntax = CommandSyntax(
    "data record", "write transitions of a policy into one safetensors file", operands: ["SEED|CHECKPOINT|CONFIG.json"],
    takesSettings: true,
    options: [
      .init("-o", "FILE", "where they go, FILE.safetensors; required"),
      .init("--steps", "N", "transitions (default: 10000)"),
      .init("--random", nil, "of uniformly random actions; always so where a configuration is named"),
      .init("--stochastic", nil, "with exploration, where the policy has it"),
      .init("--seed", "N", "episode i starts from N + i (default: 0)"),
      .init("--best", nil, "the checkpoint of the best evaluation"),
      .init("--threads", "N", "threads for planning (default: all cores); never changes a result"),
      .init("--quiet", nil, "no notes"),
    ],
    discussion: [
      "The file holds observations, actions, rewards, next_observations, terminated, truncated and episode_starts, "
        + "a row each; discrete actions and indices as I32, images as U8, flags as U8. training.data starts a replay "
        + "with it.",
      "The signals that stop train end this, too, with code 75, when what was recorded until then is written.",
    ],
    exitCodes: [.success, .failure, .usage, .configuration, .checkpoint, .diverged, .interrupted],
    examples: [
      ("mbrl data record runs/pendulum-0123456789/seed-0 -o expert.safetensors", "of the newest policy"),
      ("mbrl data record configs/sac/pendulum.json -o random.safetensors --steps 5000", "of random actions"),
    ])

  static func run(_ arguments: ParsedArguments, _ console: Console) throws -> ExitCode {
    let path = try arguments.file("-o", of: "transitions")
    var recording = DataRecorder()
    recording.recording.steps = try arguments.integer("--steps", in: 1...1_000_000_000) ?? 10_000
    recording.recording.seed = try arguments.integer("--seed", in: SeedList.range) ?? 0
    recording.recording.isRandom = arguments.has("--random")
    recording.recording.isStochastic = arguments.has("--stochastic")
    recording.threads = try arguments.integer("--threads", in: 1...64) ?? min(64, Machine.cores)
    recording.overrides = arguments.settings
    Signals.install()
    recording.recording.shouldStop = { Signals.isStopRequested }
    let place = arguments.operands[0]
    let summary: String
    if place.hasSuffix(".json") && FileSystem.kind(of: place) == .file {
      summary = try recording.record(configuration: place, to: path)
    } else {
      let checkpoint = try CheckpointTarget(place)
        .checkpoint(arguments.has("--best") ? .best : .latest, for: "one policy acts")
      summary = try checkpoint.read { try recording.record(checkpoint: $0, to: path) }
    }
    console.note(summary)
    return Signals.isStopRequested ? .interrupted : .success
  }
}

/// `mbrl data import`.
enum DataImportVerb: Verb {
  static let syntax = CommandSyntax(
    "data import", "turn a Minari or D4RL file into transitions", operands: ["FILE.hdf5"],
    options: [
      .init("-o", "FILE", "where they go, FILE.safetensors; required"),
      .init("--python", "PYTHON", "one that has h5py and numpy (default: MBRL_PYTHON, .venv, python3)"),
      .init("--quiet", nil, "no notes"),
    ],
    discussion: [
      "Takes Minari's main_data.hdf5 (episode_0, episode_1 …) and D4RL's files (observations, actions, rewards, "
        + "terminals, timeouts; the last row of an episode that was cut has no next observation and is left out). "
        + "Parts of a dictionary are joined by name. Needs a Python with h5py: scripts/setup-gymnasium.sh classic."
    ],
    exitCodes: [.success, .failure, .usage],
    examples: [
      ("mbrl data import ~/.minari/datasets/D/data/main_data.hdf5 -o d.safetensors", "a Minari data set"),
      ("mbrl data import door-human-v2.hdf5 -o door.safetensors --python python3.11", "a D4RL file"),
    ])

  static func run(_ arguments: ParsedArguments, _ console: Console) throws -> ExitCode {
    let path = try arguments.file("-o", of: "transitions")
    console.note(
      try DataImport.run(arguments.operands[0], to: path, python: arguments.values["--python"] ?? ""))
    return .success
  }
}
