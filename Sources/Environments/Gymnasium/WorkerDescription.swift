import Support

/// What a worker says of its environment when it has made it.
struct WorkerDescription: Sendable {
  var specification: EnvironmentSpecification
  /// Versions of Python and packages, in the worker's order, and the interpreter's path.
  var origin: [(name: String, value: String)]

  /// Reads the worker's answer to the first question.
  /// - Throws: `GymnasiumError` where no agent here can act in such spaces.
  init(_ text: [UInt8], _ settings: GymnasiumSettings) throws {
    let id = settings.id
    guard let said = (try? JSONParser.parse(text))?.object, let observation = said["observation"]?.object,
      let action = said["action"]?.object
    else { throw GymnasiumError(kind: .ended, summary: "\(id): what its worker says of it cannot be read") }
    let limit = said["limit"]?.integer
    specification = EnvironmentSpecification(
      id: id, observationSpace: WorkerDescription.observationSpace(observation),
      actionSpace: try WorkerDescription.actionSpace(action, settings), stepLimit: limit.flatMap { $0 > 0 ? $0 : nil },
      rewardRange: -.infinity ... .infinity, rewardThreshold: said["threshold"]?.double,
      framesPerSecond: max(1, said["framesPerSecond"]?.integer ?? 30), summary: "\(id) in a Python worker")
    if let first = observation["legal"]?.integer {
      specification.legalActions = LegalActions(first: first, count: specification.actionSpace.columns)
    }
    origin = said["versions"]?.object?.members.compactMap { name, value in value.string.map { (name, $0) } } ?? []
    if let path = said["executable"]?.string { origin.append(("executable", path)) }
  }

  private static func observationSpace(_ said: JSONObject) -> ObservationSpace {
    switch said["form"]?.string {
    case "image":
      let shape = said["shape"]?.array?.compactMap(\.integer) ?? []
      return shape.count == 3 ? .image(height: shape[0], width: shape[1], channels: shape[2]) : .box(low: [], high: [])
    case "index": return .discrete(count: said["count"]?.integer ?? 1)
    default: return .box(low: bounds(said["low"], -.infinity), high: bounds(said["high"], .infinity))
    }
  }

  private static func actionSpace(_ said: JSONObject, _ settings: GymnasiumSettings) throws -> ActionSpace {
    if said["form"]?.string == "discrete" { return .discrete(count: said["count"]?.integer ?? 1) }
    let limit = Float(settings.actionLimit)
    var (low, high) = (bounds(said["low"], -.infinity), bounds(said["high"], .infinity))
    if limit > 0 { (low, high) = (low.map { max($0, -limit) }, high.map { min($0, limit) }) }
    guard (low + high).allSatisfy(\.isFinite) else {
      throw GymnasiumError(
        kind: .settings,
        summary: "\(settings.id): its actions have no bounds; set environment.actionLimit, to 1 say")
    }
    return .box(low: low, high: high)
  }

  /// Numbers, an infinite one for null.
  private static func bounds(_ said: JSON?, _ infinite: Float) -> [Float] {
    said?.array?.map { $0.double.map { Float($0) } ?? infinite } ?? []
  }
}
