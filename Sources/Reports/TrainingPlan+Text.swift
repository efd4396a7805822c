import Experiments
import Support

extension ExperimentFile {
  /// "planner.horizon=15 threads=2": the settings that the command line decides; nil where it decides none.
  package var overriddenText: String? { ExperimentFile.text(overridden) }

  /// "planner.horizon=15 threads=2"; nil of none.
  static func text(_ settings: [(key: String, value: JSON)]) -> String? {
    settings.isEmpty ? nil : settings.map { "\($0.key)=\($0.value.compactText)" }.joined(separator: " ")
  }
}

extension TrainingPlan {
  /// What `--dry-run` says: the same as before a start, and what the memory is for.
  package var lines: [String] { lines(in: nil, memoryParts) }

  /// What a command says before it starts; the directory may be made already (its name may have got a number then).
  package func lines(in claimed: RunDirectory?, _ details: [String] = []) -> [String] {
    let configuration = experiment.configuration
    let path = (claimed ?? directory).path
    let isThere = claimed == nil && resume != .never && directory.exists
    var disk =
      "checkpoints of about \(FileSystem.byteCount(checkpointBytes)), "
      + "up to \(FileSystem.byteCount(diskBytes)) in all"
    if let freeBytes { disk += "; \(FileSystem.byteCount(freeBytes)) free" }
    let seedText = seeds.count > 20 ? "\(seeds.count) seeds" : "seeds " + seeds.map(String.init).joined(separator: ", ")
    let origins = origin.map { $0.checkpoints.filter { seeds.contains($0.seed) }.map(\.path) } ?? []
    let branch = origins.isEmpty ? nil : "branches off \(origins[0])" + (origins.count > 1 ? " and others" : "")
    return [
      "run directory: \(path)" + (isThere ? " (exists)" : ""),
      "\(configuration.agent.type) on \(configuration.environment.id), "
        + "\(NumberText.grouped(configuration.training.environmentSteps)) steps, "
        + (seeds.count == 1 ? "seed \(seeds[0])" : seedText)
        + "; \(jobs) \(jobs == 1 ? "job" : "jobs") × \(threads) \(threads == 1 ? "thread" : "threads")",
      disk, memoryText,
    ] + details + [branch, experiment.overriddenText.map { "with \($0)" }, costLine].compactMap { $0 }
      + experiment.notes.map(\.description)
  }

  /// What the runs will hold in memory, and what there is.
  private var memoryText: String {
    var text = "about \(FileSystem.byteCount(memory.bytes)) of memory beside the program's own"
    if let room = Machine.availableMemory { text += "; \(FileSystem.byteCount(room.bytes)) are there" }
    return text
  }

  /// What it is for, the largest parts first, as far as they matter.
  private var memoryParts: [String] {
    memory.largest(6).filter { $0.bytes >= max(1 << 20, memory.bytes / 50) }
      .map { "  \(FileSystem.byteCount($0.bytes)): \($0.what)" }
  }

  /// What may become a trouble.
  package var warnings: [String] {
    var warnings = experiment.warnings.map(\.description)
    if let requestedJobs, requestedJobs > jobs, jobs < seeds.count {
      warnings.append("--jobs \(requestedJobs): \(jobs) at a time, as many as this machine has cores")
    }
    if jobs * threads > Machine.cores {
      warnings.append("\(jobs) jobs × \(threads) threads are more than this machine's \(Machine.cores) cores: slower")
    }
    if let freeBytes, freeBytes < diskBytes { warnings.append("the checkpoints may not fit on the disk") }
    if experiment.configuration.agent.settings.usesBfloat16 && !Machine.multipliesBfloat16 {
      warnings.append(
        "planner.precision \"bfloat16\" is emulated here: the same bytes, but slower than \"float32\" (no AVX512_BF16)")
    }
    return warnings
  }

  /// `--dry-run --json`.
  package var json: JSON {
    [
      "event": "plan", "directory": .string(directory.path), "exists": .bool(resume != .never && directory.exists),
      "settings": .object(JSONObject(experiment.overridden)), "seeds": .integers(seeds), "jobs": .integer(jobs),
      "threads": .integer(threads),
      "checkpoint_bytes": .integer(checkpointBytes), "disk_bytes": .integer(diskBytes),
      "memory_bytes": .integer(memory.bytes),
      "warnings": .texts(experiment.warnings.map(\.description)),
    ]
  }
}
