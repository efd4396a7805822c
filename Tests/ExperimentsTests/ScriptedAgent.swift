import Algorithms
import Environments
import Support

/// An agent with every kind of state that a run has to keep: weights, a growing memory, a replay, counters, random
/// streams, metrics that come now and then, and model fits. It can be told to fail.
final class ScriptedAgent: Agent {
  struct Configuration: AgentConfiguration {
    /// What happens at a step of learning, by seed and step.
    var script: @Sendable (_ key: UInt64, _ step: Int) -> Act = { _, _ in .learn }

    init() {}
    init(_ script: @escaping @Sendable (_ key: UInt64, _ step: Int) -> Act) { self.script = script }
    mutating func declare(_ fields: Fields) {}
    func warn(_ task: EnvironmentDescription, lanes: Int, steps: Int, _ fields: Fields) {}
    func memory(_ task: EnvironmentDescription, lanes: Int, steps: Int) -> MemoryNeed { MemoryNeed() }
    func makeAgent(_ context: AgentContext) throws -> any Agent { ScriptedAgent(context, script) }
  }

  enum Act { case learn, diverge, reportNaN, breakWeight, fail, alarm }

  struct Failure: Error, CustomStringConvertible { var description: String { "the script says so" } }

  private let key: UInt64
  private let script: @Sendable (UInt64, Int) -> Act
  private var random: RandomStream
  private let weights = FloatBuffer(count: 6)
  private var memory: [Float] = []
  private let replay: Replay
  private var steps = 0
  private var fits = 0
  private var episodeNoise: Float = 0

  init(_ context: AgentContext, _ script: @escaping @Sendable (UInt64, Int) -> Act) {
    key = context.random.key
    self.script = script
    random = context.random.stream("policy")
    let specification = context.task.specification
    replay = Replay(
      observationSize: specification.observationSpace.size, actionColumns: specification.actionSpace.columns,
      extra: [ReplayColumn("mark", 1, isRevised: true)], lanes: context.lanes, capacity: 60 * context.lanes)
  }

  var metricNames: [String] { ["loss", "rare"] }
  var tables: [TableDeclaration] { [TableDeclaration("model", ModelFitRow.columns)] }

  func act(in situation: Situation, into actions: ActionRows) throws {
    for row in 0..<situation.count {
      if situation.isFirst[row] { episodeNoise = Float(random.uniform(-0.1, 0.1)) }
      for column in 0..<actions.rows.columns {
        actions.rows[row, column] = min(1, max(-1, Float(random.uniform(-1, 1)) + weights[0] + episodeNoise))
      }
    }
  }

  func observe(_ steps: Transitions) {
    memory += steps.outcomes.map { Float($0.reward) }
    replay.append(steps)
  }

  /// The weights depend on what the replay holds, and it on them.
  private func recall() {
    let (values, marks) = (RowBuffer(4, replay.observation.width), RowBuffer(4, 1))
    var rows: [Int32] = []
    replay.sample(4, &random, into: &rows)
    replay.gather(rows, replay.next, into: values.rows)
    replay.gather(rows, replay.column("mark"), into: marks.rows)
    for row in 0..<4 {
      weights[4] += 1e-3 * (values.rows[row, 0] + marks.rows[row, 0])
      marks.rows[row, 0] = weights[4]
    }
    replay.write(rows, replay.column("mark"), marks.read)
  }

  func learn(_ metrics: inout Metrics) throws {
    steps += 1
    recall()
    for index in 0..<weights.count { weights[index] += Float(random.uniform(-0.01, 0.01)) }
    switch script(key, steps) {
    case .learn: break
    case .diverge: throw DivergedError(quantity: "model.layers.0.weight")
    case .reportNaN: metrics.record("loss", .nan)
    case .breakWeight: weights[3] = .infinity
    case .fail: throw Failure()
    case .alarm: metrics.raise(.exploitation, "the script says so")
    }
    if steps % 2 == 0 { metrics.record("loss", Double(weights[1])) }
    if steps % 37 == 0 { metrics.record("rare", Double(steps)) }
    metrics.updates += 1
    metrics.bufferSize = memory.count
    if steps % 25 == 0 {
      for epoch in 0..<2 {
        let row = ModelFitRow(
          iteration: fits, epoch: epoch, trainLoss: random.uniform(), validationLoss: epoch == 0 ? nil : 0.5,
          bestValidationLoss: nil, trainSize: memory.count, validationSize: 0)
        metrics.append(to: "model", row.cells)
      }
      fits += 1
    }
  }

  func makePolicy(isStochastic: Bool, rows: Int, random: RandomStream) -> any Policy {
    EpisodePolicy(FrozenPolicy(weights[0]), isStochastic: isStochastic, rows: rows, random: random)
  }
  var facts: [(name: String, value: String)] { [("parameters", "6"), ("transitions", String(replay.count))] }

  func archive(_ archive: Archive) throws {
    try archive.buffer("actor.0.weight", weights.memory, shape: [2, 3], isWeight: true)
    try archive.array("memory", &memory)
    try archive.part("replay", replay)
    try archive.part("random", &random)
    try archive.value("steps", &steps)
    try archive.value("fits", &fits)
    try archive.value("episodeNoise", &episodeNoise)
  }
}

/// A weight and noise of its own stream.
private final class FrozenPolicy: RowPolicy {
  private let weight: Float

  init(_ weight: Float) { self.weight = weight }

  func act(_ observations: Rows, into actions: ActionRows, isStochastic: Bool, _ random: inout RandomStream) {
    for row in 0..<actions.count {
      for column in 0..<actions.rows.columns {
        actions.rows[row, column] = min(1, max(-1, weight * 5 + Float(random.uniform(-0.5, 0.5))))
      }
    }
  }
}
