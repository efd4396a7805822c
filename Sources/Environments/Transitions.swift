import Support

/// One step of every lane; row i is lane i. `next` is what the step gave: where an episode ended, its last observation.
/// Borrowed, valid during the call only.
package struct Transitions {
  /// [lanes, observation size]
  package let observations: Rows
  package let actions: ActionRows
  package let outcomes: [Outcome]
  /// [lanes, observation size]
  package let next: Rows
  /// Per lane: `observations` was the first of its episode.
  package let isFirst: [Bool]
  /// See `Situation`.
  package let episode: [Int]

  package init(
    observations: Rows, actions: ActionRows, outcomes: [Outcome], next: Rows, isFirst: [Bool], episode: [Int]
  ) {
    self.observations = observations
    self.actions = actions
    self.outcomes = outcomes
    self.next = next
    self.isFirst = isFirst
    self.episode = episode
  }

  /// Lanes.
  package var count: Int { observations.count }
}
