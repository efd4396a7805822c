import Support

/// A kind of environments that a configuration can name by id: all native ones are one, those of a foreign library
/// another.
package protocol EnvironmentFamily: Sendable {
  /// What `mbrl list environments` shows.
  var specifications: [EnvironmentSpecification] { get }
  /// How ids begin that nobody lists, and what they name; default: there are none.
  var openIDs: (prefix: String, summary: String)? { get }
  /// The settings of that id, exactly as written, at their defaults; nil: it is none of this family's.
  func settings(for id: String) -> (any EnvironmentSettings)?
}

extension EnvironmentFamily {
  package var openIDs: (prefix: String, summary: String)? { nil }
}

/// The options of one environment, and how it is made of them.
package protocol EnvironmentSettings: Sendable {
  /// Declares every option to `fields`, as `Configurable` does.
  mutating func declare(_ fields: Fields)
  /// The step limit that the environment's authors give it; nil: none.
  var standardStepLimit: Int? { get }
  /// Whether several are stepped side by side by the run's threads, because a step takes so long that it pays;
  /// default: no.
  var stepsInParallel: Bool { get }
  /// Whether a group tells every lane its action before it steps the first one; default: no.
  var announcesSteps: Bool { get }
  /// Whether `declare` declares "stepLimit" itself, because the environment may have a limit of its own; default: no.
  var ownsStepLimit: Bool { get }
  /// Of those: whether episodes may go on for ever; default: no.
  var isEndless: Bool { get }
  /// Whether the environment is made so that it can be drawn, where that has to be said before; default: it need not.
  var drawsPictures: Bool { get set }
  /// From now on makes environments whose own picture, of so many pixels a side, is what is observed; default: false,
  /// it cannot.
  mutating func observePictures(side: Int) -> Bool
  /// Versions of what a foreign environment comes from; default: nothing.
  func origin() throws -> [(name: String, value: String)]
  /// `count` new environments that are stepped together; default: each made by itself.
  func makeGroup(_ count: Int, stepLimit: Int?) throws -> [any Environment]
  /// A new environment, before its first reset, cut after `stepLimit` steps.
  /// - Throws: where what a foreign environment needs is not there.
  func make(stepLimit: Int?) throws -> any Environment
}

extension EnvironmentSettings {
  package var stepsInParallel: Bool { false }
  package var announcesSteps: Bool { false }
  package var ownsStepLimit: Bool { false }
  package var isEndless: Bool { false }
  package var drawsPictures: Bool {
    get { false }
    set {}
  }
  package func observePictures(side: Int) -> Bool { false }
  package func origin() throws -> [(name: String, value: String)] { [] }
  package func makeGroup(_ count: Int, stepLimit: Int?) throws -> [any Environment] {
    try (0..<count).map { _ in try make(stepLimit: stepLimit) }
  }
}

/// Every environment, family by family.
package enum EnvironmentRegistry {
  package static let families: [any EnvironmentFamily] = [
    NativeEnvironments(), MuJoCoEnvironments(), GymnasiumEnvironments(),
  ]

  /// How ids begin that no list holds, with their meaning.
  package static let openIDs = families.compactMap(\.openIDs)

  package static let specifications: [EnvironmentSpecification] = families.flatMap(\.specifications)

  package static let ids: [String] = specifications.map(\.id)

  /// The settings of that id; nil where no family has it.
  package static func settings(for id: String) -> (any EnvironmentSettings)? {
    for family in families { if let settings = family.settings(for: id) { return settings } }
    return nil
  }
}

/// The environments of this program; a new one is one file and one line here.
package struct NativeEnvironments: EnvironmentFamily {
  private static let types: [any ConfigurableEnvironment.Type] = [
    ContinuousCartPole.self,
    CartPoleSwingUp.self,
    CartPole.self,
    Pendulum.self,
    MountainCar.self,
    MountainCarContinuous.self,
    Acrobot.self,
    LineWorld.self,
    CueMemory.self,
    FrameCounter.self,
    Reacher.self,
    PushingArm.self,
    FrozenLake.self,
    Taxi.self,
    CliffWalking.self,
    GridWorld.self,
    DynaMaze.self,
    ChangingMaze.self,
  ]

  private static let entries = types.flatMap { entries(of: $0) }

  private static func entries<Native: ConfigurableEnvironment>(
    of type: Native.Type
  ) -> [(specification: EnvironmentSpecification, settings: any EnvironmentSettings)] {
    type.variants.map { variant in
      let limit = variant.specification.stepLimit
      return (variant.specification, NativeSettings<Native>(standardStepLimit: limit, options: variant.configuration))
    }
  }

  package var specifications: [EnvironmentSpecification] { NativeEnvironments.entries.map(\.specification) }

  package func settings(for id: String) -> (any EnvironmentSettings)? {
    NativeEnvironments.entries.first { $0.specification.id == id }?.settings
  }
}

/// The settings of one native environment.
private struct NativeSettings<Native: ConfigurableEnvironment>: EnvironmentSettings {
  let standardStepLimit: Int?
  var options: Native.Configuration

  mutating func declare(_ fields: Fields) { options.declare(fields) }
  func make(stepLimit: Int?) -> any Environment { TimeLimit(Native(options), stepLimit: stepLimit) }
}

/// Which environment, with which options: the "environment" part of an experiment.
package struct EnvironmentConfiguration: Configurable {
  package private(set) var id: String
  package private(set) var settings: any EnvironmentSettings
  /// Steps after which an episode is truncated; nil: never, or as the environment itself does it.
  package var stepLimit: Int?
  package var wrappers = WrapperSettings()

  /// The registry's first environment.
  package init() { self.init(id: EnvironmentRegistry.ids[0])! }

  /// The environment of that id with its standard options; nil where the registry has none.
  package init?(id: String) {
    guard let settings = EnvironmentRegistry.settings(for: id) else { return nil }
    self.init(id: id, settings)
  }

  /// An environment that need not be registered.
  package init(id: String, _ settings: any EnvironmentSettings) {
    self.id = id
    self.settings = settings
    stepLimit = settings.standardStepLimit
  }

  package mutating func declare(_ fields: Fields) {
    var chosen = id
    let isKnown = fields.choice(
      "id", &chosen, from: EnvironmentRegistry.ids,
      orBeginningWith: EnvironmentRegistry.openIDs.map(\.prefix), "environment")
    if chosen != id, let configuration = EnvironmentConfiguration(id: chosen) { self = configuration }
    fields.distinguish("id", id, owners: EnvironmentConfiguration.ids)
    if isKnown && (fields.mentions("id") || !fields.mentionsAnything) {
      settings.declare(fields)
    } else {
      fields.tolerateUnknownKeys()
    }
    if !settings.ownsStepLimit {
      var limit = stepLimit ?? 0
      fields.integer("stepLimit", &limit, in: 0...Int.max, "steps after which an episode is truncated; 0: never")
      stepLimit = limit == 0 ? nil : limit
    }
    fields.section("wrappers", &wrappers, "what stands around the environment; all off at first")
  }

  /// The environments that have an option of that name.
  private static func ids(declaring name: String) -> [String] {
    (EnvironmentRegistry.ids + EnvironmentRegistry.openIDs.map(\.prefix)).filter { id in
      let fields = Fields()
      var settings = EnvironmentRegistry.settings(for: id)
      settings?.declare(fields)
      return fields.declares(name)
    }
  }

  /// Whether nothing is known to cut episodes.
  package var isEndless: Bool { settings.ownsStepLimit ? settings.isEndless : stepLimit == nil }

  /// Whether the environment may cut its episodes without a limit that is known.
  package var truncatesItself: Bool { settings.ownsStepLimit }

  /// Makes environments that can be drawn, where that has to be said before.
  package mutating func drawPictures() { settings.drawsPictures = true }

  /// What makes environments, and the wrappers that are left to stand around them: an environment that draws itself
  /// need not be drawn.
  private var parts: (settings: any EnvironmentSettings, wrappers: WrapperSettings) {
    var (settings, wrappers) = (settings, wrappers)
    if wrappers.pixels > 0 && settings.observePictures(side: wrappers.pixels) { wrappers.pixels = 0 }
    return (settings, wrappers)
  }

  /// A new environment in its wrappers, before its first reset.
  /// - Throws: `WrapperMisfits`; where what a foreign environment needs is not there.
  package func make() throws -> any Environment {
    let (settings, wrappers) = parts
    return try wrappers.wrap(settings.make(stepLimit: stepLimit))
  }

  /// The environment itself, without its wrappers.
  /// - Throws: where what a foreign environment needs is not there.
  package func makeBare() throws -> any Environment { try settings.make(stepLimit: stepLimit) }

  /// `count` new environments that are stepped together, on the threads of `pool` where that pays.
  /// - Throws: as `make`.
  package func makeGroup(_ count: Int, pool: ComputePool? = nil, seed: @escaping (_ episode: Int) -> UInt64) throws
    -> EnvironmentGroup
  {
    let (settings, wrappers) = parts
    let environments = try settings.makeGroup(count, stepLimit: stepLimit).map(wrappers.wrap)
    return EnvironmentGroup(
      environments, pool: settings.stepsInParallel ? pool : nil, announcesSteps: settings.announcesSteps,
      normalizer: wrappers.makeNormalizer(environments[0].specification), seed: seed)
  }

  /// What is known, before a step is taken, of the environment as an agent sees it. Makes one for a moment: call it
  /// once and pass it on.
  /// - Throws: as `make`.
  package func describe() throws -> EnvironmentDescription {
    let (settings, wrappers) = parts
    let bare = try settings.make(stepLimit: stepLimit)
    let hidingSetting = bare.knownDynamics == nil ? nil : wrappers.hidingSetting(of: bare)
    let environment = try wrappers.wrap(bare)
    var description = EnvironmentDescription(
      environment, normalizer: wrappers.makeNormalizer(environment.specification),
      hidingSetting: hidingSetting)
    description.origin = try settings.origin()
    return description
  }
}
