import Foundation
import Support

/// CartPolePETS-v0: swing a hanging pole up, in MuJoCo, as the PETS authors have it. (CartPoleSwingUp-v0 is the same
/// task by its equations of motion.)
///
/// K. Chua et al., "Deep reinforcement learning in a handful of trials using probabilistic dynamics models" (2018),
/// kchua/handful-of-trials 77fd880: bodies, joints and forces are theirs, in a model of our own text; the simulation is
/// that of the library at hand, theirs was MuJoCo 1.31. θ is 0 hanging down:
///
///     reward = exp(−‖tip − (0, .6)‖² / .6²) − .01 a²,   tip = (x − .6 sinθ, −.6 cosθ)
///
/// Starts are N(0, .1²) in positions and velocities. Never terminates; 200 steps of 2 × .02 s. Seen: x (m) and θ (rad),
/// their velocities.
package struct CartPolePETS: MotionTask {
  package typealias Configuration = NoOptions

  package static let facts = MuJoCoFacts(
    id: "CartPolePETS-v0", model: "pets_cartpole.xml", xml: xml,
    counts: MuJoCoCounts(positions: 2, velocities: 2, bodies: 3, controls: 1, within: 3), frameSkip: 2, timestep: 0.02,
    stepLimit: 200, fidelity: .rounding,
    summary: "swing a hanging pole up by moving its cart (PETS), in MuJoCo (200 steps)")
  package static let view = MuJoCoView.side(-2.8...2.8, -0.9...1.1, following: nil, floor: -0.7)
  package static func rewardRange(_ configuration: NoOptions) -> ClosedRange<Double> { -0.09...1 }

  /// A cart of 10.472 kg on a rail of 5 m, a pole of 5.019 kg that hangs from it; both joints are damped by 1, and an
  /// action of 1 is a force of 100 N.
  package static let xml = """
    <mujoco model="PETS cart-pole">
      <option gravity="0 0 -9.81" integrator="RK4" timestep="0.02"/>
      <default>
        <geom type="capsule" contype="0"/>
        <joint damping="1"/>
      </default>
      <worldbody>
        <geom size="0.02" fromto="-3 0 0 3 0 0"/>
        <body name="cart">
          <joint name="slide" type="slide" axis="1 0 0" limited="true" range="-2.5 2.5"/>
          <geom size="0.1" fromto="-0.1 0 0 0.1 0 0"/>
          <body name="pole">
            <joint name="turn" type="hinge" axis="0 1 0"/>
            <geom size="0.049" fromto="0 0 0 0.001 0 -0.6"/>
          </body>
        </body>
      </worldbody>
      <actuator>
        <motor joint="slide" gear="100" ctrllimited="true" ctrlrange="-3 3"/>
      </actuator>
    </mujoco>
    """

  private static let noise = 0.1
  private static let controlWeight = 0.01
  /// Of the pole, m.
  private static let length = 0.6

  package let configuration: NoOptions

  package init(_ configuration: NoOptions, _ model: MuJoCoModel) throws(MuJoCoError) {
    try model.require(positions: 2)
    self.configuration = configuration
  }

  package func begin(_ simulation: MuJoCoSimulation, _ random: inout NumPyRandom) {
    simulation.perturbPositionsNormally(&random, CartPolePETS.noise)
    simulation.perturbVelocitiesNormally(&random, CartPolePETS.noise)
  }

  package func outcome(_ simulation: MuJoCoSimulation, _ step: MuJoCoStep) -> Outcome {
    let angle = simulation.position[1]
    let distance = CartPolePETS.squaredDistance(simulation.position[0], sin(angle), cos(angle))
    let reward = exp(-distance / (CartPolePETS.length * CartPolePETS.length))
    return Outcome(reward: reward - step.controlCost(CartPolePETS.controlWeight), isTerminated: false)
  }

  /// From the pole's tip to its place upright, m².
  @inline(__always)
  private static func squaredDistance<Number: BinaryFloatingPoint>(
    _ position: Number, _ sine: Number, _ cosine: Number
  ) -> Number {
    let length = Number(length)
    let (across, up) = (position - length * sine, -length * cosine - length)
    return across * across + up * up
  }

  package var knownDynamics: (any KnownDynamics)? { Known() }

  /// Reward and features as the authors have them.
  private struct Known: KnownDynamics {
    var modelFeatures: [ObservationFeature]? { [.sine(1), .cosine(1), .value(0), .value(2), .value(3)] }

    func rewards(of columns: TransitionColumns, into reward: UnsafeMutablePointer<Float>) {
      let (position, angle) = (columns.nextObservationColumn(0), columns.nextObservationColumn(1))
      let action = columns.actionColumn(0)
      let scale = Float(1 / (CartPolePETS.length * CartPolePETS.length))
      for row in 0..<columns.count {
        let distance = CartPolePETS.squaredDistance(position[row], sin(angle[row]), cos(angle[row]))
        reward[row] = exp(-distance * scale) - Float(CartPolePETS.controlWeight) * action[row] * action[row]
      }
    }
  }
}
