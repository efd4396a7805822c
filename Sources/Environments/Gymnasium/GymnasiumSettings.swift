import Support

/// Any environment of Gymnasium, or registered with it, in a Python process: "gymnasium:ALE/Pong-v5".
package struct GymnasiumEnvironments: EnvironmentFamily {
  /// How the ids begin.
  package static let prefix = "gymnasium:"
  /// What can be said of the ids without listing them.
  package static let summary = "any environment of Gymnasium in a Python worker, such as gymnasium:ALE/Pong-v5"

  /// Settings that change nothing of what an environment gives.
  package static let free = ["python", "restarts", "startSeconds", "stepSeconds"]

  package init() {}

  /// The Python that a setting names, or the one that is found where it is empty.
  package static func python(_ setting: String) -> String { GymnasiumPython.find(setting, for: prefix) }

  package var specifications: [EnvironmentSpecification] { [] }
  package var openIDs: (prefix: String, summary: String)? {
    (GymnasiumEnvironments.prefix, GymnasiumEnvironments.summary)
  }

  package func settings(for id: String) -> (any EnvironmentSettings)? {
    id.hasPrefix(GymnasiumEnvironments.prefix) ? GymnasiumSettings(id: id) : nil
  }
}

/// The options of one Gymnasium environment.
package struct GymnasiumSettings: EnvironmentSettings {
  /// What an observation becomes.
  enum Form: String, CaseIterable { case auto, vector }
  /// What becomes of an action that the environment's mask excludes.
  enum IllegalActions: String, CaseIterable { case given, next, masked }

  /// With "gymnasium:".
  package let id: String
  var pythonSetting = ""
  var imports: [String]
  var kwargs: JSONObject = [:]
  var resetOptions: JSONObject = [:]
  var pythonWrappers: [JSON] = []
  var drop: [String] = []
  var observation = Form.auto
  var actionLimit = 0.0
  var illegalActions = IllegalActions.given
  /// nil: the environment's own; 0: none.
  var limit: Int?
  var restarts = 0
  var startSeconds = 60.0
  var stepSeconds = 30.0
  /// Whether the environment is made so that it can be drawn; no setting.
  var draws = false
  /// Of its own picture, where that is what is observed; 0: it is not. Told by the wrappers' setting.
  var pictureSide = 0

  init(id: String) {
    self.id = id
    imports = GymnasiumPython.modules(for: id)
  }

  /// Without "gymnasium:".
  private var name: String { String(id.dropFirst(GymnasiumEnvironments.prefix.count)) }

  package mutating func declare(_ fields: Fields) {
    fields.text(
      "python", &pythonSetting,
      "the Python that runs it; default: \(GymnasiumPython.variable), .venv of scripts/setup-gymnasium.sh, python3")
    fields.texts("imports", &imports, "modules that register the environment; default: guessed from the id")
    fields.json("kwargs", &kwargs, "arguments of gymnasium.make")
    fields.json("resetOptions", &resetOptions, "options of every reset")
    fields.jsons(
      "pythonWrappers", &pythonWrappers,
      "wrappers in Python, from the inside out: \"module:Name\", or {\"module:Name\": {arguments}}")
    for (index, wrapper) in pythonWrappers.enumerated() where GymnasiumSettings.wrapper(wrapper) == nil {
      fields.fault(
        "pythonWrappers[\(index)]",
        "expected \"module:Name\" or {\"module:Name\": {arguments}}, found \(wrapper.kindName)")
    }
    fields.texts("drop", &drop, "parts of an observation of several that are left out")
    fields.choice(
      "observation", &observation,
      "auto: bytes of two or three dimensions are an image, one number of few an index; vector: numbers, one-hot")
    fields.number(
      "actionLimit", &actionLimit, in: 0...1e6, "bound of actions where the environment has none; 0: such are refused")
    fields.choice(
      "illegalActions", &illegalActions,
      "where the environment tells legal actions: given: it gets what was chosen; next: the next legal one; masked: as"
        + " next, and observations tell them, so that agents choose among them alone")
    stepLimit(fields)
    fields.integer("restarts", &restarts, in: 0...1_000_000, "times that a worker that fails is started again")
    fields.number(
      "startSeconds", &startSeconds, in: 0...1e6, aboveLowerBound: true, "time for a start, and for a reset")
    fields.number(
      "stepSeconds", &stepSeconds, in: 0...1e6, aboveLowerBound: true, "time for a step of one environment")
    if name.isEmpty { fields.fault("id", "names no environment; such as \"gymnasium:CartPole-v1\"") }
  }

  private mutating func stepLimit(_ fields: Fields) {
    fields.integer(
      "stepLimit", &limit, in: 0...Int(Int32.max), otherwise: "own",
      "steps after which an episode is truncated; own: as the environment does it; 0: never")
  }

  // What this family declares by itself.
  package var ownsStepLimit: Bool { true }
  package var standardStepLimit: Int? { nil }
  package var isEndless: Bool { limit == 0 }
  package var announcesSteps: Bool { true }

  package var drawsPictures: Bool {
    get { draws || pictureSide > 0 }
    set { draws = newValue }
  }

  package mutating func observePictures(side: Int) -> Bool {
    pictureSide = side
    return true
  }

  package var python: String { GymnasiumPython.find(pythonSetting, for: id) }

  /// "module:Name" and its arguments; nil: it is neither of the two forms.
  private static func wrapper(_ json: JSON) -> (name: String, arguments: JSONObject)? {
    let (name, arguments): (String, JSONObject)
    switch json {
    case .string(let text): (name, arguments) = (text, [:])
    case .object(let object):
      guard object.members.count == 1, let own = object.members[0].value.object else { return nil }
      (name, arguments) = (object.members[0].key, own)
    default: return nil
    }
    let parts = name.split(separator: ":", omittingEmptySubsequences: false)
    return parts.count == 2 && parts.allSatisfy { !$0.isEmpty } ? (name, arguments) : nil
  }

  /// The first question to a worker: what it is to make.
  package func hello(count: Int, draws: Bool) -> [UInt8] {
    let wrappers = pythonWrappers.compactMap(GymnasiumSettings.wrapper).map { name, arguments -> JSON in
      ["name": .string(name), "kwargs": .object(arguments)]
    }
    let question: JSON = [
      "id": .string(name), "count": .integer(count), "imports": .texts(imports), "kwargs": .object(kwargs),
      "wrappers": .array(wrappers), "drop": .texts(drop), "observation": .string(observation.rawValue),
      "illegalActions": .string(illegalActions.rawValue), "resetOptions": .object(resetOptions),
      // Gymnasium takes -1 for none.
      "stepLimit": .integer(limit.map { $0 == 0 ? -1 : $0 }), "draws": .bool(draws), "pixels": .integer(pictureSide),
    ]
    return Array(question.compactText.utf8)
  }

  // MARK: Making

  /// What workers have said of environments with the same settings, and a worker that was asked and not used yet.
  private static let known = Guarded<[String: WorkerDescription]>([:])

  private var key: String {
    "\(python)\n\(actionLimit)\n\(String(decoding: hello(count: 1, draws: drawsPictures), as: UTF8.self))"
  }

  /// What is known of the environment; the first time a worker tells.
  func description() throws -> WorkerDescription {
    let key = key
    if let known = GymnasiumSettings.known.withLock({ $0[key] }) { return known }
    let worker = GymnasiumWorker(self, count: 1, draws: drawsPictures)
    try worker.start()
    let found = worker.description!
    GymnasiumSettings.known.withLock { $0[key] = found }
    return found
  }

  package func origin() throws -> [(name: String, value: String)] { try description().origin }

  package func make(stepLimit: Int?) throws -> any Environment { try makeGroup(1, stepLimit: stepLimit)[0] }

  package func makeGroup(_ count: Int, stepLimit: Int?) throws -> [any Environment] {
    let specification = try description().specification
    let worker = GymnasiumWorker(self, count: count, draws: drawsPictures)
    return (0..<count).map { EpisodeLog(GymnasiumLane(worker, $0, specification)) }
  }
}
