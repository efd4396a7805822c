/// Where one version of MuJoCo keeps what is read of its models and data, in bytes from the beginning of the structs.
///
/// The fields move with every version, and no function tells most of them. The numbers come from `offsetof` with the
/// headers of that version's wheel; `MuJoCoVerification` holds them to what the library's functions say.
struct MuJoCoLayout: Sendable {
  /// "4.0.0", and as `mj_version` says it.
  let name: String
  let version: Int32

  // Of mjModel: counts (int64), a double, and pointers to arrays.
  let positionCount, velocityCount, controlCount, bodyCount, geomCount: Int
  let timestep: Int
  let bodyMass, controlRange: Int
  /// Arrays of int32, int32 and double.
  let geomType, geomBody, geomSize: Int

  // Of mjData: pointers to arrays of doubles.
  let position, velocity, warmStart, control: Int
  let bodyPosition, bodyCenter, sitePosition, geomPosition, geomFrame: Int
  let inertia, bodyVelocity, actuatorForce, constraintForce, externalForce: Int
  /// Eight bytes for each kind of warning, the second four of which count.
  let warnings: Int

  /// Every version that is known.
  static let all = [
    MuJoCoLayout(
      name: "4.0.0", version: 4_000_000, positionCount: 0, velocityCount: 8, controlCount: 16, bodyCount: 48,
      geomCount: 136, timestep: 792, bodyMass: 1944, controlRange: 5016, geomType: 2432, geomBody: 2464, geomSize: 2552,
      position: 160_688, velocity: 160_696, warmStart: 160_728, control: 160_744, bodyPosition: 160_848,
      bodyCenter: 160_872, sitePosition: 160_936, geomPosition: 160_912, geomFrame: 160_928, inertia: 161_008,
      bodyVelocity: 161_296, actuatorForce: 161_424, constraintForce: 161_448, externalForce: 161_480,
      warnings: 160_264)
  ]

  /// The parts of a state by their bits in `mj_getState`.
  enum Part {
    static let time: Int32 = 1 << 0
    static let position: Int32 = 1 << 1
    static let velocity: Int32 = 1 << 2
    static let warmStart: Int32 = 1 << 5
    static let control: Int32 = 1 << 6
    /// Everything that the next step depends on.
    static let all: Int32 = 1 << 15 - 1
  }

  /// Kinds of objects.
  enum Object {
    static let body: Int32 = 1
  }

  /// Kinds of warnings that mean a diverging simulation: bad numbers in position, velocity, acceleration, control.
  static let divergences = 3...6
}

extension UnsafeMutableRawPointer {
  /// The array that a field points to.
  func array<Element>(_ offset: Int, of type: Element.Type) -> UnsafeMutablePointer<Element> {
    load(fromByteOffset: offset, as: UnsafeMutablePointer<Element>.self)
  }

  /// The array of doubles that a field points to.
  func array(_ offset: Int) -> UnsafeMutablePointer<Double> { array(offset, of: Double.self) }

  /// A count.
  func count(_ offset: Int) -> Int { Int(load(fromByteOffset: offset, as: Int64.self)) }
}
