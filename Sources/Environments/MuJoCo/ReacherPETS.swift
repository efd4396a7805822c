import Foundation
import Support

/// ReacherPETS-v0: an arm of seven joints brings its hand to a point in space, as the PETS authors have it. (Reacher-v5
/// is another task: two links in the plane.)
///
/// K. Chua et al., "Deep reinforcement learning in a handful of trials using probabilistic dynamics models" (2018),
/// kchua/handful-of-trials 77fd880: bodies, joints and forces are theirs, in a model of our own text; the simulation is
/// that of the library at hand, theirs was MuJoCo 1.31. The hand is where their formula has it (see `hand`):
///
///     reward = −‖hand − goal‖² − .01 Σ a²
///
/// An episode starts from the stretched arm at rest, the goal N(0, .1²) about (0, .25, 0) m. Never terminates; 150
/// steps of 2 × .01 s.
package struct ReacherPETS: MuJoCoTask {
  package typealias Configuration = NoOptions

  package static let facts = MuJoCoFacts(
    id: "ReacherPETS-v0", model: "pets_reacher.xml", xml: xml,
    counts: MuJoCoCounts(positions: 10, velocities: 10, bodies: 9, controls: 7, within: 20), frameSkip: 2,
    timestep: 0.01, stepLimit: 150, fidelity: .rounding,
    summary: "bring the hand of a seven-joint arm to a point (PETS), in MuJoCo (150 steps)")
  package static let view = MuJoCoView.above(-0.9...1.2, -0.9...0.8)
  package static func rewardRange(_ configuration: NoOptions) -> ClosedRange<Double> { -.infinity...0 }
  private static let controlWeight = 0.01
  /// Standard deviation of the goal in each direction, m.
  private static let spread = 0.1
  private static let joints = 7

  package init(_ configuration: NoOptions, _ model: MuJoCoModel) throws(MuJoCoError) {
    try model.require(positions: ReacherPETS.joints + 3, velocities: ReacherPETS.joints)
  }

  package static func observationSize(_ configuration: NoOptions, _ counts: MuJoCoCounts) -> Int {
    counts.positions + joints
  }

  package func begin(_ simulation: MuJoCoSimulation, _ random: inout NumPyRandom) {
    let goal = simulation.model.counts.positions - 3
    for index in goal..<goal + 3 {
      simulation.position[index] = simulation.model.initialPosition[index] + ReacherPETS.spread * random.normal()
    }
  }

  package func outcome(_ simulation: MuJoCoSimulation, _ step: MuJoCoStep) -> Outcome {
    var (sine, cosine) = (SIMD8<Double>(), SIMD8<Double>())
    for joint in 0..<6 {
      (sine[joint], cosine[joint]) = (sin(simulation.position[joint]), cos(simulation.position[joint]))
    }
    let place = simulation.position + simulation.model.counts.positions - 3
    let way = ReacherPETS.hand(sine, cosine) - SIMD3(place[0], place[1], place[2])
    return Outcome(
      reward: -(way * way).sum() - step.controlCost(ReacherPETS.controlWeight), isTerminated: false)
  }

  /// Between the finger tips, m, from sines and cosines of the first six angles: pan, lift, roll, elbow, roll, wrist.
  ///
  /// The authors find the direction across the forearm from a cross product, whose sign turns where the elbow gives way
  /// beyond its limit (θ4 > 0): there the wrist bends to the other side in their reward, and so it does here.
  @inline(__always)
  package static func hand<Number: BinaryFloatingPoint & SIMDScalar>(
    _ sine: SIMD8<Number>, _ cosine: SIMD8<Number>
  ) -> SIMD3<Number> {
    // Along the upper arm, across it, and along × across.
    var along = SIMD3(cosine[1] * cosine[0], cosine[1] * sine[0], -sine[1])
    var across = SIMD3(-sine[0], cosine[0], 0)
    var place = SIMD3(0.1 * cosine[0], 0.1 * sine[0] - 0.188, 0) + 0.4 * along
    func turn(_ roll: Int, _ bend: Int, _ length: Number) {
      let over = SIMD3(
        along.y * across.z - along.z * across.y, along.z * across.x - along.x * across.z,
        along.x * across.y - along.y * across.x)
      let side = cosine[roll] * across + sine[roll] * over
      along = cosine[bend] * along + sine[bend] * (sine[roll] * across - cosine[roll] * over)
      across = sine[bend] > 0 ? -side : side
      place += length * along
    }
    turn(2, 3, 0.321)
    turn(4, 5, 0.16828)
    return place
  }

  /// [the seven angles (rad), the goal x, y, z (m), the angles' velocities (rad/s)]
  package func observe(
    _ simulation: MuJoCoSimulation, _ step: MuJoCoStep?, into observation: inout MuJoCoObservation
  ) {
    observation.append(simulation.position, 0..<simulation.model.counts.positions)
    observation.append(simulation.velocity, 0..<ReacherPETS.joints)
  }

  package var knownDynamics: (any KnownDynamics)? { Known() }

  /// The reward as a function of a transition.
  private struct Known: KnownDynamics {
    func rewards(of columns: TransitionColumns, into reward: UnsafeMutablePointer<Float>) {
      let goal = ReacherPETS.joints
      for row in 0..<columns.count {
        func next(_ column: Int) -> Float { columns.nextObservationColumn(column)[row] }
        var (sine, cosine) = (SIMD8<Float>(), SIMD8<Float>())
        for joint in 0..<6 { (sine[joint], cosine[joint]) = (sin(next(joint)), cos(next(joint))) }
        let way = ReacherPETS.hand(sine, cosine) - SIMD3(next(goal), next(goal + 1), next(goal + 2))
        reward[row] =
          -(way * way).sum() - Float(ReacherPETS.controlWeight)
          * columns.squaredAction(row, columns: ReacherPETS.joints)
      }
    }
  }
}

extension ReacherPETS {
  /// Shoulder, upper arm of .4 m, forearm of .321 m, palm and two fingers, without weight and without contacts: bodies
  /// that no joint moves against each other are one. Joints have an armature of .04 kg·m² and friction; an action is a
  /// torque, N·m. The site is where the reward has the hand.
  package static let xml = """
    <mujoco model="PETS reacher">
      <compiler angle="radian"/>
      <option gravity="0 0 0" integrator="RK4" timestep="0.01" iterations="20"/>
      <default>
        <geom type="capsule" contype="0" conaffinity="0"/>
        <joint type="hinge" armature="0.04" damping="0.1"/>
        <motor ctrllimited="true" ctrlrange="-20 20"/>
        <default class="goal">
          <joint type="slide" armature="0" damping="0"/>
        </default>
      </default>
      <worldbody>
        <body name="shoulder" pos="0 -0.188 0">
          <joint name="pan" axis="0 0 1" limited="true" range="-2.2854 1.714602" damping="10"/>
          <geom size="0.1" fromto="0 0 -0.4 0 0 0.2"/>
          <geom type="sphere" size="0.05" pos="-0.06 0.05 0.2"/>
          <geom type="sphere" size="0.05" pos="0.06 0.05 0.2"/>
          <geom type="sphere" size="0.03" pos="-0.06 0.09 0.2"/>
          <geom type="sphere" size="0.03" pos="0.06 0.09 0.2"/>
          <body name="lift" pos="0.1 0 0">
            <joint name="lift" axis="0 1 0" limited="true" range="-0.5236 1.3963" damping="10"/>
            <geom size="0.1" fromto="0 -0.1 0 0 0.1 0"/>
            <body name="upper arm">
              <joint name="upper roll" axis="1 0 0" limited="true" range="-3.9 0.8"/>
              <geom size="0.02" fromto="-0.1 0 0 0.1 0 0"/>
              <geom size="0.06" fromto="0 0 0 0.4 0 0"/>
              <body name="elbow" pos="0.4 0 0">
                <joint name="elbow" axis="0 1 0" limited="true" range="-2.3213 0" damping="1"/>
                <geom size="0.06" fromto="0 -0.02 0 0 0.02 0"/>
                <body name="forearm">
                  <joint name="forearm roll" axis="1 0 0"/>
                  <geom size="0.02" fromto="-0.1 0 0 0.1 0 0"/>
                  <geom size="0.05" fromto="0 0 0 0.321 0 0"/>
                  <body name="wrist" pos="0.321 0 0">
                    <joint name="wrist" axis="0 1 0" limited="true" range="-2.094 0"/>
                    <geom size="0.01" fromto="0 -0.02 0 0 0.02 0"/>
                    <body name="palm">
                      <joint name="wrist roll" axis="1 0 0"/>
                      <geom size="0.01" fromto="-0.02 0 0 0.02 0 0"/>
                      <geom size="0.05" fromto="0.05 0 -0.02 0.05 0 0.02"/>
                      <geom size="0.01" fromto="0.07691 0.03 0 0.16828 0.03495 0"/>
                      <geom size="0.01" fromto="0.16828 0.03495 0 0.25965 0.03495 0"/>
                      <geom size="0.01" fromto="0.07691 -0.03 0 0.16828 -0.03495 0"/>
                      <geom size="0.01" fromto="0.16828 -0.03495 0 0.25965 -0.03495 0"/>
                      <site name="hand" pos="0.16828 0 0"/>
                    </body>
                  </body>
                </body>
              </body>
            </body>
          </body>
        </body>
        <body name="goal" pos="0 0.25 0" childclass="goal">
          <joint name="goal x" axis="1 0 0"/>
          <joint name="goal y" axis="0 1 0" ref="0.25"/>
          <joint name="goal z" axis="0 0 1"/>
          <geom type="sphere" size="0.035"/>
        </body>
      </worldbody>
      <actuator>
        <motor joint="pan"/>
        <motor joint="lift"/>
        <motor joint="upper roll"/>
        <motor joint="elbow"/>
        <motor joint="forearm roll"/>
        <motor joint="wrist"/>
        <motor joint="wrist roll"/>
      </actuator>
    </mujoco>
    """
}
