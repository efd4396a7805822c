import Experiments
import Support

/// What the groups of a report were told to do, and where they did it.
struct RunSettings {
  /// A fact with a value for each run.
  struct Fact {
    var name: String
    /// nil: the run does not have it.
    var values: [String?]
  }

  /// Settings that every run has, and not all with one value.
  private(set) var differing: [Fact] = []
  /// Settings that only some runs have: they follow from another one, such as a type.
  private(set) var partial: [Fact] = []
  /// How many settings all share.
  private(set) var common = 0

  /// Compares what decides on results; name, seeds, threads, checkpoints and logging do not.
  init(_ runs: [RunGroup.Run]) {
    let free = ConfigurationIdentity.free.filter { $0 != "training.environmentSteps" }
    let settings = runs.map { run in
      RunSettings.leaves(.object(ConfigurationIdentity.core(run.configuration, without: free)), "")
    }
    let tables = settings.map { leaves in Dictionary(leaves.map { ($0.path, $0.value) }) { first, _ in first } }
    var paths: [String] = []
    var known = Set<String>()
    for path in settings.flatMap({ $0.map(\.path) }) where known.insert(path).inserted { paths.append(path) }
    for path in paths {
      let values = tables.map { $0[path] }
      let fact = Fact(name: path, values: values)
      if values.contains(nil) {
        partial.append(fact)
      } else if Set(values).count > 1 {
        differing.append(fact)
      } else {
        common += 1
      }
    }
  }

  private static func leaves(_ value: JSON, _ path: String) -> [(path: String, value: String)] {
    guard let object = value.object else { return [(path, value.string ?? value.compactText)] }
    return object.members.flatMap { leaves($0.value, path.isEmpty ? $0.key : "\(path).\($0.key)") }
  }

  /// Program, machine and times of runs, from their seeds' run.json; what differs between sessions is listed.
  static func record(_ runs: [RunGroup.Run]) -> [Fact] {
    let sessions = runs.map { run in run.seeds.map { RunSessions.read("\(run.folder(of: $0))/run.json") } }
    func distinct(_ key: String) -> Fact {
      Fact(
        name: key,
        values: sessions.map { seeds in
          var values: [String] = []
          for session in seeds.flatMap({ $0 }) {
            guard let value = session[key], value != .null else { continue }
            let text = value.string ?? value.compactText
            if !values.contains(text) { values.append(text) }
          }
          return values.isEmpty ? nil : values.joined(separator: "; ")
        })
    }
    let keys = [
      "program", "git", "compiler", "system", "processor", "instructionSet", "cores", "threads", "host",
      "configuration",
    ]
    func text(_ session: JSONObject, _ key: String) -> String? { session[key]?.string }
    let spans: [Fact] = [
      Fact(name: "started", values: sessions.map { $0.flatMap { $0 }.compactMap { text($0, "started") }.min() }),
      Fact(name: "last stopped", values: sessions.map { $0.flatMap { $0 }.compactMap { text($0, "stopped") }.max() }),
      Fact(
        name: "sessions per seed",
        values: sessions.map { seeds in
          let counts = seeds.map(\.count)
          guard let least = counts.min(), let most = counts.max() else { return nil }
          return least == most ? "\(most)" : "\(least)–\(most)"
        }),
      Fact(
        name: "command",
        values: sessions.map { seeds in
          seeds.flatMap { $0 }.last?["arguments"]?.array?.compactMap(\.string).map(RunSettings.quoted)
            .joined(separator: " ")
        }),
      Fact(name: "directory", values: runs.map(\.path)),
    ]
    return (keys.map(distinct) + spans).filter { fact in fact.values.contains { $0 != nil } }
  }

  /// A word as a shell takes it.
  private static func quoted(_ word: String) -> String {
    let isPlain = !word.isEmpty && word.allSatisfy { $0.isLetter || $0.isNumber || "_-./=:,+@%~".contains($0) }
    return isPlain
      ? word : "'" + word.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
  }
}
