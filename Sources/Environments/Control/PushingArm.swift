import Foundation
import Support

/// PushingArm-v0: an arm of seven joints pushes an object over a table to a target.
///
/// The task is the pushing arm of introductory texts; its geometry is this project's own. Joints 1, 3, 5, 7 turn about
/// z (roll), 2, 4, 6 about y (pitch); a rod hangs from the tip to the table. One step lasts .05 s:
///
///     v ← v + .5 (clip(a, ±1) − v)                     for each joint, rad/s
///     five times:
///       q ← q + .01 v; beyond home ± 1 rad: q stops there, v = 0
///       where the tip is below .25 m and its horizontal distance d to the object o is below .1 m, with n = (o − tip)/d
///       and the tangent m = (−n_y, n_x):   o = tip + .1 n + drag ((tip − tip before)·m) m,  kept on the table
///     reward = −‖o − target‖                           after the step
///
/// The contact is quasi-static: the object has no velocity, leaves the rod along the normal and slips off unless the
/// pusher steers. Resets are NumPy's draws: home ± .02 rad, the object in [.46, .56] × [−.04, .04]. Never terminates;
/// 100 steps.
package struct PushingArm: ConfigurableEnvironment {
  package struct Configuration: Configurable {
    /// Share of the rod's tangential motion that the object takes on while touched.
    package var drag = 0.4

    package init() {}

    package mutating func declare(_ fields: Fields) {
      fields.number(
        "drag", &drag, in: 0...1, "share of the rod's sideways motion that the object takes on; more is easier")
    }
  }

  package static let specification: EnvironmentSpecification = {
    func bounds(_ side: Double, _ x: Double, _ y: Double) -> [Float] {
      (0..<joints).map { Float(home[$0] + side * reach) } + [Float](repeating: Float(side), count: joints)
        + [Float(x), Float(y), Float(target.z)]
    }
    let ones = [Float](repeating: 1, count: joints)
    return EnvironmentSpecification(
      id: "PushingArm-v0",
      observationSpace: .box(
        low: bounds(-1, tableX.lowerBound, tableY.lowerBound), high: bounds(1, tableX.upperBound, tableY.upperBound)),
      actionSpace: .box(low: ones.map { -$0 }, high: ones), stepLimit: 100, rewardRange: -0.83...0,
      framesPerSecond: 20, summary: "push an object to its target with a seven-joint arm (100 steps)")
  }()

  private static let joints = 7
  /// rad
  private static let home = SIMD8<Double>(-0.30, 1.1, 0, 1.4, 0, 0.65, 0, 0)
  /// Of each joint to both sides of home, rad.
  private static let reach = 1.0
  /// Share of the difference to the wanted velocity that a step makes up for.
  private static let velocityGain = 0.5
  private static let substeps = 5
  /// s
  private static let substepDuration = 0.01
  /// Base, upper arm, lower arm, m.
  private static let (base, upperArm, lowerArm) = (0.34, 0.40, 0.39)
  /// Of object and rod together, m.
  private static let contactDistance = 0.10
  /// The rod passes over the object with the tip at this height or above it, m.
  private static let clearance = 0.25
  /// Where the object has to go, m.
  private static let target = SIMD3<Double>(0.55, 0.25, 0.03)
  /// How near the target is near enough, m.
  private static let tolerance = 0.05
  private static let tableX = 0.20...0.90
  private static let tableY = -0.50...0.50

  private let drag: Double
  /// rad; seven of eight are used.
  private var positions = home
  /// rad/s; likewise.
  private var velocities = SIMD8<Double>()
  /// The object's place, m.
  private var object = SIMD3<Double>(0.5, 0, target.z)

  package init(_ configuration: Configuration) { drag = configuration.drag }

  package mutating func reset(seed: UInt64) {
    var random = NumPyRandom(seed: seed)
    for joint in 0..<PushingArm.joints { positions[joint] = PushingArm.home[joint] + random.uniform(-0.02, 0.02) }
    velocities = SIMD8()
    let x = random.uniform(0.46, 0.56)
    object = SIMD3(x, random.uniform(-0.04, 0.04), PushingArm.target.z)
  }

  package mutating func step(_ action: Action) throws -> Outcome {
    let wanted = try action.vector(count: PushingArm.joints)
    for joint in 0..<PushingArm.joints {
      let velocity = Double(wanted[joint]).clipped(-1, 1)
      velocities[joint] += PushingArm.velocityGain * (velocity - velocities[joint])
    }
    var tip = self.tip
    for _ in 0..<PushingArm.substeps {
      moveJoints()
      let before = tip
      tip = self.tip
      if tip.z < PushingArm.clearance { push(from: before, to: tip) }
    }
    return Outcome(reward: -distance, isTerminated: false)
  }

  private mutating func moveJoints() {
    for joint in 0..<PushingArm.joints {
      positions[joint] += velocities[joint] * PushingArm.substepDuration
      let (low, high) = (PushingArm.home[joint] - PushingArm.reach, PushingArm.home[joint] + PushingArm.reach)
      if positions[joint] < low {
        (positions[joint], velocities[joint]) = (low, 0)
      } else if positions[joint] > high {
        (positions[joint], velocities[joint]) = (high, 0)
      }
    }
  }

  /// Moves the object out of the rod, where that has come into it, and along with it.
  private mutating func push(from before: SIMD3<Double>, to tip: SIMD3<Double>) {
    var (dx, dy) = (object.x - tip.x, object.y - tip.y)
    let reach = PushingArm.contactDistance
    let squaredDistance = dx * dx + dy * dy
    guard squaredDistance < reach * reach else { return }
    var distance = squaredDistance.squareRoot()
    if distance < 1e-9 { (dx, dy, distance) = (1, 0, 1) }
    let (nx, ny) = (dx / distance, dy / distance)
    let dragged = drag * ((tip.y - before.y) * nx - (tip.x - before.x) * ny)
    object.x = tip.x + reach * nx - dragged * ny
    object.y = tip.y + reach * ny + dragged * nx
    object.x = object.x.clipped(PushingArm.tableX.lowerBound, PushingArm.tableX.upperBound)
    object.y = object.y.clipped(PushingArm.tableY.lowerBound, PushingArm.tableY.upperBound)
  }

  // MARK: Geometry

  /// From the object to its target, m.
  private var distance: Double {
    let (dx, dy, dz) = (
      object.x - PushingArm.target.x, object.y - PushingArm.target.y, object.z - PushingArm.target.z
    )
    return (dx * dx + dy * dy + dz * dz).squareRoot()
  }

  /// The object lies at its target; what counts is where it lies at an episode's end.
  package var isSuccess: Bool? { distance <= PushingArm.tolerance }

  /// Of the tool, m; the rod hangs below it.
  private var tip: SIMD3<Double> {
    var point = SIMD3<Double>(0.08, 0, 0.12)
    turn(&point, roll: 6, pitch: 5)
    return carry(point, fromElbow: false)
  }

  /// A point in the frame of the lower arm's end, or where it is in that of the upper arm's, as the base sees it, m.
  private func carry(_ point: SIMD3<Double>, fromElbow: Bool) -> SIMD3<Double> {
    var point = point
    if !fromElbow {
      point.z += PushingArm.lowerArm
      turn(&point, roll: 4, pitch: 3)
    }
    point.z += PushingArm.upperArm
    turn(&point, roll: 2, pitch: 1)
    point.z += PushingArm.base
    PushingArm.roll(&point, positions[0])
    return point
  }

  /// From the frame behind two joints to that before them.
  private func turn(_ point: inout SIMD3<Double>, roll: Int, pitch: Int) {
    PushingArm.roll(&point, positions[roll])
    let (sine, cosine) = (sin(positions[pitch]), cos(positions[pitch]))
    (point.x, point.z) = (cosine * point.x + sine * point.z, cosine * point.z - sine * point.x)
  }

  private static func roll(_ point: inout SIMD3<Double>, _ angle: Double) {
    let (sine, cosine) = (sin(angle), cos(angle))
    (point.x, point.y) = (cosine * point.x - sine * point.y, sine * point.x + cosine * point.y)
  }

  // MARK: What is seen and kept

  /// [seven angles (rad), seven velocities (rad/s), object x, y, z (m)]
  package func observe(into observation: UnsafeMutableBufferPointer<Float>) {
    let joints = PushingArm.joints
    for joint in 0..<joints {
      observation[joint] = Float(positions[joint])
      observation[joints + joint] = Float(velocities[joint])
    }
    for axis in 0..<3 { observation[2 * joints + axis] = Float(object[axis]) }
  }

  /// As observed.
  package var state: [Double] {
    get {
      let joints = 0..<PushingArm.joints
      return joints.map { positions[$0] } + joints.map { velocities[$0] } + [object.x, object.y, object.z]
    }
    set {
      let joints = PushingArm.joints
      precondition(newValue.count == 2 * joints + 3, "\(newValue.count) numbers as a state of an arm")
      for joint in 0..<joints { (positions[joint], velocities[joint]) = (newValue[joint], newValue[joints + joint]) }
      for axis in 0..<3 { object[axis] = newValue[2 * joints + axis] }
    }
  }

  package mutating func archive(_ archive: Archive) throws {
    var numbers = state
    try archive.array("state", &numbers, isFixed: true)
    state = numbers
  }

  /// From above, the base on the left: the arm, its tip, the object and its target.
  package var sketch: Sketch? {
    let table = (PushingArm.tableX, PushingArm.tableY)
    var sketch = Sketch(x: -0.15...1, y: -0.6...0.6)
    sketch.rectangle(
      .init(table.0.lowerBound, table.1.lowerBound), .init(table.0.upperBound, table.1.upperBound), .pale)
    sketch.disc(.init(PushingArm.target.x, PushingArm.target.y), radius: PushingArm.tolerance, .green)
    sketch.disc(.init(object.x, object.y), radius: 0.06, .wood)
    let (elbow, wrist, tip) = (carry(SIMD3(), fromElbow: true), carry(SIMD3(), fromElbow: false), tip)
    sketch.line(
      [.init(0, 0), .init(elbow.x, elbow.y), .init(wrist.x, wrist.y), .init(tip.x, tip.y)], width: 0.03, .grey)
    // Pale where the rod passes over the object.
    sketch.disc(.init(tip.x, tip.y), radius: 0.04, tip.z < PushingArm.clearance ? .red : .sky)
    return sketch
  }

  package var knownDynamics: (any KnownDynamics)? { Known() }

  /// The reward as a function of a transition.
  private struct Known: KnownDynamics {
    /// All but the object's height, which never changes.
    package var modelFeatures: [ObservationFeature]? { (0..<2 * PushingArm.joints + 2).map { .value($0) } }

    /// Scores the next observation.
    package func rewards(of columns: TransitionColumns, into reward: UnsafeMutablePointer<Float>) {
      let first = 2 * PushingArm.joints
      let (x, y, z) = (
        columns.nextObservationColumn(first), columns.nextObservationColumn(first + 1),
        columns.nextObservationColumn(first + 2)
      )
      let target = SIMD3<Float>(PushingArm.target)
      for row in 0..<columns.count {
        let (dx, dy, dz) = (x[row] - target.x, y[row] - target.y, z[row] - target.z)
        reward[row] = -(dx * dx + dy * dy + dz * dz).squareRoot()
      }
    }
  }
}
