import CKernels

/// Elementary functions of single numbers by the kernels: the same bits on every system, which libm's are not.
package enum KernelMath {
  /// eˣ.
  package static func exp(_ x: Float) -> Float { function(CK_EXP, x) }
  /// ln x.
  package static func log(_ x: Float) -> Float { function(CK_LOG, x) }
  /// The sine of x in radians.
  package static func sine(_ x: Float) -> Float { function(CK_SIN, x) }
  /// The cosine of x in radians.
  package static func cosine(_ x: Float) -> Float { function(CK_COS, x) }

  private static func function(_ function: Int, _ x: Float) -> Float {
    var (x, y) = (x, Float(0))
    ck_unary(Int32(function), 1, &x, &y)
    return y
  }
}

extension Float {
  /// ln 2.
  package static var logOf2: Float { 0.6931472 }
  /// ln 2π.
  package static var logOf2Pi: Float { 1.837877 }
}
