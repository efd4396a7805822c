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
}
