import Experiments
import Support

/// `mbrl list runs`: the runs in a folder, what they reached, and the settings by which runs of one name differ.
package struct RunList: Sendable {
  /// One run with all its seeds.
  package struct Entry: Sendable {
    package var directory: String
    package var name: String
    package var agent: String
    package var environment: String
    /// Of every seed that was started.
    package var statuses: [RunStatus?]
    /// Mean return of every seed's last evaluation, of those that have one.
    package var finalMeans: [Double]
    /// The resolved settings of its identity, by path.
    fileprivate var settings: [(path: String, value: JSON)]
    /// Those by which it differs from others of its name.
    package fileprivate(set) var differing: [(path: String, value: JSON)] = []

    package var steps: [Int] { statuses.map { $0?.step ?? 0 } }
    /// Of `finalMeans`, over the seeds; nil without an evaluation.
    package var spread: Spread? { Spread(finalMeans) }
    /// "done", or each that there is with its number: "3 done, 1 interrupted".
    package var status: String {
      let names = statuses.map { $0?.state.rawValue ?? "not begun" }
      let kinds = names.enumerated().filter { names.firstIndex(of: $1) == $0 }.map(\.element)
      return kinds.count == 1
        ? kinds[0]
        : kinds.map { kind in "\(names.count { $0 == kind }) \(kind)" }
          .joined(separator: ", ")
    }
  }

  /// By folder.
  package private(set) var entries: [Entry]

  /// Reads the runs in a folder, or the one run that it is; what cannot be read is told to `skip`.
  package init(in folder: String, skip: (String) -> Void) throws(ExperimentError) {
    guard FileSystem.kind(of: folder) == .folder else { throw .usage("there is no folder \(folder)") }
    let names = try rethrow(FileSystem.list(folder), as: ExperimentError.file)
    let paths = RunDirectory(folder).exists ? [folder] : names.map { folder == "." ? $0 : "\(folder)/\($0)" }
    entries = []
    for run in paths.map({ RunDirectory($0) }) where run.exists {
      do throws(ExperimentError) {
        entries.append(try RunList.entry(run))
      } catch {
        skip("left out: \(error)")
      }
    }
    for index in entries.indices { entries[index].differing = differing(entries[index]) }
  }

  private static func entry(_ run: RunDirectory) throws(ExperimentError) -> Entry {
    try RunFormat.check(run.path)
    let configuration = try run.readConfiguration()
    let seeds = try run.seeds().map { "\(run.path)/\(SeedDirectory.name($0))" }
    let evaluations = seeds.map { (try? CSVTable.read("\($0)/eval.csv").rows(EvaluationRow.self))?.last }
    return Entry(
      directory: run.path, name: configuration["name"]?.string ?? "?",
      agent: configuration["agent"]?.object?["type"]?.string ?? "?",
      environment: configuration["environment"]?.object?["id"]?.string ?? "?",
      statuses: seeds.map { RunStatus.read("\($0)/status.json") }, finalMeans: evaluations.compactMap { $0?.mean },
      settings: leaves(.object(ConfigurationIdentity.core(configuration)), ""))
  }

  private static func leaves(_ value: JSON, _ path: String) -> [(path: String, value: JSON)] {
    guard let object = value.object else { return [(path, value)] }
    return object.members.flatMap { leaves($0.value, path.isEmpty ? $0.key : "\(path).\($0.key)") }
  }

  /// The settings that all runs of that name have, and not all with one value. (Those that only some have follow from
  /// another, such as a type.)
  private func differing(_ entry: Entry) -> [(path: String, value: JSON)] {
    let others = entries.filter { $0.name == entry.name }.map { other in
      Dictionary(other.settings.map { ($0.path, $0.value) }) { first, _ in first }
    }
    return entry.settings.filter { path, value in
      others.allSatisfy { $0[path] != nil } && others.contains { $0[path] != value }
    }
  }
}

// MARK: Text

extension RunList.Entry {
  /// "200", or "150–200" where seeds stand at different steps.
  fileprivate var stepText: String {
    guard let least = steps.min(), let most = steps.max() else { return "–" }
    return least == most ? "\(least)" : "\(least)–\(most)"
  }

  fileprivate var settingText: String { differing.map { "\($0.path)=\($0.value.compactText)" }.joined(separator: " ") }
}

extension RunList {
  /// The table for people.
  package var lines: [String] {
    guard !entries.isEmpty else { return [] }
    var table = TextTable(
      ["run", "agent", "environment", "seeds", "status", "steps", "last eval", "settings"],
      rightAligned: [3, 5, 6])
    for entry in entries {
      table.append([
        entry.directory, entry.agent, entry.environment, String(entry.statuses.count), entry.status, entry.stepText,
        entry.spread?.description ?? "–", entry.settingText,
      ])
    }
    return table.lines
  }

  /// One object per run.
  package var json: [JSON] {
    entries.map { entry in
      [
        "directory": .string(entry.directory), "name": .string(entry.name), "agent": .string(entry.agent),
        "environment": .string(entry.environment), "seeds": .integer(entry.statuses.count),
        "status": .string(entry.status), "steps": .integers(entry.steps), "final_mean": .finite(entry.spread?.mean),
        "final_std": .finite(entry.spread?.deviation),
        "settings": .object(JSONObject(entry.differing.map { ($0, $1) })),
      ]
    }
  }

  /// One row per run.
  package var csv: [UInt8] {
    CSVFile.bytes(
      [
        "directory", "name", "agent", "environment", "seeds", "status", "steps_min", "steps_max", "final_mean",
        "final_std", "settings",
      ],
      entries.map { entry in
        [
          .text(entry.directory), .text(entry.name), .text(entry.agent), .text(entry.environment),
          .integer(entry.statuses.count), .text(entry.status), entry.steps.min().map { .integer($0) },
          entry.steps.max().map { .integer($0) }, (entry.spread?.mean).map { .number($0) },
          (entry.spread?.deviation).map { .number($0) },
          entry.differing.isEmpty ? nil : .text(entry.settingText),
        ]
      })
  }
}
