import Algorithms
import Environments
import Support

/// Transitions in rows, from episodes or from a replay.
package struct TransitionSample {
  package let columns, actionColumns: Int
  /// [count][columns], [count][action columns], [count][columns]
  package private(set) var observations: [Float] = []
  package private(set) var actions: [Float] = []
  package private(set) var next: [Float] = []
  package private(set) var rewards: [Double] = []

  package var count: Int { rewards.count }

  /// Every step of some episodes.
  package init(_ trajectories: [Trajectory], columns: Int, actionColumns: Int) {
    (self.columns, self.actionColumns) = (columns, actionColumns)
    for trajectory in trajectories {
      observations += trajectory.observations.prefix(trajectory.steps * columns)
      next += trajectory.observations.dropFirst(columns)
      actions += trajectory.actions
      rewards += trajectory.rewards
    }
  }

  /// Transitions of a replay but for the newest `unseen` ones, as many steps apart as it takes for them to be at most
  /// `most`; `newest`: of the last so many of them only.
  package init(_ replay: Replay, most: Int, unseen: Int = 0, newest: Int? = nil) {
    (columns, actionColumns) = (replay.observation.width, replay.action.width)
    let left = max(replay.count - unseen, min(replay.count, 1))
    let tooNew = Set(replay.newest(replay.count - left))
    let all =
      (newest.map { replay.newest($0 + replay.count - left) } ?? (0..<replay.count).map { replay.transition($0) })
      .filter { !tooNew.contains($0) }
    let count = min(most, all.count)
    let rows = (0..<count).map { all[$0 * all.count / count] }
    func read(_ column: Replay.Column) -> [Float] {
      let values = RowBuffer(rows.count, column.width)
      replay.gather(rows, column, into: values.rows)
      return values.read.array
    }
    observations = read(replay.observation)
    actions = read(replay.action)
    next = read(replay.next)
    rewards = read(replay.reward).map(Double.init)
  }

  /// How well an inverse model tells the actions; nil: there are none, or they do not vary.
  package func accuracy(of inverse: InverseModel) -> Double? {
    observations.withUnsafeBufferPointer { observations in
      next.withUnsafeBufferPointer { next in
        actions.withUnsafeBufferPointer { actions in
          guard count > 0 else { return nil }
          return inverse.accuracy(
            from: Rows(observations.baseAddress!, count, columns), to: Rows(next.baseAddress!, count, columns),
            actions: Rows(actions.baseAddress!, count, actionColumns))
        }
      }
    }
  }

  package func observation(_ row: Int) -> ArraySlice<Float> { observations[row * columns..<(row + 1) * columns] }
  package func next(_ row: Int) -> ArraySlice<Float> { next[row * columns..<(row + 1) * columns] }
  package func action(_ row: Int) -> ArraySlice<Float> { actions[row * actionColumns..<(row + 1) * actionColumns] }
}

/// The unit in which errors of different quantities are put together: per observation column its standard deviation in
/// what the model has learned from and in what the policy sees, and the same of the reward. A distance of two states is
/// the root of the mean, over the columns that change at all, of the squared differences in these units.
package struct Units {
  /// Per column; 0: it never changes, and nothing is asked of it.
  package let deviations: [Double]
  package let reward: Double

  package init(_ tables: [TransitionSample]) {
    let columns = tables[0].columns
    deviations = (0..<columns).map { column in
      Spread(
        tables.flatMap { table in
          (0..<table.count).map { Double(table.next[$0 * columns + column]) }
        })?.deviation ?? 0
    }
    reward = Spread(tables.flatMap(\.rewards))?.deviation ?? 0
  }

  /// Columns that change.
  package var asked: [Int] { deviations.indices.filter { deviations[$0] > 1e-12 } }

  package func variance(_ column: Int) -> Double { deviations[column] * deviations[column] }

  /// See above; columns that have no deviation are left out.
  package func distance(_ first: some Collection<Float>, _ second: some Collection<Float>) -> Double {
    var (sum, count) = (0.0, 0)
    for (column, (one, other)) in zip(first, second).enumerated() where deviations[column] > 1e-12 {
      let difference = (Double(one) - Double(other)) / deviations[column]
      (sum, count) = (sum + difference * difference, count + 1)
    }
    return count > 0 ? (sum / Double(count)).squareRoot() : 0
  }
}
