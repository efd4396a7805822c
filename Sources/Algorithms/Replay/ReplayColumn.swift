import Support

/// A column of rows in a replay.
package struct ReplayColumn: Sendable {
  /// How a value is stored; every value is read and written as a float. Bytes hold whole numbers 0...255, pixels for
  /// example.
  package enum Element: Sendable { case float32, uint8 }

  package let name: String
  package let width: Int
  package let element: Element
  /// May be written again later, as latents or search targets are: then it is copied into every checkpoint.
  package let isRevised: Bool

  package init(_ name: String, _ width: Int, _ element: Element = .float32, isRevised: Bool = false) {
    self.name = name
    self.width = width
    self.element = element
    self.isRevised = isRevised
  }
}

extension Replay {
  /// Where a column stands in the memory of a row: asked for once, then given to `gather` and `write`.
  package struct Column: Sendable {
    package let width: Int
    package let element: ReplayColumn.Element
    package let isRevised: Bool
    /// Bytes from the start of a row.
    let offset: Int
    /// Rows later in the lane: 1 for the next observation of chained rows.
    var shift = 0

    var end: Int { offset + (element == .float32 ? 4 * width : width) }

    /// Copies the values of a stored row into a row of floats.
    @inline(__always)
    func read(_ row: UnsafeRawPointer, into out: UnsafeMutablePointer<Float>, stride: Int) {
      switch element {
      case .float32:
        let values = (row + offset).assumingMemoryBound(to: Float.self)
        // Short rows take less than a call.
        if stride == 1 && width > 16 { return out.update(from: values, count: width) }
        for column in 0..<width { out[column &* stride] = values[column] }
      case .uint8:
        let values = (row + offset).assumingMemoryBound(to: UInt8.self)
        if stride == 1 {
          for column in 0..<width { out[column] = Float(values[column]) }
        } else {
          for column in 0..<width { out[column &* stride] = Float(values[column]) }
        }
      }
    }

    /// Copies the values of the first of `rows` into a stored row.
    @inline(__always)
    func write(_ row: UnsafeMutableRawPointer, _ rows: Rows) {
      let (values, stride) = (rows.base, rows.columnStride)
      switch element {
      case .float32:
        let out = (row + offset).assumingMemoryBound(to: Float.self)
        if stride == 1 && width > 16 { return out.update(from: values, count: width) }
        for column in 0..<width { out[column] = values[column &* stride] }
      case .uint8:
        let out = (row + offset).assumingMemoryBound(to: UInt8.self)
        for column in 0..<width {
          out[column] = UInt8(pixel: values[column &* stride])
        }
      }
    }
  }
}

extension UInt8 {
  /// A pixel that is at hand as a float: within 0...255; 0 where it is not a number.
  @inline(__always)
  init(pixel value: Float) { self = value >= 255 ? 255 : value > 0 ? UInt8(value) : 0 }
}
