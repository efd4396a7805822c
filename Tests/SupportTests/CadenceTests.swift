import Support
import Testing

struct CadenceTests {
  /// Spans follow each other without gap or overlap, whatever the steps between questions, and end at multiples.
  @Test(arguments: [1, 2, 3, 6, 7], [1, 2, 4, 5, 16]) func spansFollowEachOther(every: Int, lanes: Int) {
    var end = 0
    for step in stride(from: lanes, through: 200, by: lanes) {
      let span = Cadence.span(every: every, from: step - lanes, to: step)
      #expect(span.isEmpty != Cadence.isDue(every: every, from: step - lanes, to: step))
      guard !span.isEmpty else { continue }
      #expect(span.lowerBound == end && span.upperBound % every == 0 && span.upperBound <= step)
      end = span.upperBound
    }
    #expect(200 - end < every + lanes)
    #expect(Cadence.span(every: 0, from: 3, to: 9).isEmpty)
  }
}
