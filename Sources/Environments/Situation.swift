import Support

/// What an agent sees when it has to act; row i is lane i. Borrowed, valid during the call only.
package struct Situation {
  /// [lanes, observation size]
  package let observations: Rows
  /// Whether it is the first observation of an episode.
  package let isFirst: [Bool]
  /// The number, in the run, of the episode that each lane plays (in an evaluation, the episode's seed): a draw that
  /// depends on it alone survives any interruption and any number of lanes.
  package let episode: [Int]
  /// For planning with the environment itself; nil where there is none.
  package let source: (any EnvironmentSource)?

  package init(observations: Rows, isFirst: [Bool], episode: [Int], source: (any EnvironmentSource)? = nil) {
    (self.observations, self.isFirst, self.episode, self.source) = (observations, isFirst, episode, source)
  }

  package var count: Int { observations.count }
}

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
    (self.observations, self.actions, self.outcomes, self.next) = (observations, actions, outcomes, next)
    (self.isFirst, self.episode) = (isFirst, episode)
  }

  package var count: Int { observations.count }
}

/// Whoever holds the environments of a situation.
package protocol EnvironmentSource: AnyObject {
  /// An independent environment in the state of that lane; nil where it refuses to be copied.
  func copy(of lane: Int) -> (any Environment)?
}
