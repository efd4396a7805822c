import Foundation

/// A colour of 8 bits per channel.
package struct Color: Hashable, Sendable {
  package var red: UInt8
  package var green: UInt8
  package var blue: UInt8

  /// From 0xRRGGBB.
  package init(_ code: UInt32) {
    (red, green, blue) = (UInt8(code >> 16 & 0xFF), UInt8(code >> 8 & 0xFF), UInt8(code & 0xFF))
  }

  /// 0xRRGGBB.
  package var code: UInt32 { UInt32(red) << 16 | UInt32(green) << 8 | UInt32(blue) }

  package static let white = Color(0xFFFFFF)
  package static let ink = Color(0x2B2F36)
  package static let grey = Color(0x9AA3AF)
  package static let pale = Color(0xE8ECF1)
  package static let blue = Color(0x1F6FB4)
  package static let sky = Color(0xBCD9F0)
  package static let orange = Color(0xD9601A)
  package static let wood = Color(0xCA9865)
  package static let green = Color(0x2E9E5B)
  package static let red = Color(0xC93030)
  package static let yellow = Color(0xE8B92C)
  package static let magenta = Color(0xB03A9B)
}

/// A picture as filled outlines in the units of what it shows, x to the right and y up, later shapes over earlier ones.
///
/// Every shape is a polygon, so that whatever draws a sketch has one thing to draw.
package struct Sketch: Equatable, Sendable {
  package typealias Point = SIMD2<Double>

  /// One filled outline; where it crosses itself, the inside is by the even-odd rule.
  package struct Shape: Equatable, Sendable {
    package var outline: [Point]
    package var color: Color
    /// How much of what is below it hides, 0 to 1.
    package var opacity = 1.0
  }

  /// The lower left corner of what is visible.
  package let origin: Point
  /// Width and height of what is visible.
  package let size: Point
  package private(set) var shapes: [Shape] = []

  /// An empty picture of a part of the plane, both ranges longer than 0.
  package init(x: ClosedRange<Double>, y: ClosedRange<Double>) {
    origin = Point(x.lowerBound, y.lowerBound)
    size = Point(x.upperBound - x.lowerBound, y.upperBound - y.lowerBound)
    precondition(size.x > 0 && size.y > 0, "a picture needs an extent")
  }

  /// A filled outline. One with a point that is not finite is left out.
  package mutating func polygon(_ outline: [Point], _ color: Color, opacity: Double = 1) {
    guard outline.allSatisfy({ $0.x.isFinite && $0.y.isFinite }) else { return }
    shapes.append(Shape(outline: outline, color: color, opacity: opacity))
  }

  /// A filled rectangle between two opposite corners.
  package mutating func rectangle(_ first: Point, _ second: Point, _ color: Color) {
    polygon([first, Point(second.x, first.y), second, Point(first.x, second.y)], color)
  }

  /// A filled circle.
  package mutating func disc(_ center: Point, radius: Double, _ color: Color) {
    let corners = 32
    polygon(
      (0..<corners).map { corner in
        let angle = 2 * Double.pi * Double(corner) / Double(corners)
        return center + radius * Point(cos(angle), sin(angle))
      }, color)
  }

  /// A straight bar with square ends.
  package mutating func bar(_ start: Point, _ end: Point, width: Double, _ color: Color) {
    let along = end - start
    let length = (along * along).sum().squareRoot()
    guard length > 0 else { return }
    let aside = Point(-along.y, along.x) * (width / 2 / length)
    polygon([start + aside, end + aside, end - aside, start - aside], color)
  }

  /// A bent line with round corners and ends.
  package mutating func line(_ points: [Point], width: Double, _ color: Color) {
    for (start, end) in zip(points, points.dropFirst()) { bar(start, end, width: width, color) }
    for point in points { disc(point, radius: width / 2, color) }
  }
}
