import Foundation

/// Arithmetic as NumPy and CPython do it on this machine, where it differs from the obvious expression in the last bit.
package enum NumPyArithmetic {
  /// `x ** 2` of a float64: the C library's `pow`, which is not always `x * x` (about one value in a thousand differs
  /// in the last bit). The sum keeps the compiler from turning the call back into a product; it is 2 for finite x.
  package static func square(_ x: Double) -> Double { pow(x, 2 + 0 * x) }

  /// `x ** 2` of a float32: the C library's `powf`.
  package static func square(_ x: Float) -> Float { pow(x, 2 + 0 * x) }

  /// `x % modulus`, rounding down: the sign of `modulus` (> 0).
  package static func flooredRemainder(_ x: Double, _ modulus: Double) -> Double {
    let remainder = fmod(x, modulus)
    return remainder < 0 ? remainder + modulus : remainder
  }

  /// `np.sum` of `count` numbers that lie together: one after another below eight; from there on eight sums, every
  /// eighth number in each, which are added in pairs; in two halves beyond 128.
  @inline(__always)
  package static func sum<Number: BinaryFloatingPoint>(_ count: Int, _ number: (Int) -> Number) -> Number {
    count <= 128 ? sum(0..<count, number) : sumOfHalves(0..<count, number)
  }

  private static func sumOfHalves<Number: BinaryFloatingPoint>(
    _ range: Range<Int>, _ number: (Int) -> Number
  ) -> Number {
    guard range.count > 128 else { return sum(range, number) }
    let half = range.count / 2
    let middle = range.lowerBound + half - half % 8
    return sumOfHalves(range.lowerBound..<middle, number) + sumOfHalves(middle..<range.upperBound, number)
  }

  @inline(__always)
  private static func sum<Number: BinaryFloatingPoint>(_ range: Range<Int>, _ number: (Int) -> Number) -> Number {
    let first = range.lowerBound
    if range.count < 8 {
      var sum: Number = 0
      for index in range { sum += number(index) }
      return sum
    }
    var (a, b, c, d) = (number(first), number(first + 1), number(first + 2), number(first + 3))
    var (e, f, g, h) = (number(first + 4), number(first + 5), number(first + 6), number(first + 7))
    let whole = range.upperBound - range.count % 8
    for index in stride(from: first + 8, to: whole, by: 8) {
      a += number(index)
      b += number(index + 1)
      c += number(index + 2)
      d += number(index + 3)
      e += number(index + 4)
      f += number(index + 5)
      g += number(index + 6)
      h += number(index + 7)
    }
    var sum = ((a + b) + (c + d)) + ((e + f) + (g + h))
    for index in whole..<range.upperBound { sum += number(index) }
    return sum
  }

  /// `np.linalg.norm` of two or three numbers: a chain of fused products, as OpenBLAS has it with AVX-512.
  package static func norm(_ vector: SIMD2<Double>) -> Double {
    (vector.x * vector.x).addingProduct(vector.y, vector.y).squareRoot()
  }

  /// See above.
  package static func norm(_ vector: SIMD3<Double>) -> Double {
    (vector.x * vector.x).addingProduct(vector.y, vector.y).addingProduct(vector.z, vector.z).squareRoot()
  }
}
