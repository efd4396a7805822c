import Support

/// PusherPETS-v0: an arm of seven joints pushes a cylinder to a goal on a table, as the PETS authors have it.
///
/// K. Chua et al., "Deep reinforcement learning in a handful of trials using probabilistic dynamics models" (2018),
/// kchua/handful-of-trials 77fd880: bodies, joints and forces are theirs, in a model of our own text; the simulation is
/// that of the library at hand, theirs was MuJoCo 1.31, whose contacts gave way otherwise. Rewards are of the state
/// BEFORE the step, by sums of absolute differences, and places are centres of mass (the tip's is between the ends of
/// the fork), those of the last evaluation inside the last substep:
///
///     reward = −1.25 ‖object − goal‖₁ − .5 ‖object − tip‖₁ − .1 Σ a²
///
/// An episode starts with the object N(0, .025²) about the same place and velocities U(±.005). Never terminates; 150
/// steps of 4 × .01 s.
package struct PusherPETS: MuJoCoTask {
  package typealias Configuration = NoOptions

  package static let facts = MuJoCoFacts(
    id: "PusherPETS-v0", model: "pets_pusher.xml", xml: xml,
    counts: MuJoCoCounts(positions: 11, velocities: 11, bodies: 11, controls: 7, within: 2), frameSkip: 4,
    timestep: 0.01, stepLimit: 150, fidelity: .rounding,
    summary: "push a cylinder to a goal with a seven-joint arm (PETS), in MuJoCo (150 steps)")
  package static let view = MuJoCoView.above(-0.9...1.1, -1.2...0.8)
  package static func rewardRange(_ configuration: NoOptions) -> ClosedRange<Double> { -.infinity...0 }
  /// The two distances: what is seen lags behind the positions.
  package static var remembersPlace: Bool { true }
  private static let (nearWeight, farWeight, controlWeight) = (0.5, 1.25, 0.1)
  private static let joints = 7
  /// Of the object, m; and how starts differ.
  private static let (objectStart, objectSpread, velocityNoise) = (SIMD2(-0.25, 0.15), 0.025, 0.005)
  private static let goal = SIMD3<Float>(0.45, -0.05, -0.323)

  private let tip, object, goal: Int

  package init(_ configuration: NoOptions, _ model: MuJoCoModel) throws(MuJoCoError) {
    try model.require(positions: PusherPETS.joints + 4, velocities: PusherPETS.joints)
    (tip, object, goal) = (try model.body("tip"), try model.body("object"), try model.body("goal"))
  }

  package static func observationSize(_ configuration: NoOptions, _ counts: MuJoCoCounts) -> Int { 2 * joints + 6 }

  package func begin(_ simulation: MuJoCoSimulation, _ random: inout NumPyRandom) {
    let first = simulation.model.counts.positions - 4
    for axis in 0..<2 {
      simulation.position[first + axis] = PusherPETS.objectStart[axis] + PusherPETS.objectSpread * random.normal()
    }
    for joint in 0..<PusherPETS.joints {
      simulation.velocity[joint] = random.uniform(-PusherPETS.velocityNoise, PusherPETS.velocityNoise)
    }
  }

  /// ‖object − tip‖₁ and ‖object − goal‖₁, m.
  package func place(_ simulation: MuJoCoSimulation) -> SIMD2<Double> {
    func distance(_ other: Int) -> Double {
      let (left, right) = (simulation.bodyCenter + 3 * object, simulation.bodyCenter + 3 * other)
      return abs(left[0] - right[0]) + abs(left[1] - right[1]) + abs(left[2] - right[2])
    }
    return SIMD2(distance(tip), distance(goal))
  }

  package func outcome(_ simulation: MuJoCoSimulation, _ step: MuJoCoStep) -> Outcome {
    let distances = PusherPETS.farWeight * step.before.y + PusherPETS.nearWeight * step.before.x
    return Outcome(reward: -distances - step.controlCost(PusherPETS.controlWeight), isTerminated: false)
  }

  /// [angles (rad) and velocities (rad/s) of the seven joints; tip, object, each x, y, z (m)]
  package func observe(
    _ simulation: MuJoCoSimulation, _ step: MuJoCoStep?, into observation: inout MuJoCoObservation
  ) {
    observation.append(simulation.position, 0..<PusherPETS.joints)
    observation.append(simulation.velocity, 0..<PusherPETS.joints)
    for body in [tip, object] { observation.append(simulation.bodyCenter, 3 * body..<3 * body + 3) }
  }

  package var knownDynamics: (any KnownDynamics)? { Known() }

  /// The reward as a function of a transition. The goal is where it is, and no part of an observation.
  private struct Known: KnownDynamics {
    func rewards(of columns: TransitionColumns, into reward: UnsafeMutablePointer<Float>) {
      let first = 2 * PusherPETS.joints
      for row in 0..<columns.count {
        var (near, far): (Float, Float) = (0, 0)
        for axis in 0..<3 {
          let object = columns.observationColumn(first + 3 + axis)[row]
          near += abs(object - columns.observationColumn(first + axis)[row])
          far += abs(object - PusherPETS.goal[axis])
        }
        reward[row] =
          -Float(PusherPETS.farWeight) * far - Float(PusherPETS.nearWeight) * near
          - Float(PusherPETS.controlWeight) * columns.squaredAction(row, columns: PusherPETS.joints)
      }
    }
  }
}

extension PusherPETS {
  /// Shoulder, upper arm of .4 m, forearm of .321 m and a fork, which alone touches the object and the table; no
  /// weight. The object slides on the table, held back by friction that grows with its speed. Its .04 kg are an
  /// armature of its joints with the authors, and its own mass next to nothing; it moves the same, but MuJoCo has come
  /// to reckon from masses alone how hard a contact is, and nothing could push theirs. An action is a torque, N·m.
  package static let xml = """
    <mujoco model="PETS pusher">
      <compiler angle="radian"/>
      <option gravity="0 0 0" integrator="Euler" timestep="0.01" iterations="20"/>
      <default>
        <geom type="capsule" density="300" margin="0.002" condim="1" contype="0" conaffinity="0"/>
        <joint type="hinge" limited="true" armature="0.04" damping="0.1"/>
        <motor ctrllimited="true" ctrlrange="-2 2"/>
        <default class="touching">
          <geom contype="1" conaffinity="1"/>
        </default>
        <default class="sliding">
          <geom type="cylinder" mass="0.04"/>
          <joint type="slide" range="-10.3213 10.3" armature="0" damping="0.5"/>
        </default>
      </default>
      <worldbody>
        <geom class="touching" type="plane" size="1 1 0.1" pos="0 0.5 -0.325"/>
        <body name="shoulder" pos="0 -0.6 0">
          <joint name="pan" axis="0 0 1" range="-2.2854 2" damping="1"/>
          <geom size="0.1" fromto="0 0 -0.4 0 0 0.2"/>
          <geom type="sphere" size="0.05" pos="-0.06 0.05 0.2"/>
          <geom type="sphere" size="0.05" pos="0.06 0.05 0.2"/>
          <geom type="sphere" size="0.03" pos="-0.06 0.09 0.2"/>
          <geom type="sphere" size="0.03" pos="0.06 0.09 0.2"/>
          <body name="lift" pos="0.1 0 0">
            <joint name="lift" axis="0 1 0" range="-0.5236 1.3963" damping="1"/>
            <geom size="0.1" fromto="0 -0.1 0 0 0.1 0"/>
            <body name="upper arm">
              <joint name="upper roll" axis="1 0 0" range="-1.5 1.7"/>
              <geom size="0.02" fromto="-0.1 0 0 0.1 0 0"/>
              <geom size="0.06" fromto="0 0 0 0.4 0 0"/>
              <body name="elbow" pos="0.4 0 0">
                <joint name="elbow" axis="0 1 0" range="-2.3213 0"/>
                <geom size="0.06" fromto="0 -0.02 0 0 0.02 0"/>
                <body name="forearm">
                  <joint name="forearm roll" axis="1 0 0" range="-1.5 1.5"/>
                  <geom size="0.02" fromto="-0.1 0 0 0.1 0 0"/>
                  <geom size="0.05" fromto="0 0 0 0.291 0 0"/>
                  <body name="wrist" pos="0.321 0 0">
                    <joint name="wrist" axis="0 1 0" range="-1.094 0"/>
                    <geom size="0.01" fromto="0 -0.02 0 0 0.02 0"/>
                    <body name="fork" childclass="touching">
                      <joint name="wrist roll" axis="1 0 0" range="-1.5 1.5"/>
                      <geom size="0.02" fromto="0 -0.1 0 0 0.1 0"/>
                      <geom size="0.02" fromto="0 -0.1 0 0.1 -0.1 0"/>
                      <geom size="0.02" fromto="0 0.1 0 0.1 0.1 0"/>
                      <body name="tip">
                        <geom type="sphere" size="0.01" pos="0.1 -0.1 0" contype="0" conaffinity="0"/>
                        <geom type="sphere" size="0.01" pos="0.1 0.1 0" contype="0" conaffinity="0"/>
                      </body>
                    </body>
                  </body>
                </body>
              </body>
            </body>
          </body>
        </body>
        <body name="object" pos="0.45 -0.05 -0.275" childclass="sliding">
          <joint name="object y" axis="0 1 0"/>
          <joint name="object x" axis="1 0 0"/>
          <geom size="0.05 0.05" contype="1"/>
        </body>
        <body name="goal" pos="0.45 -0.05 -0.323" childclass="sliding">
          <joint name="goal y" axis="0 1 0"/>
          <joint name="goal x" axis="1 0 0"/>
          <geom size="0.08 0.001"/>
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
