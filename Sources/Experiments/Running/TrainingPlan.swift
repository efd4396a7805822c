import Support

/// What to do where a run of the same configuration stands already.
package enum ResumeMode: String, CaseIterable, Sendable {
  /// Go on with it, or start.
  case auto
  /// Go on with it, or fail.
  case must
  /// Start afresh in a directory of its own.
  case never
}

/// A training command, resolved: what will be done, where, and what it needs. Making it writes nothing.
package struct TrainingPlan: Sendable {
  package var experiment: ExperimentFile
  package var resume: ResumeMode
  /// Where the run goes; with `ResumeMode.never` a number is added where the name is taken.
  package var directory: RunDirectory
  package var seeds: [Int]
  /// The checkpoints that it branches off; nil: it starts from nothing, or goes on.
  package var origin: RunOrigin?
  /// Runs at the same time; at most one per seed and core.
  package var jobs: Int
  /// What was asked for; nil: nothing.
  package var requestedJobs: Int?
  package var threads: Int
  /// Estimated bytes of one checkpoint at the end of a run.
  package var checkpointBytes = 0
  /// Estimated bytes of one seed's replay at the end of a run, which stands beside its checkpoints.
  package var replayBytes = 0
  /// What all runs that work at the same time will hold in memory, as far as the settings tell.
  package var memory = MemoryNeed()
  /// How the program was called, for run.json.
  package var call: RunRecord.Call

  /// What the user asked for.
  package struct Request: Sendable {
    /// A configuration file, or the directory of a run to go on with.
    package var path: String
    /// "key.path=value", in order.
    package var overrides: [String] = []
    /// nil: the configuration's; those that were started, where `path` is a run.
    package var seeds: [Int]?
    /// nil: as many as there are seeds and cores.
    package var jobs: Int?
    /// Where run directories are made.
    package var out = "runs"
    package var resume = ResumeMode.auto
    /// A checkpoint, or a seed or run with some, to branch off; a run as `path` gives only its settings then.
    package var from: String?
    /// The program's arguments, for run.json.
    package var arguments: [String] = []

    /// A request with everything at its default.
    package init(path: String) { self.path = path }
  }

  /// Reads and checks everything; throws every mistake there is.
  package init(_ request: Request) throws(ExperimentError) {
    let isRun = FileSystem.kind(of: request.path) == .folder
    let goesOn = isRun && request.from == nil
    let given = RunDirectory(TrainingPlan.withoutTrailingSlash(request.path))
    if isRun && !given.exists {
      let run = FileSystem.folder(of: given.path)
      if let seed = given.path.split(separator: "/").last.flatMap({ SeedDirectory.seed(String($0)) }),
        RunDirectory(run).exists
      {
        throw .usage("\(request.path) is one seed of a run; to go on with it: mbrl train \(run) --seeds \(seed)")
      }
      throw .usage("\(request.path) is a folder without \(RunDirectory.configurationName): no run to go on with")
    }
    if goesOn && request.resume == .never {
      throw .usage("--resume never starts from a configuration file, not from the run \(request.path)")
    }
    if isRun { try RunFormat.check(given.path) }
    let experiment = try ExperimentFile.load(
      isRun ? given.configurationPath : request.path, overrides: request.overrides)
    self.experiment = experiment
    resume = request.resume
    call = RunRecord.Call(
      arguments: request.arguments, configurationPath: experiment.source, overrides: request.overrides)
    let name = ConfigurationIdentity.directoryName(experiment.resolved, name: experiment.configuration.name)
    origin = try request.from.map { path throws(ExperimentError) in try RunOrigin(path) }
    let base = "\(TrainingPlan.withoutTrailingSlash(request.out))/\(name)"
    directory = goesOn ? given : RunDirectory(origin.map { "\(base)-\($0.name)" } ?? base)
    seeds = request.seeds ?? origin?.checkpoints.map(\.seed) ?? experiment.configuration.seeds
    if goesOn && request.seeds == nil && !experiment.sets("seeds") {
      let started = try given.seeds()
      if !started.isEmpty { seeds = started }
    }
    let perRun = experiment.configuration.threads
    // More than there are cores would wait for each other.
    jobs = min(seeds.count, Machine.cores, request.jobs ?? max(1, Machine.cores / max(perRun, 1)))
    requestedJobs = request.jobs
    threads = perRun > 0 ? perRun : max(1, min(64, Machine.cores / jobs))
    try checkOrigin()
    try compareWithExisting()
    memory = try MemoryCheck.need(
      of: experiment.configuration, jobs: jobs, steps: experiment.configuration.training.environmentSteps)
    try estimate()
  }

  private func checkOrigin() throws(ExperimentError) {
    guard let origin else { return }
    let data = experiment.configuration.training.data
    if !data.isEmpty, !directory.exists, let checkpoint = origin.checkpoints.first,
      let manifest = try? Checkpoint.readManifest(checkpoint.path),
      manifest.settings["training"]?.object?["data"]?.string != data
    {
      throw .usage(
        "--from: a branch has the transitions of the run that it goes off, and loads none; remove training.data")
    }
    let total = experiment.configuration.training.environmentSteps
    for seed in seeds {
      guard let checkpoint = origin.checkpoint(seed) else {
        let known = origin.checkpoints.map { String($0.seed) }.joined(separator: ", ")
        throw .usage("--from: there is no checkpoint of seed \(seed) there, only of \(known); leave out --seeds")
      }
      guard checkpoint.step < total else {
        throw .usage(
          "--from: \(checkpoint.path) has \(checkpoint.step) steps already; training.environmentSteps, now \(total), "
            + "counts them too")
      }
    }
  }

  /// "runs/" is "runs"; "/" stays.
  private static func withoutTrailingSlash(_ path: String) -> String {
    var path = path
    while path.count > 1 && path.hasSuffix("/") { path.removeLast() }
    return path
  }

  private func compareWithExisting() throws(ExperimentError) {
    if resume == .never { return }
    if directory.exists {
      try RunFormat.check(directory.path)
      let old = try directory.readConfiguration()
      let differences = ConfigurationIdentity.differences(
        old, experiment.resolved, without: ConfigurationIdentity.changeable)
      if !differences.isEmpty { throw .differs(directory: directory.path, differences) }
      try compareWithCheckpoints()
      for seed in seeds where resume == .must {
        let folder = "\(directory.path)/\(SeedDirectory.name(seed))"
        if (try? CheckpointStore("\(folder)/checkpoints").steps())?.isEmpty != false {
          throw .nothingToResume(directory: folder, nearest: nil, [])
        }
      }
    } else if resume == .must {
      throw nothingToResume()
    }
  }

  /// A directory that is not named after its configuration any more: that was edited, or the directory renamed. The
  /// checkpoints remember what the run began with.
  private func compareWithCheckpoints() throws(ExperimentError) {
    if directory.path.contains(ConfigurationIdentity.hash(experiment.resolved).prefix(10)) { return }
    for seed in seeds {
      let store = CheckpointStore("\(directory.path)/\(SeedDirectory.name(seed))/checkpoints")
      guard let step = try? store.steps().first, let manifest = try? Checkpoint.readManifest(store.path(step)) else {
        continue
      }
      let differences = ConfigurationIdentity.differences(
        manifest.settings, experiment.resolved, without: ConfigurationIdentity.changeable)
      if !differences.isEmpty { throw .edited(path: directory.configurationPath, differences) }
      return
    }
  }

  private func nothingToResume() -> ExperimentError {
    let relatives = RunDirectory.relatives(of: directory.path, name: experiment.configuration.name)
    let compared = relatives.compactMap { relative in
      (try? relative.readConfiguration()).map {
        (relative.path, ConfigurationIdentity.differences($0, experiment.resolved))
      }
    }
    let nearest = compared.min { $0.1.count < $1.1.count }
    return .nothingToResume(directory: directory.path, nearest: nearest?.0, nearest?.1 ?? [])
  }

  /// Builds one run and archives it.
  private mutating func estimate() throws(ExperimentError) {
    do {
      let archive = Archive()
      let loop = try RunLoop(experiment.configuration, seed: seeds[0], threads: 1)
      // What does not fit is said before anything is written.
      if let origin = origin?.checkpoint(seeds[0]), !directory.exists {
        try loop.branch(off: origin, experiment.resolved)
      } else if !experiment.configuration.training.data.isEmpty, !directory.exists {
        try loop.startReplay(with: experiment.configuration.training.data)
      }
      try loop.archive(archive)
      // Names, manifest and headers come on top.
      checkpointBytes = archive.byteCount + 8192
      if let replay = loop.agent.replay {
        let rows = min(replay.capacity, experiment.configuration.training.environmentSteps)
        replayBytes = replay.loggedBytesPerRow * rows
        // What may be written again later is in every checkpoint.
        checkpointBytes += (replay.bytesPerRow - replay.loggedBytesPerRow) * rows
      }
    } catch {
      throw ExperimentError(error)
    }
  }

  /// Estimated bytes of all that stays on disk at the end: every seed's newest checkpoints, the best, one being
  /// written, and the replay.
  package var diskBytes: Int {
    let (bytes, overflow) = checkpointBytes.multipliedReportingOverflow(
      by: seeds.count * (min(experiment.configuration.checkpoint.keep, 1 << 20) + 2))
    return overflow ? Int.max : bytes + seeds.count * replayBytes
  }

  /// Free bytes where the run goes; nil where nobody can tell.
  package var freeBytes: Int? {
    let folder = FileSystem.folders(from: directory.path).first { FileSystem.kind(of: $0) == .folder }
    return folder.flatMap { try? FileSystem.freeSpace(at: $0) }
  }
}
