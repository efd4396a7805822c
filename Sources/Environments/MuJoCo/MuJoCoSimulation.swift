import CMuJoCo
import Support

/// The data of one simulation. Threads take turns at it, as at any environment.
package final class MuJoCoSimulation: @unchecked Sendable {
  let model: MuJoCoModel
  private let handle: OpaquePointer
  /// mjData.
  private let data: UnsafeMutableRawPointer
  /// qpos, qvel, qacc_warmstart, ctrl.
  package let position, velocity, warmStart, control: UnsafeMutablePointer<Double>
  /// xpos and xipos [bodies, 3], site_xpos [sites, 3].
  package let bodyPosition, bodyCenter, sitePosition: UnsafeMutablePointer<Double>
  /// cinert [bodies, 10], cvel and cfrc_ext [bodies, 6], qfrc_actuator and qfrc_constraint [velocities].
  let inertia, bodyVelocity, externalForce, actuatorForce, constraintForce: UnsafeMutablePointer<Double>
  /// geom_xpos [geoms, 3], geom_xmat [geoms, 9].
  let geomPosition, geomFrame: UnsafeMutablePointer<Double>
  private let warnings: UnsafeMutablePointer<Int32>

  package init(_ model: MuJoCoModel) throws(MuJoCoError) {
    var made: UnsafeMutableRawPointer?
    try model.library.check(cmujoco_make_data(model.library.handle, model.address, &made))
    let (data, layout) = (made!, model.library.layout)
    (self.model, handle, self.data) = (model, model.library.handle, data)
    (position, velocity) = (data.array(layout.position), data.array(layout.velocity))
    (warmStart, control) = (data.array(layout.warmStart), data.array(layout.control))
    (bodyPosition, bodyCenter) = (data.array(layout.bodyPosition), data.array(layout.bodyCenter))
    sitePosition = data.array(layout.sitePosition)
    (inertia, bodyVelocity) = (data.array(layout.inertia), data.array(layout.bodyVelocity))
    (externalForce, actuatorForce) = (data.array(layout.externalForce), data.array(layout.actuatorForce))
    constraintForce = data.array(layout.constraintForce)
    (geomPosition, geomFrame) = (data.array(layout.geomPosition), data.array(layout.geomFrame))
    warnings = (data + layout.warnings).assumingMemoryBound(to: Int32.self)
    try forward()
  }

  deinit { cmujoco_delete_data(handle, data) }

  /// The model's initial state; nothing is derived from it yet.
  func reset() throws(MuJoCoError) { try model.library.check(cmujoco_reset(handle, model.address, data)) }

  /// Derives everything from positions, velocities and controls.
  package func forward() throws(MuJoCoError) { try model.library.check(cmujoco_forward(handle, model.address, data)) }

  /// Simulates so many steps of the model; what is derived is that of the last evaluation inside the last of them.
  func step(_ substeps: Int) throws(MuJoCoError) {
    try model.library.check(cmujoco_step(handle, model.address, data, Int32(truncatingIfNeeded: substeps)))
  }

  /// Whether a step since the last reset came to numbers beyond all bounds. MuJoCo has then gone back to the initial
  /// state by itself.
  var hasDiverged: Bool { MuJoCoLayout.divergences.contains { warnings[2 * $0 + 1] != 0 } }

  /// An independent one in the same state.
  func copy() throws(MuJoCoError) -> MuJoCoSimulation {
    let copy = try MuJoCoSimulation(model)
    try model.library.check(cmujoco_copy_data(handle, copy.data, model.address, data))
    return copy
  }

  /// Everything that the next step depends on.
  var state: [Double] {
    get throws(MuJoCoError) {
      var state = [Double](repeating: 0, count: model.stateSize)
      try model.library.check(cmujoco_get_state(handle, model.address, data, &state, MuJoCoLayout.Part.all))
      return state
    }
  }

  /// Goes to a state that `state` gave, and derives everything from it.
  func restore(_ state: [Double]) throws(MuJoCoError) {
    precondition(state.count == model.stateSize, "\(state.count) numbers of a state")
    try reset()
    // Once more after deriving, which has its own idea of where the next search for forces starts.
    for isLast in [false, true] {
      try model.library.check(cmujoco_set_state(handle, model.address, data, state, MuJoCoLayout.Part.all))
      if !isLast { try forward() }
    }
  }
}
