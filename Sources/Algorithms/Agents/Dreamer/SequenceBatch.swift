import Support

/// B sequences of T consecutive steps, time first: row t·B + b. Memory that is filled again for every update.
package final class SequenceBatch {
  package let length, count: Int
  /// [T·B, observation columns]
  package let observations: RowBuffer
  /// The action that led to each step, in [−1, 1] or one-hot, [T·B, actions].
  package let previousActions: RowBuffer
  /// Rewards that came with the observations, and 1 where an episode begins, where it ends, and where the task does;
  /// [T·B, 1].
  package let rewards, isFirst, isLast, isTerminal: RowBuffer
  /// The state before step 0, [B, ·].
  package let startH, startZ: RowBuffer

  package init(length: Int, count: Int, observationColumns: Int, actions: Int, sizes: DreamerSizes) {
    (self.length, self.count) = (length, count)
    let rows = length * count
    observations = RowBuffer(rows, observationColumns)
    previousActions = RowBuffer(rows, actions)
    (rewards, isFirst) = (RowBuffer(rows, 1), RowBuffer(rows, 1))
    (isLast, isTerminal) = (RowBuffer(rows, 1), RowBuffer(rows, 1))
    (startH, startZ) = (RowBuffer(count, sizes.deterministic), RowBuffer(count, sizes.stochastic))
  }

  /// Steps of all sequences.
  package var rows: Int { length * count }
}
