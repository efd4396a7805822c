import Support

extension Replay {
  /// n-step returns (Sutton & Barto, chapter 7): the rewards of transitions and of those that followed them, m = n
  /// together or as many as the episode has so far, Σ_{k<m} γᵏ·r_k; chained rows only.
  ///
  /// An episode that goes on, or that the time limit cut, is valued at the observation after the last reward; where the
  /// task ended, the last transition says so. Both are read from the rows `ends`.
  /// - Parameters:
  ///   - steps: n.
  ///   - discount: γ.
  ///   - rewards: the sums [rows, 1].
  ///   - discounts: γᵐ [rows, 1].
  ///   - ends: the transition of the last reward, for each of `rows`.
  package func sumRewards(
    _ rows: [Int32], steps: Int, discount: Float, into rewards: MutableRows, discounts: MutableRows,
    ends: inout [Int32]
  ) {
    precondition(layout == .chained && steps >= 1 && rows.count <= rewards.count && rows.count <= discounts.count)
    ends.removeAll(keepingCapacity: true)
    for (place, row) in rows.enumerated() {
      var (sum, factor, end) = (Float(0), Float(1), Int(row))
      for step in 1...steps {
        sum += factor * memory[end].load(fromByteOffset: reward.offset, as: Float.self)
        factor *= discount
        // A row that is no transition follows an episode's last one, and the newest one of an episode under way.
        let next = self.row(row, shifted: step)
        guard step < steps, memory[next].load(fromByteOffset: Header.isTransition, as: UInt8.self) == 1 else { break }
        end = next
      }
      rewards[place, 0] = sum
      discounts[place, 0] = factor
      ends.append(Int32(end))
    }
  }
}
