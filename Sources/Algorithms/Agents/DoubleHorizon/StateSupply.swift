import Environments
import Neural
import Support

/// Which member of a model serves each row at each step: rows fall into as many equal groups as there are members, and
/// every step gives each group another member (Chua et al. 2018, TS1).
package struct MemberDraw {
  private let members: Int
  private let random: RandomStream

  /// For so many members; a step's draw comes from a stream of its own.
  package init(_ members: Int, _ random: RandomStream) { (self.members, self.random) = (members, random) }

  /// Writes the member of every row at a step.
  package func fill(_ step: Int, _ serving: inout [Int32]) {
    var random = random.stream(UInt64(step))
    let order = random.permutation(members)
    for row in serving.indices { serving[row] = order[row * members / serving.count] }
  }
}

/// The long rollouts of the double horizon: without gradients, from real states, for nothing but the states they visit.
package final class StateSupply {
  private let start: RowBuffer
  private let tape: Tape
  private var trajectory = ImaginedTrajectory()
  private var rows: [Int32] = []

  /// For `rows` rollouts at a time.
  package init(rows: Int, size: Int, pool: ComputePool) {
    start = RowBuffer(rows, size)
    tape = Tape(pool: pool)
  }

  /// Carries states drawn from `real` over `length` steps, and appends all, the first ones too, in which the task has
  /// not ended.
  /// - Returns: how many.
  package func run(
    _ length: Int, from real: Replay, by policy: SoftPolicy, in model: any DifferentiableDynamics,
    into ring: StateRing, _ random: inout RandomStream
  ) -> Int {
    let count = start.rows.count
    real.sample(count, &random, into: &rows)
    real.gather(rows, real.observation, into: start.rows)
    model.standardize(start.rows)
    let members = MemberDraw(model.members, random.nextStream())
    tape.rewind()
    tape.withoutGradients {
      trajectory.imagine(
        from: tape.constant(start.read), length, by: policy, in: model, members: members.fill, &random, on: tape)
    }
    var added = 0
    for (step, states) in trajectory.states.enumerated() {
      let states = tape.rows(of: states)
      for row in 0..<count where trajectory.alive[step * count + row] != 0 {
        ring.append(states.row(row))
        added += 1
      }
    }
    return added
  }
}

/// A policy of observations as a model standardises them.
final class StandardizedPolicy: RowPolicy {
  private let policy: SoftPolicy
  private let model: any DifferentiableDynamics
  private var standardized = RowBuffer(1, 1)

  init(_ policy: SoftPolicy, _ model: any DifferentiableDynamics) { (self.policy, self.model) = (policy, model) }

  func act(_ observations: Rows, into actions: ActionRows, isStochastic: Bool, _ random: inout RandomStream) {
    let (count, columns) = (observations.count, observations.columns)
    if standardized.rows.count < count || standardized.rows.columns != columns {
      standardized = RowBuffer(count, columns)
    }
    let rows = standardized.rows.slice(0..<count)
    rows.copy(observations)
    model.standardize(rows)
    policy.act(Rows(rows), into: actions, isStochastic: isStochastic, &random)
  }
}
