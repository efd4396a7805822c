import Support

/// One copy of the environment in a worker, as a simulation like any other.
struct GymnasiumLane: Simulation {
  let specification: EnvironmentSpecification
  private let worker: GymnasiumWorker
  private let lane: Int

  /// Copy `lane` of a worker whose environments have this specification.
  init(_ worker: GymnasiumWorker, _ lane: Int, _ specification: EnvironmentSpecification) {
    (self.worker, self.lane, self.specification) = (worker, lane, specification)
  }

  mutating func reset(seed: UInt64) throws { try worker.reset(lane, seed: seed) }

  mutating func announce(_ action: Action) {
    guard (try? check(action)) != nil else { return }
    worker.announce(lane, action)
  }

  mutating func step(_ action: Action) throws -> Outcome {
    try check(action)
    return try worker.step(lane, action)
  }

  private func check(_ action: Action) throws(EnvironmentError) {
    switch specification.actionSpace {
    case .discrete(let count): _ = try action.index(below: count)
    case .box(let low, _): _ = try action.vector(count: low.count)
    }
  }

  func observe(into observation: UnsafeMutableBufferPointer<Float>) { worker.observe(lane, into: observation) }

  var isSuccess: Bool? { worker.successes[lane] }

  var picture: Raster? { worker.settings.drawsPictures ? try? worker.picture(lane) : nil }

  func snapshot() throws -> [UInt8]? {
    let state = try worker.snapshot(lane)
    return state.isEmpty ? nil : state
  }

  mutating func restore(_ snapshot: [UInt8], _ observation: [Float]) throws {
    try worker.restore(lane, snapshot, observation)
  }
}
