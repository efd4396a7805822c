import Environments
import Support

/// Transitions as one safetensors file: what a policy saw, did and got, episode after episode.
///
///     observations, next_observations   [n, size] F32, of images U8, of an index [n] I32
///     actions                           [n, columns] F32, of discrete ones [n] I32
///     rewards                           [n] F32
///     terminated, truncated             [n] U8
///     episode_starts                    [n] U8, 1 where a row begins an episode
package struct TransitionFile: Sendable {
  /// As the file names what it is.
  package static let format = "mbrl transitions 1"

  package private(set) var count = 0
  private let observationSpace: ObservationSpace
  private let actionSpace: ActionSpace
  private var observations = Column()
  private var nextObservations = Column()
  private var actions = Column()
  private var rewards: [Float] = []
  private var terminated: [UInt8] = []
  private var truncated: [UInt8] = []
  private var starts: [UInt8] = []

  /// Values in the form in which they are stored.
  private struct Column: Sendable {
    var floats: [Float] = []
    var integers: [Int32] = []
    var bytes: [UInt8] = []
  }

  /// Nothing yet, of a task with these spaces.
  package init(_ specification: EnvironmentSpecification) {
    (observationSpace, actionSpace) = (specification.observationSpace, specification.actionSpace)
  }

  // MARK: Recording

  /// Adds one transition: observations as the environment gives them.
  package mutating func append(
    _ observation: [Float], _ action: Action, _ outcome: Outcome, next: [Float], isFirst: Bool
  ) {
    append(observation, to: &observations)
    append(next, to: &nextObservations)
    switch action {
    case .discrete(let index): actions.integers.append(Int32(index))
    case .continuous(let vector): actions.floats += vector
    }
    rewards.append(Float(outcome.reward))
    terminated.append(outcome.isTerminated ? 1 : 0)
    truncated.append(outcome.isTruncated ? 1 : 0)
    starts.append(isFirst ? 1 : 0)
    count += 1
  }

  private func append(_ values: [Float], to column: inout Column) {
    switch observationSpace {
    case .discrete: column.integers.append(Int32(values[0]))
    case .box: column.floats += values
    case .image: column.bytes += values.map { UInt8($0.clipped(0, 255)) }
    }
  }

  /// Replaces the file; `facts` say where the transitions come from.
  package func write(to path: String, facts: [(key: String, value: String)]) throws(FileError) {
    func tensor<Element>(
      _ type: Archive.Tensor.ElementType, _ values: [Element], _ shape: [Int]
    ) -> Archive.Tensor {
      Archive.Tensor(elementType: type, shape: shape, bytes: values.withUnsafeBytes { [UInt8]($0) }, isWeight: false)
    }
    func observations(_ column: Column) -> Archive.Tensor {
      switch observationSpace {
      case .discrete: tensor(.int32, column.integers, [count])
      case .box(let low, _): tensor(.float32, column.floats, [count, low.count])
      case .image(let height, let width, let channels): tensor(.uint8, column.bytes, [count, height, width, channels])
      }
    }
    let action =
      actionSpace.isDiscrete
      ? tensor(.int32, actions.integers, [count]) : tensor(.float32, actions.floats, [count, actionSpace.columns])
    let tensors: [(name: String, tensor: Archive.Tensor)] = [
      ("observations", observations(self.observations)), ("actions", action),
      ("rewards", tensor(.float32, rewards, [count])), ("next_observations", observations(nextObservations)),
      ("terminated", tensor(.uint8, terminated, [count])), ("truncated", tensor(.uint8, truncated, [count])),
      ("episode_starts", tensor(.uint8, starts, [count])),
    ]
    try Safetensors.write(tensors, metadata: [("format", TransitionFile.format)] + facts, to: path)
  }

  // MARK: Reading

  /// Reads a file and holds it to the spaces of a task: kinds, shapes, ranges, finite numbers.
  package init(reading path: String, for specification: EnvironmentSpecification) throws(ExperimentError) {
    self.init(specification)
    let contents = try rethrow(Safetensors.read(path)) { (error: SafetensorsError) -> ExperimentError in
      .failed("\(error)")
    }
    do throws(Fault) {
      try fill(contents)
    } catch {
      throw .failed("\(path) does not fit \(specification.id): \(error)")
    }
  }

  private mutating func fill(_ contents: Safetensors.Contents) throws(Fault) {
    func find(_ name: String) throws(Fault) -> Archive.Tensor {
      guard let found = contents.tensors.first(where: { $0.name == name })?.tensor else {
        throw Fault(path: name, message: "missing")
      }
      return found
    }
    let rewardTensor = try find("rewards")
    count = rewardTensor.shape.first ?? 0
    if count == 0 { throw Fault(message: "it has no transitions") }
    observations = try column("observations", find("observations"))
    nextObservations = try column("next_observations", find("next_observations"))
    try readActions(find("actions"))
    rewards = try floats("rewards", rewardTensor, columns: 1)
    terminated = try flags("terminated", find("terminated"))
    truncated = try flags("truncated", find("truncated"))
    starts = try flags("episode_starts", find("episode_starts"))
  }

  private func column(_ name: String, _ tensor: Archive.Tensor) throws(Fault) -> Column {
    var column = Column()
    switch observationSpace {
    case .discrete(let states):
      column.integers = try integers(name, tensor, below: states)
    case .box(let low, _):
      column.floats = try floats(name, tensor, columns: low.count)
    case .image:
      guard tensor.elementType == .uint8 else {
        throw Fault(path: name, message: "expected bytes (U8), found \(tensor.elementType.rawValue)")
      }
      try check(name, tensor, columns: observationSpace.size)
      column.bytes = tensor.bytes
    }
    return column
  }

  private mutating func readActions(_ tensor: Archive.Tensor) throws(Fault) {
    switch actionSpace {
    case .discrete(let actions): self.actions.integers = try integers("actions", tensor, below: actions)
    case .box(let low, let high):
      let values = try floats("actions", tensor, columns: low.count)
      for (place, value) in values.enumerated() where !(low[place % low.count]...high[place % low.count] ~= value) {
        let column = place % low.count
        throw Fault(
          path: "actions[\(place / low.count), \(column)]",
          message: "\(value) is not within \(low[column]) to \(high[column])")
      }
      actions.floats = values
    }
  }

  private func check(_ name: String, _ tensor: Archive.Tensor, columns: Int) throws(Fault) {
    let found = tensor.shape.dropFirst().reduce(1, *)
    if tensor.shape.first != count || found != columns {
      throw Fault(path: name, message: "has shape \(tensor.shape); expected [\(count), \(columns)]")
    }
  }

  private func floats(_ name: String, _ tensor: Archive.Tensor, columns: Int) throws(Fault) -> [Float] {
    try check(name, tensor, columns: columns)
    let values: [Float]
    switch tensor.elementType {
    case .float32: values = tensor.bytes.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
    case .float64: values = tensor.bytes.withUnsafeBytes { $0.bindMemory(to: Double.self).map { Float($0) } }
    default: throw Fault(path: name, message: "expected F32, found \(tensor.elementType.rawValue)")
    }
    if let place = values.firstIndex(where: { !$0.isFinite }) {
      throw Fault(path: "\(name)[\(place / columns), \(place % columns)]", message: "is not finite")
    }
    return values
  }

  private func integers(_ name: String, _ tensor: Archive.Tensor, below limit: Int) throws(Fault) -> [Int32] {
    try check(name, tensor, columns: 1)
    guard tensor.elementType == .int32 else {
      throw Fault(path: name, message: "expected I32, found \(tensor.elementType.rawValue)")
    }
    let values = tensor.bytes.withUnsafeBytes { Array($0.bindMemory(to: Int32.self)) }
    if let row = values.firstIndex(where: { !(0..<limit).contains(Int($0)) }) {
      throw Fault(path: "\(name)[\(row)]", message: "\(values[row]) is not one of 0 to \(limit - 1)")
    }
    return values
  }

  private func flags(_ name: String, _ tensor: Archive.Tensor) throws(Fault) -> [UInt8] {
    try check(name, tensor, columns: 1)
    guard tensor.elementType == .uint8, tensor.bytes.allSatisfy({ $0 <= 1 }) else {
      throw Fault(path: name, message: "expected 0 or 1 (U8)")
    }
    return tensor.bytes
  }

  // MARK: Playing

  /// Hands the transitions over as steps of so many lanes: each lane gets a stretch of its own, of equal length; what
  /// is left over at the end is left out. Where a row does not go on from the one before, an episode begins.
  package func play(lanes: Int, _ body: (Transitions) throws -> Void) rethrows {
    let (size, rows) = (observationSpace.size, count / lanes)
    let (now, next) = (RowBuffer(lanes, size), RowBuffer(lanes, size))
    let memory = RowBuffer(lanes, actionSpace.columns)
    let actions = ActionRows(memory.rows, actionSpace)
    for row in 0..<rows {
      var (outcomes, isFirst): ([Outcome], [Bool]) = ([], [])
      for lane in 0..<lanes {
        let place = lane * rows + row
        read(observations, place, into: now.rows.contiguousRow(lane))
        read(nextObservations, place, into: next.rows.contiguousRow(lane))
        set(actions, lane, place)
        outcomes.append(
          Outcome(
            reward: Double(rewards[place]), isTerminated: terminated[place] == 1, isTruncated: truncated[place] == 1))
        isFirst.append(row == 0 || starts[place] == 1 || !goesOn(place))
      }
      try body(
        Transitions(
          observations: now.read, actions: actions, outcomes: outcomes, next: next.read, isFirst: isFirst,
          episode: [Int](repeating: 0, count: lanes)))
    }
  }

  /// What was seen before a row's action.
  package func readObservation(_ row: Int, into values: UnsafeMutableBufferPointer<Float>) {
    read(observations, row, into: values)
  }

  private func read(_ column: Column, _ row: Int, into values: UnsafeMutableBufferPointer<Float>) {
    let first = row * values.count
    for place in values.indices {
      switch observationSpace {
      case .discrete: values[place] = Float(column.integers[first + place])
      case .box: values[place] = column.floats[first + place]
      case .image: values[place] = Float(column.bytes[first + place])
      }
    }
  }

  private func set(_ rows: ActionRows, _ lane: Int, _ place: Int) {
    guard !actionSpace.isDiscrete else { return rows.set(lane, index: Int(actions.integers[place])) }
    let columns = actionSpace.columns
    for column in 0..<columns { rows.rows[lane, column] = actions.floats[place * columns + column] }
  }

  /// Whether a row begins where the one before it led.
  private func goesOn(_ row: Int) -> Bool {
    if terminated[row - 1] == 1 || truncated[row - 1] == 1 { return false }
    let size = observationSpace.size
    let (own, before) = (row * size..<(row + 1) * size, (row - 1) * size..<row * size)
    switch observationSpace {
    case .discrete: return observations.integers[row] == nextObservations.integers[row - 1]
    case .box: return observations.floats[own].elementsEqual(nextObservations.floats[before])
    case .image: return observations.bytes[own].elementsEqual(nextObservations.bytes[before])
    }
  }
}
