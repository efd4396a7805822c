import Experiments
import Support

/// Runs that are shown under one name and in one colour: one for each task.
package struct RunGroup: Sendable {
  /// A run directory, or a part of its seeds.
  package struct Run: Sendable {
    package var path: String
    /// The environment's id.
    package var task: String
    /// As config.json has it.
    package var configuration: JSONObject
    /// Ascending.
    package var seeds: [Int]

    /// The folder of a seed.
    package func folder(of seed: Int) -> String { "\(path)/\(SeedDirectory.name(seed))" }

    /// Whether every seed has begun, and is at work no more.
    package var hasEnded: Bool {
      !seeds.isEmpty
        && seeds.allSatisfy { seed in
          let state = RunStatus.read("\(folder(of: seed))/status.json")?.state
          return state != nil && state != .running
        }
    }
  }

  package var name: String
  package var runs: [Run]

  /// The groups that the arguments of a command name, each with a name of its own, in their order.
  ///
  /// NAME=DIR is one group: a run, or a folder of runs of different tasks. A bare DIR is a group per run: a run, a
  /// seed's folder, a folder of runs, or one of such folders, whose names then are the groups'.
  /// - Throws: `usage` where an argument holds no runs.
  package static func named(by arguments: [String]) throws(ExperimentError) -> [RunGroup] {
    var groups: [RunGroup] = []
    for argument in arguments {
      for group in try read(argument) {
        if let index = groups.firstIndex(where: { $0.name == group.name }) {
          try groups[index].add(group.runs, argument)
        } else {
          groups.append(group)
        }
      }
    }
    return groups.map { group in
      var group = group
      group.runs.sort { $0.task < $1.task }
      return group
    }
  }

  private mutating func add(_ others: [Run], _ argument: String) throws(ExperimentError) {
    for run in others {
      if let other = runs.first(where: { $0.task == run.task }) {
        throw .usage(
          "\(other.path) and \(run.path) would both be \"\(name)\" on \(run.task); name them: A=\(other.path) "
            + "B=\(run.path)"
        )
      }
      runs.append(run)
    }
  }

  private static func read(_ argument: String) throws(ExperimentError) -> [RunGroup] {
    let parts = argument.split(separator: "=", maxSplits: 1).map(String.init)
    if parts.count == 2, FileSystem.kind(of: argument) == nil {
      let runs = try runs(in: parts[1])
      if runs.isEmpty { throw .usage("\(parts[0]): there are no runs in \(parts[1])") }
      var group = RunGroup(name: parts[0], runs: [])
      try group.add(runs, argument)
      return [group]
    }
    let runs = try runs(in: argument)
    if !runs.isEmpty { return named(runs) }
    // A folder of folders of runs, as a study leaves them.
    var groups: [RunGroup] = []
    for name in try rethrow(FileSystem.list(argument), as: ExperimentError.file) {
      let path = "\(argument)/\(name)"
      guard FileSystem.kind(of: path) == .folder else { continue }
      let inner = try self.runs(in: path)
      guard !inner.isEmpty else { continue }
      var group = RunGroup(name: name, runs: [])
      try group.add(inner, argument)
      groups.append(group)
    }
    if groups.isEmpty { throw .usage("there are no runs in \(argument)") }
    return groups
  }

  /// A group per run: under its configuration's name, under its folder's where two have one name for one task.
  private static func named(_ runs: [Run]) -> [RunGroup] {
    runs.map { run in
      let name = run.configuration["name"]?.string ?? "run"
      let isShared = runs.contains {
        $0.path != run.path && $0.configuration["name"]?.string == name && $0.task == run.task
      }
      let folder = run.path.split(separator: "/").last.map(String.init) ?? run.path
      return RunGroup(name: isShared ? folder : name, runs: [run])
    }
  }

  /// The run at a path, or those in a folder; none where neither is there.
  private static func runs(in path: String) throws(ExperimentError) -> [Run] {
    var path = path
    while path.count > 1 && path.last == "/" { path.removeLast() }
    guard FileSystem.kind(of: path) == .folder else {
      let advice = FileSystem.kind(of: path) == nil ? "there is no folder \(path)" : "\(path) is no folder"
      throw .usage("\(advice); mbrl list runs shows what was trained")
    }
    if RunDirectory(path).exists { return [try run(path, seed: nil)] }
    let name = path.split(separator: "/").last.map(String.init) ?? ""
    if let seed = SeedDirectory.seed(name), RunDirectory(FileSystem.folder(of: path)).exists {
      return [try run(FileSystem.folder(of: path), seed: seed)]
    }
    var runs: [Run] = []
    for name in try rethrow(FileSystem.list(path), as: ExperimentError.file) {
      let inner = path == "." ? name : "\(path)/\(name)"
      if RunDirectory(inner).exists { runs.append(try run(inner, seed: nil)) }
    }
    return runs
  }

  private static func run(_ path: String, seed: Int?) throws(ExperimentError) -> Run {
    try RunFormat.check(path)
    let directory = RunDirectory(path)
    let configuration = try directory.readConfiguration()
    let seeds = if let seed { [seed] } else { try directory.seeds() }
    return Run(
      path: path, task: configuration["environment"]?.object?["id"]?.string ?? "?", configuration: configuration,
      seeds: seeds)
  }
}
