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

/// What the sections of a configuration say of an agent: "agent", "model" and "planner".
func algorithm(_ text: String) -> AlgorithmConfiguration {
  struct Sections: Configurable {
    var algorithm = AlgorithmConfiguration()
    mutating func declare(_ fields: Fields) { algorithm.declare(fields) }
  }
  return configured(Sections.self, text).algorithm
}

func environment(_ id: String) -> any SnapshotEnvironment {
  var environment = configured(EnvironmentConfiguration.self, "{\"id\": \"\(id)\"}").make()
  environment.reset(seed: 1)
  return environment
}

/// A situation of an environment as it stands.
func situation(_ environment: any SnapshotEnvironment) -> (Situation, FloatBuffer) {
  let observation = FloatBuffer(count: environment.specification.observationSpace.size)
  environment.observe(into: observation.memory)
  return (Situation(observation: observation.readOnly, environment: environment), observation)
}

/// Transitions of random actions.
func randomTransitions(_ id: String, count: Int, seed: UInt64 = 3) throws -> TransitionBuffer {
  var environment = environment(id)
  let space = environment.specification.actionSpace
  let buffer = TransitionBuffer(
    observationSize: environment.specification.observationSpace.size, actionSpace: space, capacity: count)
  let policy = RandomPolicy(space, RandomStream(seed: seed))
  var episode = seed
  environment.reset(seed: episode)
  while buffer.count < count {
    let (before, memory) = situation(environment)
    let action = policy.act(in: before)
    let outcome = try environment.step(action)
    let (after, next) = situation(environment)
    _ = (memory, next)
    buffer.append(
      Transition(
        observation: before.observation, action: action, reward: outcome.reward,
        nextObservation: after.observation, isTerminated: outcome.isTerminated, isTruncated: outcome.isTruncated))
    if outcome.isOver {
      episode += 1
      environment.reset(seed: episode)
    }
  }
  return buffer
}

func makeModel(_ text: String, for id: String, threads: Int = 1, seed: UInt64 = 0) -> EnsembleDynamics {
  let known = environment(id) as? any KnownDynamicsParts
  let configuration = configured(EnsembleDynamics.Configuration.self, text)
  return configuration.makeModel(
    DynamicsLayout(environment(id).specification, known: known), random: RandomStream(seed: seed),
    pool: ComputePool(threads: threads)) as! EnsembleDynamics
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
