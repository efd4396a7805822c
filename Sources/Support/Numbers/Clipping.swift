extension Comparable {
  /// The nearest value in `low...high`; NaN stays NaN.
  @inline(__always)
  package func clipped(_ low: Self, _ high: Self) -> Self { self < low ? low : self > high ? high : self }
}
