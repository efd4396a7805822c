import Testing

extension Trait where Self == ConditionTrait {
  /// Golden data, "neural/cem.json": without the file, the test is skipped in a folder of MBRL_FIXTURES, and fails in
  /// Tests/Fixtures.
  package static func golden(_ name: String) -> Self {
    .disabled(if: Fixture.isLeftOut(name), "\(Fixture.path(name)) is missing")
  }
}

extension Fixture {
  /// Records an issue for the first number that breaks the rule of the fixtures,
  /// |got − want| ≤ r·(|want| + 0.05·max|want| + 1e-6) + absolute.
  /// - Parameter shape: the one that the file must have: that of what was computed.
  /// - Throws: where the file has another shape.
  package func expectClose(
    _ got: some Sequence<Float>, _ shape: [Int] = [], within r: Double, absolute: Double = 0,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let want = try doubles(shape)
    let got = got.map { Double($0) }
    guard got.count == want.count else { throw fault("\(got.count) values were computed for \(want.count)") }
    let largest = want.filter(\.isFinite).map { abs($0) }.max() ?? 0
    for (index, (got, want)) in zip(got, want).enumerated() {
      let allowed = r * (abs(want) + 0.05 * largest + 1e-6) + absolute
      if got == want || (got.isNaN && want.isNaN) || (want.isFinite && abs(got - want) <= allowed) { continue }
      let mismatch = fault("value \(index) is \(want) ± \(allowed), \(got) was computed")
      Issue.record("\(mismatch)", sourceLocation: sourceLocation)
      return
    }
  }
}
