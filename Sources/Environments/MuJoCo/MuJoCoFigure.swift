import Foundation
import Support

/// A part of a body that can be seen.
struct MuJoCoGeom: Sendable {
  enum Kind: Int32, Sendable {
    case sphere = 2, capsule = 3, ellipsoid = 4, cylinder = 5, box = 6
  }

  /// Its number among the model's.
  let index: Int
  let body: Int
  let kind: Kind
  /// Radius and half of the length (m), for a box half of each side.
  let size: SIMD3<Double>

  /// All that are drawn: planes are not.
  static func all(of model: UnsafeMutableRawPointer, _ layout: MuJoCoLayout) -> [MuJoCoGeom] {
    let kinds = model.array(layout.geomType, of: Int32.self)
    let bodies = model.array(layout.geomBody, of: Int32.self)
    let sizes = model.array(layout.geomSize)
    return (0..<model.count(layout.geomCount)).compactMap { index in
      guard let kind = Kind(rawValue: kinds[index]) else { return nil }
      let size = SIMD3(sizes[3 * index], sizes[3 * index + 1], sizes[3 * index + 2])
      return MuJoCoGeom(index: index, body: Int(bodies[index]), kind: kind, size: size)
    }
  }
}

/// From where a task is drawn: figures of thick lines, a body's parts in one colour.
package struct MuJoCoView: Sendable {
  /// What in the world is right and up in the picture; where it looks to follows.
  let right, up: SIMD3<Double>
  /// Around the middle, m.
  let width, height: ClosedRange<Double>
  /// The body that is in the middle from left to right; nil: the world's origin.
  let followed: Int?
  /// Where the floor is drawn; nil: it is seen from above.
  let floor: Double?

  /// From the side: x to the right, z up.
  static func side(
    _ width: ClosedRange<Double>, _ height: ClosedRange<Double>, following body: Int? = 1, floor: Double? = 0
  ) -> MuJoCoView {
    MuJoCoView(
      right: SIMD3(1, 0, 0), up: SIMD3(0, 0, 1), width: width, height: height, followed: body, floor: floor)
  }

  /// From above: x to the right, y up.
  static func above(
    _ width: ClosedRange<Double>, _ height: ClosedRange<Double>, following body: Int? = nil
  ) -> MuJoCoView {
    MuJoCoView(right: SIMD3(1, 0, 0), up: SIMD3(0, 1, 0), width: width, height: height, followed: body, floor: nil)
  }

  /// From the side and a little from above.
  static func oblique(
    _ width: ClosedRange<Double>, _ height: ClosedRange<Double>, following body: Int? = 1
  ) -> MuJoCoView {
    MuJoCoView(
      right: SIMD3(0.95, 0.31, 0), up: SIMD3(-0.13, 0.4, 0.91), width: width, height: height, followed: body,
      floor: nil)
  }

  private static let colors: [Color] = [.wood, .orange, .blue, .green, .magenta, .yellow, .red]

  /// The picture of a simulation.
  func sketch(of simulation: MuJoCoSimulation) -> Sketch {
    var sketch = Sketch(x: width, y: height)
    let middle = followed.map { point(simulation.bodyPosition + 3 * $0) } ?? .zero
    // Seen from above, a figure stays in the middle altogether; from the side, the floor stays where it is.
    let origin = Sketch.Point(middle.x, floor == nil ? middle.y : 0)
    drawGround(&sketch, origin)
    let ahead = SIMD3(
      right.y * up.z - right.z * up.y, right.z * up.x - right.x * up.z, right.x * up.y - right.y * up.x)
    func nearness(_ geom: MuJoCoGeom) -> Double {
      let place = simulation.geomPosition + 3 * geom.index
      return ahead.x * place[0] + ahead.y * place[1] + ahead.z * place[2]
    }
    // What is nearer to the eye comes later; the order of equals is that of the model.
    let order = simulation.model.geoms.map { (geom: $0, nearness: nearness($0)) }.sorted {
      $0.nearness != $1.nearness ? $0.nearness < $1.nearness : $0.geom.index < $1.geom.index
    }
    for (geom, _) in order { draw(geom, of: simulation, &sketch, origin) }
    return sketch
  }

  /// Where a point of the world is in the picture, before it is moved to the middle.
  private func point(_ place: UnsafeMutablePointer<Double>) -> Sketch.Point {
    Sketch.Point(
      right.x * place[0] + right.y * place[1] + right.z * place[2],
      up.x * place[0] + up.y * place[1] + up.z * place[2])
  }

  private func draw(
    _ geom: MuJoCoGeom, of simulation: MuJoCoSimulation, _ sketch: inout Sketch, _ origin: Sketch.Point
  ) {
    let color = geom.body == 0 ? .grey : Self.colors[(geom.body - 1) % Self.colors.count]
    let middle = point(simulation.geomPosition + 3 * geom.index) - origin
    let frame = simulation.geomFrame + 9 * geom.index
    /// The direction of an axis in the picture.
    func axis(_ column: Int) -> Sketch.Point {
      withUnsafeTemporaryAllocation(of: Double.self, capacity: 3) { direction in
        for row in 0..<3 { direction[row] = frame[3 * row + column] }
        return point(direction.baseAddress!)
      }
    }
    switch geom.kind {
    case .sphere: sketch.disc(middle, radius: geom.size.x, color)
    case .capsule:
      let reach = geom.size.y * axis(2)
      sketch.line([middle - reach, middle + reach], width: 2 * geom.size.x, color)
    case .cylinder:
      let reach = geom.size.y * axis(2)
      sketch.bar(middle - reach, middle + reach, width: 2 * geom.size.x, color)
      sketch.disc(middle, radius: geom.size.x, color)
    case .ellipsoid, .box:
      let (across, along) = (geom.size.x * axis(0), geom.size.y * axis(1))
      sketch.polygon(
        [middle - across - along, middle + across - along, middle + across + along, middle - across + along], color)
    }
  }

  /// The floor with a mark at every metre, or marks alone where it is seen from above: what follows a robot would not
  /// show otherwise that it moves.
  private func drawGround(_ sketch: inout Sketch, _ origin: Sketch.Point) {
    let marks = Int((origin.x + width.lowerBound).rounded(.up))...Int((origin.x + width.upperBound).rounded(.down))
    if let floor {
      sketch.rectangle(.init(width.lowerBound, height.lowerBound), .init(width.upperBound, floor), .pale)
      for mark in marks {
        let x = Double(mark) - origin.x
        sketch.bar(.init(x, floor - 0.12), .init(x, floor), width: 0.03, mark == 0 ? .red : .grey)
      }
    } else if followed != nil {
      for mark in marks {
        let x = Double(mark) - origin.x
        sketch.bar(.init(x, height.lowerBound), .init(x, height.upperBound), width: 0.02, mark == 0 ? .sky : .pale)
      }
      let rows = Int((origin.y + height.lowerBound).rounded(.up))...Int((origin.y + height.upperBound).rounded(.down))
      for mark in rows {
        let y = Double(mark) - origin.y
        sketch.bar(.init(width.lowerBound, y), .init(width.upperBound, y), width: 0.02, mark == 0 ? .sky : .pale)
      }
    }
  }
}

extension MuJoCoSimulation {
  /// Positions and frames of all parts of bodies, one after another.
  var geomPlaces: [Double] {
    get {
      model.geoms.flatMap { geom in
        (0..<3).map { geomPosition[3 * geom.index + $0] } + (0..<9).map { geomFrame[9 * geom.index + $0] }
      }
    }
    set {
      for (place, geom) in model.geoms.enumerated() {
        for index in 0..<3 { geomPosition[3 * geom.index + index] = newValue[12 * place + index] }
        for index in 0..<9 { geomFrame[9 * geom.index + index] = newValue[12 * place + 3 + index] }
      }
    }
  }
}
