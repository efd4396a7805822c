import TestSupport
import Testing

/// Records an issue for the first element that is not close by the fixtures' rule.
func expectClose(
  _ got: some Sequence<Float>, _ want: [Double], _ r: Double, absolute: Double = 0, _ label: String = "",
  sourceLocation: SourceLocation = #_sourceLocation
) {
  if let mismatch = firstMismatch(got, want, r, absolute: absolute, label) {
    Issue.record("\(mismatch)", sourceLocation: sourceLocation)
  }
}
