import Support

/// LineWorld-v0: a point on a line goes to 7. Small enough to work every number out by hand.
///
///     reward = −|p − 7|                  of the position BEFORE the action
///     p' = clip(p + clip(a, ±1), 0, 10)
///
/// Starts at 3; never terminates; 20 steps. From 3 the actions .8, .5, −.2 earn −4 − 3.2 − 2.7 = −9.9.
package struct LineWorld: PhysicalEnvironment {
  package struct Configuration: Configurable {
    package var start = 3.0

    package init() {}

    package mutating func declare(_ fields: Fields) {
      fields.number("start", &start, in: 0...10, "position after a reset")
    }
  }

  package static let specification = EnvironmentSpecification(
    id: "LineWorld-v0", observationSpace: .box(low: [0], high: [10]), actionSpace: .box(low: [-1], high: [1]),
    stepLimit: 20, rewardRange: -7...0, framesPerSecond: 5,
    observationNames: ["position"], actionNames: ["move"],
    summary: "move a point on a line to 7; every number can be worked out by hand (20 steps)")

  fileprivate static let goal = 7.0

  private var start: Double
  private var position: Double

  package init(_ configuration: Configuration) {
    start = configuration.start
    position = configuration.start
  }

  /// The start; the seed changes nothing.
  package mutating func reset(seed: UInt64) { position = start }

  package mutating func step(_ action: Action) throws -> Outcome {
    let velocity = Double(try action.scalar().clipped(-1, 1))
    let reward = -abs(position - LineWorld.goal)
    position = (position + velocity).clipped(0, 10)
    return Outcome(reward: reward, isTerminated: false)
  }

  /// [position]
  package func observe(into observation: UnsafeMutableBufferPointer<Float>) { observation[0] = Float(position) }

  package static let quantities: Quantities = [
    "position": \.position
  ]

  /// The point on its line, and where it should go.
  package var sketch: Sketch? {
    var sketch = Sketch(x: -0.5...10.5, y: -1.5...1.5)
    sketch.bar(.init(0, 0), .init(10, 0), width: 0.05, .ink)
    for tick in 0...10 { sketch.bar(.init(Double(tick), -0.15), .init(Double(tick), 0.15), width: 0.05, .ink) }
    sketch.bar(.init(LineWorld.goal, -0.6), .init(LineWorld.goal, 0.6), width: 0.1, .green)
    sketch.disc(.init(position, 0), radius: 0.3, .blue)
    return sketch
  }

  package var knownDynamics: (any KnownDynamics)? { Known() }

  /// Reward and end as functions of a transition.
  private struct Known: KnownDynamics {
    /// Scores the observation before the action.
    package func rewards(of columns: TransitionColumns, into reward: UnsafeMutablePointer<Float>) {
      let position = columns.observationColumn(0)
      for row in 0..<columns.count { reward[row] = -abs(position[row] - Float(LineWorld.goal)) }
    }
  }
}
