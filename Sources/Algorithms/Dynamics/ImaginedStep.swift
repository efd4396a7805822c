import CKernels
import Environments
import Support

/// One imagined step of many rows, feature-major, as kernels and known dynamics want it: the handle over every column.
package final class ImaginedStep {
  /// Most rows.
  package let capacity: Int
  /// Rows of the present step.
  package var count: Int
  /// [count, observation size]
  package private(set) var state: MutableRows
  /// [count, observation size]: what follows.
  package private(set) var next: MutableRows
  /// [count, action columns]; one-hot for discrete actions.
  package let action: MutableRows
  /// [count, 1]
  package let reward: MutableRows
  /// [count, 1]: 1 where the task ends with the step; a learned model's logit until `EnsembleDynamics.complete`.
  package let ended: MutableRows
  /// [count]: the member that moved each row last, of a model that has members.
  package var mover: [Int32]
  private let memory: FloatBuffer

  /// Memory for `capacity` rows.
  package init(capacity: Int, observationSize: Int, actionColumns: Int) {
    let stride = max(capacity, 1)
    let memory = FloatBuffer(count: (2 * observationSize + actionColumns + 2) * stride)
    func block(_ from: Int, _ columns: Int) -> MutableRows {
      MutableRows(memory.base + from * stride, stride, columns, rowStride: 1, columnStride: stride)
    }
    self.capacity = capacity
    self.memory = memory
    count = capacity
    mover = [Int32](repeating: 0, count: stride)
    state = block(0, observationSize)
    next = block(observationSize, observationSize)
    action = block(2 * observationSize, actionColumns)
    reward = block(2 * observationSize + actionColumns, 1)
    ended = block(2 * observationSize + actionColumns + 1, 1)
  }

  /// The next states become the states.
  package func carryOn() { swap(&state, &next) }

  /// As `carryOn`, but only some rows go on, close together; ascending.
  package func carryOn(_ rows: [Int32]) {
    for column in 0..<state.columns {
      for (place, row) in rows.enumerated() { state[place, column] = next[Int(row), column] }
    }
    count = rows.count
  }

  /// Some rows as transitions.
  package func batch(_ rows: Range<Int>) -> TransitionBatch {
    TransitionBatch(
      observations: Rows(state.slice(rows)), actions: Rows(action.slice(rows)), rewards: Rows(reward.slice(rows)),
      next: Rows(next.slice(rows)), terminated: Rows(ended.slice(rows)))
  }

  /// As known dynamics read it.
  package var columns: TransitionColumns {
    TransitionColumns(
      count: count, stride: state.columnStride, observation: state.base, action: action.base, nextObservation: next.base
    )
  }

  /// As the kernels read it; reward and end only where they are learned, into `next` or another place.
  func kernelRows(
    learnsReward: Bool, learnsTermination: Bool, into next: UnsafeMutablePointer<Float>? = nil
  ) -> ck_rows {
    var rows = ck_rows()
    rows.stride = Int64(state.columnStride)
    rows.observation = UnsafePointer(state.base)
    rows.action = UnsafePointer(action.base)
    rows.next_observation = next ?? self.next.base
    if learnsReward { rows.reward = reward.base }
    if learnsTermination { rows.termination = ended.base }
    return rows
  }
}
