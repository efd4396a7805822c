import Support

/// Every native environment, by id.
package enum EnvironmentRegistry {
  /// One line per environment; `mbrl list environments` prints them in this order.
  package static let entries: [Entry] = [
    Entry(ContinuousCartPole.self),
    Entry(CartPoleSwingUp.self),
    Entry(CartPole.self),
    Entry(Pendulum.self),
    Entry(MountainCar.self),
    Entry(MountainCarContinuous.self),
    Entry(Acrobot.self),
    Entry(LineWorld.self),
    Entry(FrozenLake.self),
    Entry(FrozenLake8x8.self),
    Entry(Taxi.self),
    Entry(CliffWalking.self),
    Entry(CliffWalkingSlippery.self),
    Entry(GridWorld.self),
    Entry(DynaMaze.self),
    Entry(BlockingMaze.self),
    Entry(ShortcutMaze.self),
  ]

  /// The ids in that order.
  package static let ids: [String] = entries.map(\.specification.id)

  /// The entry of that id, exactly as written.
  package static func entry(_ id: String) -> Entry? { entries.first { $0.specification.id == id } }

  /// What the registry knows of one environment.
  package struct Entry: Sendable {
    /// With standard options: id, spaces, step limit and summary.
    package let specification: EnvironmentSpecification
    /// The environment's own options, at their defaults.
    package let defaultOptions: any Configurable
    /// Builds the environment; the options must be of the type of `defaultOptions`.
    let make: @Sendable (_ options: any Configurable, _ stepLimit: Int?) -> any SnapshotEnvironment

    init<Native: ConfigurableEnvironment>(_ type: Native.Type) {
      specification = Native.specification
      defaultOptions = Native.Configuration()
      make = { options, stepLimit in
        guard let options = options as? Native.Configuration else {
          preconditionFailure("options of another environment than \(Native.specification.id)")
        }
        return TimeLimit(Native(options), stepLimit: stepLimit)
      }
    }
  }
}

/// Which environment, with which options: the "environment" part of an experiment.
package struct EnvironmentConfiguration: Configurable {
  /// The registry's id.
  package private(set) var id: String
  /// The environment's own options, of the type its entry names.
  package private(set) var options: any Configurable
  /// Steps after which an episode is truncated; nil: never.
  package var stepLimit: Int?

  /// The registry's first environment.
  package init() { self.init(EnvironmentRegistry.entries[0]) }

  /// The environment of that id with its standard options; nil where the registry has none.
  package init?(id: String) {
    guard let entry = EnvironmentRegistry.entry(id) else { return nil }
    self.init(entry)
  }

  private init(_ entry: EnvironmentRegistry.Entry) {
    id = entry.specification.id
    options = entry.defaultOptions
    stepLimit = entry.specification.stepLimit
  }

  package mutating func declare(_ fields: Fields) {
    var chosen = id
    fields.choice("id", &chosen, from: EnvironmentRegistry.ids, "environment")
    if chosen != id, let configuration = EnvironmentConfiguration(id: chosen) { self = configuration }
    options.declare(fields)
    var limit = stepLimit ?? 0
    fields.integer("stepLimit", &limit, in: 0...Int.max, "steps after which an episode is truncated; 0: never")
    stepLimit = limit == 0 ? nil : limit
  }

  /// A new environment, before its first reset. `as? any KnownDynamicsParts` tells whether its reward and its end are
  /// known.
  package func make() -> any SnapshotEnvironment {
    guard let entry = EnvironmentRegistry.entry(id) else { preconditionFailure("unregistered environment \(id)") }
    return entry.make(options, stepLimit)
  }
}
