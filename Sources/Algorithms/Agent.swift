import Environments
import Neural
import Support

/// A learner of n lanes. It never sees a path, a clock or a printer: the run owns evaluation, files and stopping.
///
/// For every step of all lanes comes `act`, `observe`, `learn`. An agent belongs to one run and is used by one thread
/// at a time.
package protocol Agent: ArchivableObject {
  /// Names of this algorithm's columns in progress.csv, fixed for the whole run.
  var metricNames: [String] { get }
  /// Tables of its own; default: none.
  var tables: [TableDeclaration] { get }
  /// Writes the next action of every lane, exploration included.
  /// - Throws: `InterruptedError` where the run is asked to stop in a long plan: then what was finished is in the
  ///   agent's own state, and the same call comes again, perhaps in another session.
  func act(in situation: Situation, into actions: ActionRows) throws
  /// Takes in the step that followed; comes after every `act` that returned, with nothing in between.
  func observe(_ steps: Transitions)
  /// Learns from what was observed; called once after every `observe`.
  /// - Throws: `InterruptedError` where the run is asked to stop in a long model fit: then the agent can be archived,
  ///   and another call, perhaps in another session, goes on as if it had not been interrupted.
  func learn(_ metrics: inout Metrics) throws
  /// A policy for `rows` lanes that uses the agent's present knowledge and leaves its state untouched: for evaluation.
  /// The draws of episode e come from `random.stream(e)`. It is valid until the agent learns again.
  func makePolicy(isStochastic: Bool, rows: Int, random: RandomStream) -> any Policy
  /// Facts worth showing in `mbrl inspect`, such as parameter counts; default: none.
  var facts: [(name: String, value: String)] { get }
  /// Q, of an agent whose knowledge is a table; default: nil.
  var actionValues: ActionValues? { get }
  /// A model of the dynamics that is fitted; default: nil.
  var model: (any DynamicsModel)? { get }
  /// A world model that can say what it expects to see; default: nil.
  var openLoopModel: (any OpenLoopModel)? { get }
  /// A model of the action between two observations, once it is fitted; default: nil.
  var inverseModel: InverseModel? { get }
  /// What really happened, as far as it is kept; default: nil.
  var replay: Replay? { get }
}

extension Agent {
  package var tables: [TableDeclaration] { [] }
  package var facts: [(name: String, value: String)] { [] }
  package var actionValues: ActionValues? { nil }
  package var model: (any DynamicsModel)? { nil }
  package var openLoopModel: (any OpenLoopModel)? { nil }
  package var inverseModel: InverseModel? { nil }
  package var replay: Replay? { nil }
}

/// A run that cannot go on because a number is not finite.
package struct DivergedError: Error, Equatable, CustomStringConvertible {
  /// What holds the non-finite number: "model.layers.0.weight", "predicted return".
  package var quantity: String
  /// What may help, where that is known.
  package var advice: String?
  package init(quantity: String, advice: String? = nil) { (self.quantity, self.advice) = (quantity, advice) }
  package var description: String { "\(quantity) is not finite" }

  /// Names the first tensor of policy and critics that is not finite, as a checkpoint does; where all are, the critics'
  /// loss.
  package init(policy: ParameterStore, critics: ParameterStore) {
    self.init(
      quantity: policy.firstNonfinite(prefix: "actor.") ?? critics.firstNonfinite(prefix: "critic.")
        ?? "the loss of the critics",
      advice: "a smaller agent.learningRate may help")
  }

  /// The same with other advice.
  package func advising(_ advice: String) -> DivergedError { DivergedError(quantity: quantity, advice: advice) }
}

/// What the run gives an agent to build itself from.
package struct AgentContext {
  /// The task.
  package var task: EnvironmentDescription
  /// Environments that are stepped together.
  package var lanes: Int
  /// The run's root stream; the agent derives named streams from it, other than the run's own "environment".
  package var random: RandomStream
  /// Threads this run may use; it also knows whether the run is asked to stop.
  package var pool: ComputePool

  package init(_ task: EnvironmentDescription, lanes: Int = 1, random: RandomStream, pool: ComputePool) {
    self.task = task
    self.lanes = lanes
    self.random = random
    self.pool = pool
  }

  package var specification: EnvironmentSpecification { task.specification }
}
