import Algorithms
import Environments
import Foundation
import Support

/// Settings from a JSON text; every fault is a programmer's error here.
func configured<Value: Configurable>(_ type: Value.Type, _ text: String) -> Value {
  guard let json = try? JSONParser.parse(Array(text.utf8)), case .object(let object) = json else {
    fatalError("bad JSON in a test: \(text)")
  }
  var value = type.init()
  let fields = Fields.read(&value, from: object)
  precondition(fields.faults.isEmpty, "\(fields.faults)")
  return value
}

func task(_ id: String) -> EnvironmentDescription {
  try! configured(EnvironmentConfiguration.self, "{\"id\": \"\(id)\"}").describe()
}

/// One environment at the start of the episode of seed 1.
func group(_ id: String) throws -> EnvironmentGroup {
  let group = EnvironmentGroup([try configured(EnvironmentConfiguration.self, "{\"id\": \"\(id)\"}").make()]) {
    UInt64($0 + 1)
  }
  try group.begin()
  return group
}

/// An agent from the sections of a configuration that describe it.
func makeAgent(
  _ sections: String, for task: EnvironmentDescription, lanes: Int = 1, seed: UInt64 = 0, threads: Int = 1
) throws -> any Agent {
  try agentSettings(sections).settings.makeAgent(
    AgentContext(task, lanes: lanes, random: RandomStream(seed: seed), pool: ComputePool(threads: threads)))
}

/// The settings of the agent that some sections describe.
func agentSettings(_ sections: String) -> Variant<Agents> {
  struct Sections: Configurable {
    var agent = Variant<Agents>()
    mutating func declare(_ fields: Fields) { Agents.declareSections(of: &agent, fields) }
  }
  return configured(Sections.self, sections).agent
}

/// Transitions of random actions.
func randomTransitions(_ id: String, count: Int, seed: UInt64 = 3) throws -> Replay {
  let environment = try configured(EnvironmentConfiguration.self, "{\"id\": \"\(id)\"}").make()
  let group = EnvironmentGroup([environment]) { seed + UInt64($0) }
  let replay = Replay(of: group.specification, lanes: 1, capacity: 2 * count + 2)
  var random = RandomStream(seed: seed)
  while replay.count < count {
    try group.begin()
    group.actions.setUniform(0, &random)
    try group.step()
    replay.append(group.transitions)
  }
  return replay
}

/// The first transitions of a replay, their next states not filled in.
func imaginedStep(of count: Int, in replay: Replay) -> ImaginedStep {
  let (observations, actions) = (replay.all(replay.observation), replay.all(replay.action))
  let step = ImaginedStep(
    capacity: count, observationSize: observations.rows.columns, actionColumns: actions.rows.columns)
  step.state.copy(Rows(observations.rows.slice(0..<count)))
  step.action.copy(Rows(actions.rows.slice(0..<count)))
  return step
}

func makeModel(_ text: String, for id: String, threads: Int = 1, seed: UInt64 = 0) -> EnsembleDynamics {
  EnsembleDynamics(
    configured(EnsembleDynamics.Configuration.self, text), DynamicsLayout(task(id)), random: RandomStream(seed: seed),
    pool: ComputePool(threads: threads))
}

extension EnsembleDynamics {
  /// A fit whose rows nobody reads.
  @discardableResult
  func fit(_ replay: Replay) throws -> ModelFitSummary {
    var metrics = Metrics(names: [], tables: tables)
    return try fit(replay, &metrics)
  }
}

/// What `archive` writes, for comparing and restoring state.
func stored(_ object: any ArchivableObject) throws -> Archive {
  let archive = Archive()
  try archive.part("it", object)
  return archive
}

func restore(_ object: any ArchivableObject, from archive: Archive) throws {
  try Archive(scalars: archive.scalars, tensors: archive.tensors).part("it", object)
}
