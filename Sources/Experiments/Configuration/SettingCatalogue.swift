import Algorithms
import Environments
import Support

/// Every setting that some configuration has, for advice about words that are none.
package enum SettingCatalogue {
  /// "environment.id", "planner.horizon" …, each once, in the order of declaration.
  package static let paths: [String] = {
    var paths: [String] = []
    var known = Set<String>()
    for choice in choices {
      var configuration = ExperimentConfiguration()
      let fields = Fields.read(&configuration, from: choice)
      for entry in fields.entries where known.insert(entry.path).inserted { paths.append(entry.path) }
    }
    return paths
  }()

  /// Overlays that together declare every setting.
  private static var choices: [JSONObject] {
    let agents = Agents.entries.map(\.name)
    let planners = PlanOptimizers.entries.flatMap { planner in
      agents.map { ["agent": ["type": .string($0)], "planner": ["type": .string(planner.name)]] as JSONObject }
    }
    let models = DynamicsModels.entries.flatMap { model in
      agents.map { ["agent": ["type": .string($0)], "model": ["type": .string(model.name)]] as JSONObject }
    }
    let ids = EnvironmentRegistry.ids + EnvironmentRegistry.openIDs.map(\.prefix)
    return planners + models + ids.map { ["environment": ["id": .string($0)]] }
  }

  /// The setting that a word names: "planner.horizon", "horizon", "environment-steps", "steps"; nil where none does.
  package static func named(_ word: String) -> String? {
    let asked = plain(word)
    guard asked.count >= 2 else { return nil }
    return paths.first { plain($0) == asked }
      ?? paths.first { $0.hasPrefix("training.") && asked.count >= 4 && plain($0).hasSuffix(asked) }
      ?? paths.filter { plain(leaf($0)) == asked }.min { depth($0) < depth($1) }
  }

  /// As `named`, or the nearest one that may be meant.
  package static func meant(_ word: String) -> String? {
    if let named = named(word) { return named }
    if let path = Suggestion.nearest(word, among: paths) { return path }
    return Suggestion.nearest(word, among: paths.map(leaf)).flatMap(named)
  }

  private static func depth(_ path: String) -> Int { path.count { $0 == "." } }

  private static func leaf(_ path: String) -> String { String(path.split(separator: ".").last ?? "") }

  private static func plain(_ text: String) -> String { text.lowercased().filter { $0.isLetter || $0.isNumber } }
}
