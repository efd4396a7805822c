import Support

/// What a bystander sees, as the observation: the environment's sketch in so many pixels, red, green and blue.
///
/// A picture shows no velocities: `frameStack` does, or an agent's memory.
package struct PixelObservation<Base: Environment>: EnvironmentWrapper {
  package static var keepsTransitions: Bool { false }
  package var base: Base
  package let specification: EnvironmentSpecification
  private let side: Int

  /// Around an environment with a sketch; `side` is at least 1.
  package init(_ base: Base, side: Int) {
    precondition(side >= 1, "a picture has a pixel")
    self.base = base
    self.side = side
    var specification = base.specification
    specification.showObservations(in: .image(height: side, width: side, channels: 3))
    self.specification = specification
  }

  /// The sketch as large as it fits, in the middle of a white square.
  package func observe(into observation: UnsafeMutableBufferPointer<Float>) {
    observation.update(repeating: 255)
    guard let sketch = base.sketch else { return }
    let (width, height) = (sketch.size.x, sketch.size.y)
    let columns = width >= height ? side : max(1, Int((Double(side) * width / height).rounded(.down)))
    let raster = Raster(sketch, width: columns)
    let (left, top) = ((side - columns) / 2, max(0, (side - raster.height) / 2))
    for row in 0..<min(raster.height, side) {
      for column in 0..<columns {
        let (color, place) = (raster[row, column], ((top + row) * side + left + column) * 3)
        observation[place] = Float(color.red)
        observation[place + 1] = Float(color.green)
        observation[place + 2] = Float(color.blue)
      }
    }
  }

  package mutating func archive(_ archive: Archive) throws { try archive.part("seen", &base) }
}
