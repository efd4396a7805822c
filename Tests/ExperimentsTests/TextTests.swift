import Support
import Testing

@Suite struct TextTests {
  @Test(arguments: [
    (178.24, "178.2"), (0.0, "0"), (-1.25, "-1.25"), (12.344, "12.34"), (1234.5, "1235"), (0.012345, "0.01235"),
    (1.2e-5, "1.2e-5"), (-3.21e9, "-3.21e9"), (9.99999, "10"), (-0.0001, "-1e-4"), (.nan, "nan"), (.infinity, "inf"),
  ])
  func shortNumbers(value: Double, text: String) { #expect(NumberText.short(value) == text) }

  @Test func groups() {
    #expect(NumberText.grouped(0) == "0")
    #expect(NumberText.grouped(999) == "999")
    #expect(NumberText.grouped(1_000_000) == "1,000,000")
    #expect(NumberText.grouped(-12_345) == "-12,345")
  }

  @Test func tables() {
    var table = TextTable(["name", "n"], rightAligned: [1])
    table.append(["a", "1"])
    table.append(["long name", "100"])
    #expect(table.lines == ["name         n", "a            1", "long name  100"])
  }
}
