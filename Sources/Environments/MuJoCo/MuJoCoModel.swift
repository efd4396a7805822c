import CMuJoCo

/// A model that was read, and what a task asks of it. Simulations share it; no step writes to it.
package final class MuJoCoModel: @unchecked Sendable {
  let library: MuJoCoLibrary
  let path: String
  /// mjModel.
  let address: UnsafeMutableRawPointer
  package let counts: MuJoCoCounts
  /// Of a substep, s.
  package let timestep: Double
  /// The positions that the file gives, from which resets start.
  let initialPosition: [Double]
  /// Of every body, kg.
  package let bodyMass: [Double]
  /// Numbers of a complete state.
  let stateSize: Int
  /// See `MuJoCoFigure`.
  let geoms: [MuJoCoGeom]

  /// - Parameter xml: the model itself; nil: it is in the file.
  init(_ library: MuJoCoLibrary, _ path: String, text xml: String?) throws(MuJoCoError) {
    var address: UnsafeMutableRawPointer?
    let fault =
      xml.map { cmujoco_parse_model(library.handle, $0, &address) }
      ?? cmujoco_load_model(library.handle, path, &address)
    if let fault { throw .unreadableModel(path: path, MuJoCoLibrary.line(fault)) }
    let (model, layout) = (address!, library.layout)
    (self.library, self.path, self.address) = (library, path, model)
    let (controls, bodies) = (model.count(layout.controlCount), model.count(layout.bodyCount))
    let positions = model.count(layout.positionCount)
    try MuJoCoVerification.checkCounts(library, model)
    let range = UnsafeBufferPointer(start: model.array(layout.controlRange), count: 2 * controls)
    counts = MuJoCoCounts(
      positions: positions, velocities: model.count(layout.velocityCount), bodies: bodies,
      controlLow: (0..<controls).map { Float(range[2 * $0]) },
      controlHigh: (0..<controls).map { Float(range[2 * $0 + 1]) })
    timestep = model.load(fromByteOffset: layout.timestep, as: Double.self)
    bodyMass = Array(UnsafeBufferPointer(start: model.array(layout.bodyMass), count: bodies))
    geoms = MuJoCoGeom.all(of: model, layout)
    var size: Int32 = 0
    try library.check(cmujoco_state_size(library.handle, model, MuJoCoLayout.Part.all, &size))
    stateSize = Int(size)
    var data: UnsafeMutableRawPointer?
    try library.check(cmujoco_make_data(library.handle, model, &data))
    defer { cmujoco_delete_data(library.handle, data) }
    initialPosition = Array(UnsafeBufferPointer(start: data!.array(layout.position), count: positions))
    try MuJoCoVerification.checkData(library, model, data!)
  }

  /// - Throws: where the model has fewer positions, velocities or bodies.
  func require(positions: Int = 0, velocities: Int = 0, bodies: Int = 0) throws(MuJoCoError) {
    func require(_ count: Int, _ least: Int, _ what: String) throws(MuJoCoError) {
      if count < least { throw .unsuitableModel(path: path, "it has \(count) \(what), and \(least) are asked for") }
    }
    try require(counts.positions, positions, "positions")
    try require(counts.velocities, velocities, "velocities")
    try require(counts.bodies, bodies, "bodies")
  }

  /// The number of the body of that name.
  func body(_ name: String) throws(MuJoCoError) -> Int {
    var id: Int32 = -1
    try library.check(cmujoco_id(library.handle, address, MuJoCoLayout.Object.body, name, &id))
    guard id >= 0 else { throw .unsuitableModel(path: path, "it has no body \"\(name)\"") }
    return Int(id)
  }
}

/// Sizes of a model, and the bounds of its controls.
package struct MuJoCoCounts: Equatable, Sendable {
  /// Numbers of positions and velocities: nq and nv.
  package var positions, velocities: Int
  /// The world is the first.
  package var bodies: Int
  package var controlLow, controlHigh: [Float]

  package init(positions: Int, velocities: Int, bodies: Int, controlLow: [Float], controlHigh: [Float]) {
    (self.positions, self.velocities, self.bodies) = (positions, velocities, bodies)
    (self.controlLow, self.controlHigh) = (controlLow, controlHigh)
  }

  /// Controls within ±bound.
  package init(positions: Int, velocities: Int, bodies: Int, controls: Int, within bound: Float) {
    self.init(
      positions: positions, velocities: velocities, bodies: bodies,
      controlLow: [Float](repeating: -bound, count: controls), controlHigh: [Float](repeating: bound, count: controls))
  }

  package var controls: Int { controlLow.count }
}

/// Holds a version's layout to what the library's own functions say, on every model that is read.
enum MuJoCoVerification {
  /// The counts, before any of them is believed.
  static func checkCounts(_ library: MuJoCoLibrary, _ model: UnsafeMutableRawPointer) throws(MuJoCoError) {
    let layout = library.layout
    let parts = [
      ("nq", layout.positionCount, MuJoCoLayout.Part.position),
      ("nv", layout.velocityCount, MuJoCoLayout.Part.velocity), ("nu", layout.controlCount, MuJoCoLayout.Part.control),
    ]
    for (field, offset, part) in parts {
      var size: Int32 = 0
      try library.check(cmujoco_state_size(library.handle, model, part, &size))
      try require(model.count(offset) == Int(size), field, library)
    }
    let bodies = model.count(layout.bodyCount)
    try require((1...1_000_000).contains(bodies), "nbody", library)
    var hasName: Int32 = 1
    try library.check(cmujoco_has_name(library.handle, model, MuJoCoLayout.Object.body, Int32(bodies), &hasName))
    try require(hasName == 0, "nbody", library)
    var total = 0.0
    try library.check(cmujoco_total_mass(library.handle, model, &total))
    let masses = UnsafeBufferPointer(start: model.array(layout.bodyMass), count: bodies)
    try require(abs(masses.reduce(0, +) - total) <= 1e-9 * max(1, abs(total)), "body_mass", library)
  }

  /// What a pattern that is written through a pointer looks like to `mj_getState`, where bodies are, and how long a
  /// step takes. Leaves the data in some state.
  static func checkData(
    _ library: MuJoCoLibrary, _ model: UnsafeMutableRawPointer, _ data: UnsafeMutableRawPointer
  ) throws(MuJoCoError) {
    let (layout, handle) = (library.layout, library.handle)
    let parts = [
      ("qpos", layout.position, MuJoCoLayout.Part.position, model.count(layout.positionCount)),
      ("qvel", layout.velocity, MuJoCoLayout.Part.velocity, model.count(layout.velocityCount)),
      ("qacc_warmstart", layout.warmStart, MuJoCoLayout.Part.warmStart, model.count(layout.velocityCount)),
      ("ctrl", layout.control, MuJoCoLayout.Part.control, model.count(layout.controlCount)),
    ]
    for (number, (field, offset, part, count)) in parts.enumerated() {
      let pattern = (0..<count).map { Double(1000 * (number + 1) + $0) }
      let array = data.array(offset)
      for (index, value) in pattern.enumerated() { array[index] = value }
      var found = [Double](repeating: 0, count: count)
      try library.check(cmujoco_get_state(handle, model, data, &found, part))
      try require(found == pattern, field, library)
    }
    try library.check(cmujoco_reset(handle, model, data))
    try library.check(cmujoco_forward(handle, model, data))
    for body in 0..<model.count(layout.bodyCount) {
      var position = [0.0, 0, 0]
      try library.check(cmujoco_body_position(handle, data, Int32(body), &position))
      let field = data.array(layout.bodyPosition) + 3 * body
      try require((0..<3).allSatisfy { field[$0] == position[$0] }, "xpos", library)
    }
    try library.check(cmujoco_step(handle, model, data, 1))
    var time = 0.0
    try library.check(cmujoco_get_state(handle, model, data, &time, MuJoCoLayout.Part.time))
    try require(model.load(fromByteOffset: layout.timestep, as: Double.self) == time, "opt.timestep", library)
  }

  private static func require(_ holds: Bool, _ field: String, _ library: MuJoCoLibrary) throws(MuJoCoError) {
    if !holds { throw .unexpectedLayout(version: library.version, field: field) }
  }
}
