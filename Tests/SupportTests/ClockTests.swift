import Support
import Testing

struct ClockTests {
  @Test(arguments: [
    (0, "1970-01-01T00:00:00Z"), (951_782_399, "2000-02-28T23:59:59Z"), (951_782_400, "2000-02-29T00:00:00Z"),
    (4_107_542_399, "2100-02-28T23:59:59Z"), (4_107_542_400, "2100-03-01T00:00:00Z"), (-1, "1969-12-31T23:59:59Z"),
    (1_700_000_000.999, "2023-11-14T22:13:20Z"), (-62_167_219_200, "0000-01-01T00:00:00Z"),
    (253_402_300_799, "9999-12-31T23:59:59Z"), (1e300, "9999-12-31T23:59:59Z"), (.nan, "1970-01-01T00:00:00Z"),
  ])
  func timestamps(seconds: Double, text: String) {
    #expect(Clock.timestamp(seconds) == text)
  }

  @Test func theClockDoesNotGoBack() {
    var last = Clock.monotonicSeconds()
    for _ in 0..<1000 {
      let now = Clock.monotonicSeconds()
      #expect(now >= last)
      last = now
    }
  }

  @Test(arguments: [
    (0, "0s"), (59.9, "59s"), (65, "1m 05s"), (3599, "59m 59s"), (7380, "2h 03m"), (86_400 * 3 + 3600 * 4, "3d 04h"),
    (-5, "0s"), (.nan, "?"), (.infinity, "?"), (1e300, "?"),
  ])
  func durations(seconds: Double, text: String) {
    #expect(TimeText.duration(seconds) == text)
  }
}
