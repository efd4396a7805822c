import Support

/// One process with n copies of one environment.
///
/// A step of a group is one message: lanes announce their actions, the last one sends them, the first one that is
/// stepped waits for the answer. What the group never does is reset a copy by itself: an episode's last observation is
/// an answer like any other. Used by one thread at a time.
final class GymnasiumWorker: @unchecked Sendable {
  let settings: GymnasiumSettings
  let count: Int
  private let draws: Bool
  private var link: WorkerLink?
  private(set) var description: WorkerDescription?
  private var restarts = 0
  /// Which episodes a dead worker has taken with it, until their lanes begin others.
  private var lost: [String?]

  // The present state of every copy.
  private var observations: [Float] = []
  private var pixels: [UInt8] = []
  private var results: [Outcome?]
  /// What every copy's last step said of success; nil: nothing.
  private(set) var successes: [Bool?]

  // What is announced and not sent yet.
  private var announced: [Int] = []
  private var actions: [UInt8] = []
  /// Lanes whose step was sent and not answered.
  private var sent: [Int] = []
  private var failure: GymnasiumError?

  /// Nothing is started before it is needed.
  init(_ settings: GymnasiumSettings, count: Int, draws: Bool) {
    (self.settings, self.count, self.draws) = (settings, count, draws)
    lost = [String?](repeating: nil, count: count)
    results = [Outcome?](repeating: nil, count: count)
    successes = [Bool?](repeating: nil, count: count)
  }

  private var size: Int { description?.specification.observationSpace.size ?? 0 }
  private var isImage: Bool { description?.specification.observationSpace.isImage ?? false }

  // MARK: Start

  /// Starts the process, makes the environments and learns what they are.
  @discardableResult
  func start() throws -> WorkerLink {
    if let link { return link }
    let link = try WorkerLink(id: settings.id, python: settings.python)
    let hello = settings.hello(count: count, draws: draws)
    try link.ask(.hello, hello, "make the environment", seconds: settings.startSeconds)
    let text = try link.take(.hello) { Array($0) }
    let found = try WorkerDescription(text, settings)
    if let description, description.specification != found.specification {
      throw GymnasiumError(kind: .raised, summary: "\(settings.id): a new worker has other spaces than the one before")
    }
    description = found
    if isImage { pixels = [UInt8](repeating: 0, count: count * size) }
    if observations.isEmpty { observations = [Float](repeating: 0, count: count * size) }
    self.link = link
    return link
  }

  /// Does what needs the process; where it fails and may be restarted, every episode is lost.
  private func perform<Value>(_ body: (WorkerLink) throws -> Value) throws -> Value {
    do {
      return try body(try start())
    } catch let error as GymnasiumError {
      link?.close()
      link = nil
      (announced, sent) = ([], [])
      guard error.isWorthARestart, description != nil, restarts < settings.restarts else { throw error }
      restarts += 1
      let text = "\(error); restart \(restarts) of \(settings.restarts)"
      for lane in 0..<count { lost[lane] = text }
      try start()
      throw EpisodeLost(text)
    }
  }

  /// Takes note that a lane's episode is gone.
  private func checkEpisode(_ lane: Int) throws {
    if let text = lost[lane] { throw EpisodeLost(text) }
  }

  // MARK: Episodes

  func reset(_ lane: Int, seed: UInt64) throws {
    var payload = [UInt8]()
    payload.append(bytesOf: UInt32(1))
    payload.append(bytesOf: UInt32(0))
    payload.append(bytesOf: UInt32(lane))
    payload.append(bytesOf: UInt32(0))
    payload.append(bytesOf: seed)
    while true {
      do {
        try perform { link in
          try finishSteps(link)
          try link.ask(.reset, payload, "reset", seconds: settings.startSeconds)
          try link.take(.reset) { keep(observation: $0, 0, of: lane) }
        }
        successes[lane] = nil
        return lost[lane] = nil
      } catch is EpisodeLost {}  // begun again in the next worker
    }
  }

  /// Takes note of the next action of a lane; with that of the last lane all are sent.
  func announce(_ lane: Int, _ action: Action) {
    guard lost[lane] == nil, !announced.contains(lane) else { return }
    announced.append(lane)
    switch action {
    case .discrete(let index): actions.append(bytesOf: Int32(truncatingIfNeeded: index))
    case .continuous(let vector): actions.append(contentsOf: UnsafeRawBufferPointer(vector))
    }
    guard announced.count == count else { return }
    do { try perform(sendSteps) } catch { failure = error as? GymnasiumError }
  }

  /// The result of a lane's step, with all that were announced.
  func step(_ lane: Int, _ action: Action) throws -> Outcome {
    try checkEpisode(lane)
    if let failure {
      self.failure = nil
      throw failure
    }
    if results[lane] == nil && !sent.contains(lane) { announce(lane, action) }
    if let failure {
      self.failure = nil
      throw failure
    }
    try checkEpisode(lane)
    if results[lane] == nil {
      try perform { link in
        if !sent.contains(lane) { try sendSteps(link) }
        try finishSteps(link)
      }
    }
    defer { results[lane] = nil }
    return results[lane]!
  }

  private func sendSteps(_ link: WorkerLink) throws {
    try finishSteps(link)
    var payload = [UInt8]()
    payload.reserveCapacity(16 + 4 * announced.count + actions.count)
    payload.append(bytesOf: UInt32(announced.count))
    payload.append(bytesOf: UInt32(0))
    for lane in announced { payload.append(bytesOf: UInt32(lane)) }
    payload.pad()
    payload += actions
    try link.ask(.step, payload, "step", seconds: settings.stepSeconds * Double(announced.count))
    sent = announced
    announced.removeAll(keepingCapacity: true)
    actions.removeAll(keepingCapacity: true)
  }

  private func finishSteps(_ link: WorkerLink) throws {
    guard !sent.isEmpty else { return }
    let lanes = sent
    try link.take(.step) { bytes in
      let flags = 8 * lanes.count
      let rows = flags + (lanes.count + 7) / 8 * 8
      for (place, lane) in lanes.enumerated() {
        let flag = bytes[flags + place]
        results[lane] = Outcome(
          reward: bytes.loadUnaligned(fromByteOffset: 8 * place, as: Double.self), isTerminated: flag & 1 != 0,
          isTruncated: flag & 2 != 0)
        successes[lane] = flag & 4 == 0 ? nil : flag & 8 != 0
        keep(observation: bytes, rows + place * size * (isImage ? 1 : 4), of: lane)
      }
    }
    sent.removeAll(keepingCapacity: true)
  }

  private func keep(observation bytes: UnsafeRawBufferPointer, _ offset: Int, of lane: Int) {
    let (size, first) = (size, lane * size)
    let source = bytes.baseAddress! + offset
    if isImage {
      pixels.withUnsafeMutableBytes { ($0.baseAddress! + first).copyMemory(from: source, byteCount: size) }
    } else {
      observations.withUnsafeMutableBytes {
        ($0.baseAddress! + 4 * first).copyMemory(from: source, byteCount: 4 * size)
      }
    }
  }

  func observe(_ lane: Int, into observation: UnsafeMutableBufferPointer<Float>) {
    let (size, first) = (observation.count, lane * observation.count)
    if isImage {
      pixels.withUnsafeBufferPointer { for column in 0..<size { observation[column] = Float($0[first + column]) } }
    } else if first + size <= observations.count {
      observations.withUnsafeBufferPointer { for column in 0..<size { observation[column] = $0[first + column] } }
    }
  }

  // MARK: Pictures and states

  /// What the environment draws; nil where it does not.
  func picture(_ lane: Int) throws -> Raster? {
    try perform { link in
      try finishSteps(link)
      try link.ask(.render, lanePayload(lane), "draw", seconds: settings.startSeconds)
      return try link.take(.render) { bytes in
        guard bytes.count > 8 else { return nil }
        let height = Int(bytes.loadUnaligned(as: UInt32.self))
        let width = Int(bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
        guard height > 0, width > 0, bytes.count == 8 + 3 * height * width else { return nil }
        let pixels = (0..<height * width).map { index -> UInt32 in
          (0..<3).reduce(0) { color, channel in color << 8 | UInt32(bytes[8 + 3 * index + channel]) }
        }
        return Raster(width: width, height: height, pixels: pixels)
      }
    }
  }

  /// The complete state of a copy as bytes; empty where the environment does not allow it.
  func snapshot(_ lane: Int) throws -> [UInt8] {
    guard lost[lane] == nil else { return [] }
    return try perform { link in
      try finishSteps(link)
      try link.ask(.state, lanePayload(lane), "store its state", seconds: settings.startSeconds)
      return try link.take(.state) { Array($0) }
    }
  }

  /// Puts a copy into a state, with the observation that it had then.
  func restore(_ lane: Int, _ state: [UInt8], _ observation: [Float]) throws {
    try perform { link in
      try finishSteps(link)
      try link.ask(.restore, lanePayload(lane) + state, "restore its state", seconds: settings.startSeconds)
      let isDone = try link.take(.restore) { $0.isEmpty }
      if !isDone { throw EnvironmentError.failed("\(settings.id): a stored state is of another version of it") }
    }
    lost[lane] = nil
    for (column, value) in observation.prefix(size).enumerated() {
      if isImage {
        pixels[lane * size + column] = UInt8(value.clipped(0, 255))
      } else {
        observations[lane * size + column] = value
      }
    }
  }

  private func lanePayload(_ lane: Int) -> [UInt8] {
    var payload = [UInt8]()
    payload.append(bytesOf: UInt32(lane))
    payload.append(bytesOf: UInt32(0))
    return payload
  }
}
