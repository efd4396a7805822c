import Foundation
import Support

/// MountainCarContinuous-v0: the mountain car with a force of any strength, paid for by its square.
///
/// Gymnasium 1.4.0, bit for bit. p is the position, v the velocity, f the action clipped to [−1, 1]:
///
///     v' = clip(v + .0015 f − .0025 cos 3p, ±.07)
///     p' = clip(p + v', −1.2, .6);   v' = 0 at the left wall
///     reward = (100 where the task ends) − .1 a²            of the action as given, unclipped
///
/// Ends at p' ≥ .45 with v' ≥ the goal velocity; 999 steps. NumPy's promotion rules decide the precision: the state is
/// float64 after a reset and float32 from the first step on; the change of velocity is float32 too, unless the action
/// was clipped, which turns it into a Python float.
package struct MountainCarContinuous: MountainCarTask {
  package static let specification = EnvironmentSpecification(
    id: "MountainCarContinuous-v0", observationSpace: observationSpace, actionSpace: .box(low: [-1], high: [1]),
    stepLimit: 999, rewardRange: -0.1...100, rewardThreshold: 90, framesPerSecond: 30,
    observationNames: ["position", "velocity"], actionNames: ["force"],
    summary: "rock a weak car up a hill with a force of any strength (999 steps)")

  package static let goal = 0.45
  package let goalVelocity: Double
  package var position = 0.0
  package var velocity = 0.0
  /// Whether position and velocity are float32 numbers (held exactly in the doubles): true from the first step on.
  package var isSinglePrecision = false

  package init(_ configuration: MountainCarOptions) { goalVelocity = configuration.goalVelocity }

  package mutating func step(_ action: Action) throws -> Outcome {
    let action = try action.scalar()
    let isOver: Bool
    if isSinglePrecision {
      // 3·p is a float32 product whose cosine is taken in double precision.
      let slope = 0.0025 * cos(Double(3 * Float(position)))
      let change = MountainCarContinuous.change(action, slope)
      isOver = move(Float(position), Float(velocity) + Float(change))
    } else {
      let change = MountainCarContinuous.change(action, 0.0025 * cos(3 * position))
      isOver = move(position, velocity + change)
    }
    isSinglePrecision = true
    let effort = Double(action) * Double(action) * 0.1
    return Outcome(reward: (isOver ? 100 : 0) - effort, isTerminated: isOver)
  }

  /// .0015 f − slope: a double where the action was clipped, else a float32 (returned exactly).
  private static func change(_ action: Float, _ slope: Double) -> Double {
    if action < -1 { return -0.0015 - slope }
    if action > 1 { return 0.0015 - slope }
    return Double(action * 0.0015 - Float(slope))
  }

  /// Clips and moves in the state's own precision, then rounds the state to float32; whether the goal is reached.
  @inline(__always)
  private mutating func move<Number: BinaryFloatingPoint>(_ oldPosition: Number, _ newVelocity: Number) -> Bool {
    var newVelocity = newVelocity.clipped(-0.07, 0.07)
    let newPosition = (oldPosition + newVelocity).clipped(-1.2, 0.6)
    if newPosition == -1.2 && newVelocity < 0 { newVelocity = 0 }
    position = Double(Float(newPosition))
    velocity = Double(Float(newVelocity))
    return newPosition >= Number(MountainCarContinuous.goal) && newVelocity >= Number(goalVelocity)
  }

  package mutating func archive(_ archive: Archive) throws {
    try archiveQuantities(archive)
    try archive.value("isSinglePrecision", &isSinglePrecision)
  }

  package var knownDynamics: (any KnownDynamics)? {
    Known(goal: MountainCarContinuous.goal, goalVelocity: goalVelocity)
  }

  /// Reward and end as functions of a transition.
  private struct Known: KnownMountainCar {
    let goal, goalVelocity: Double

    func rewards(of columns: TransitionColumns, into reward: UnsafeMutablePointer<Float>) {
      terminations(of: columns, into: reward)
      let action = columns.actionColumn(0)
      for row in 0..<columns.count { reward[row] = 100 * reward[row] - 0.1 * action[row] * action[row] }
    }
  }
}
