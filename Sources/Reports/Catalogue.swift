import Algorithms
import Environments
import Support

/// What `mbrl list` knows: the registries as tables and as JSON.
package enum Catalogue: String, CaseIterable, Sendable {
  case environments, agents, models, planners

  package var lines: [String] {
    switch self {
    case .environments:
      var table = TextTable(["id", "observation", "action", "steps", "solved at", "summary"], rightAligned: [3, 4])
      for specification in EnvironmentRegistry.specifications {
        table.append([
          specification.id, Catalogue.text(specification.observationSpace), Catalogue.text(specification.actionSpace),
          specification.stepLimit.map(String.init) ?? "–", specification.rewardThreshold.map(NumberText.short) ?? "–",
          specification.summary,
        ])
      }
      return table.lines + EnvironmentRegistry.openIDs.map { "\($0.prefix)ID  \($0.summary)" }
    default:
      var table = TextTable(["type", "summary"])
      for entry in named { table.append([entry.name, entry.summary]) }
      return table.lines
    }
  }

  /// One object per entry.
  package var json: [JSON] {
    switch self {
    case .environments:
      return EnvironmentRegistry.specifications.map { specification in
        [
          "id": .string(specification.id), "observation_space": Catalogue.json(specification.observationSpace),
          "action_space": Catalogue.json(specification.actionSpace), "step_limit": .integer(specification.stepLimit),
          "reward_threshold": .finite(specification.rewardThreshold), "summary": .string(specification.summary),
        ]
      } + EnvironmentRegistry.openIDs.map { ["id_prefix": .string($0.prefix), "summary": .string($0.summary)] }
    default: return named.map { ["type": .string($0.name), "summary": .string($0.summary)] }
    }
  }

  /// The registries whose entries are a name and a summary.
  private var named: [(name: String, summary: String)] {
    switch self {
    case .environments: []
    case .agents: Agents.entries.map { ($0.name, $0.summary) }
    case .models: DynamicsModels.entries.map { ($0.name, $0.summary) }
    case .planners: PlanOptimizers.entries.map { ($0.name, $0.summary) }
    }
  }

  private static func text(_ space: ObservationSpace) -> String {
    switch space {
    case .discrete(let count): "\(count) states"
    case .box(let low, _): low.count == 1 ? "1 number" : "\(low.count) numbers"
    case .image(let height, let width, let channels): "\(height)×\(width)×\(channels) image"
    }
  }

  private static func text(_ space: ActionSpace) -> String {
    switch space {
    case .discrete(let count): "\(count) actions"
    case .box(let low, let high): "\(low.count) in [\(shared(low)), \(shared(high))]"
    }
  }

  /// The bound that all columns share, or "…".
  private static func shared(_ bounds: [Float]) -> String {
    guard let first = bounds.first, bounds.allSatisfy({ $0 == first }) else { return "…" }
    return NumberText.short(Double("\(first)") ?? Double(first))
  }

  private static func json(_ space: ObservationSpace) -> JSON {
    switch space {
    case .discrete(let count): discrete(count)
    case .box(let low, let high): box(low, high)
    case .image(let height, let width, let channels): ["type": "image", "shape": .integers([height, width, channels])]
    }
  }

  private static func json(_ space: ActionSpace) -> JSON {
    switch space {
    case .discrete(let count): discrete(count)
    case .box(let low, let high): box(low, high)
    }
  }

  private static func discrete(_ count: Int) -> JSON { ["type": "discrete", "n": .integer(count)] }

  /// Infinite bounds are null.
  private static func box(_ low: [Float], _ high: [Float]) -> JSON {
    func bounds(_ values: [Float]) -> JSON { .array(values.map { .finite(Double("\($0)") ?? Double($0)) }) }
    return ["type": "box", "low": bounds(low), "high": bounds(high)]
  }
}
