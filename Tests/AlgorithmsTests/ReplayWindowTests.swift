import Algorithms
import Support
import Testing

/// Windows over the ring's head, priorities, and what is written back.
@Suite struct ReplayWindowTests {
  private static let settings = ReplayTests.settings.filter { $0.layout == .chained && $0.capacity > 2 }

  private func observations(_ replay: Replay, _ row: Int32, _ length: Int) -> [[Float]] {
    (0..<length).flatMap { gathered(replay, [row], replay.observation, shifted: $0) }
  }

  /// Every window there is comes, and no other: rows of one lane in order, complete, of one episode where asked for.
  @Test(arguments: settings, [1, 2, 4]) func windowsAreRunsOfRows(settings: ReplayFixture.Settings, length: Int) {
    let (replay, fixture) = (settings.makeReplay(), ReplayFixture(settings, seed: 3))
    var random = RandomStream(seed: 5)
    var rows: [Int32] = []
    for step in 0..<90 {
      fixture.step(replay)
      for withinEpisodes in [false, true] {
        let found = replay.windows(8, length: length, withinEpisodes: withinEpisodes, &random, into: &rows)
        var expected: Set<[[Float]]> = []
        for lane in 0..<settings.lanes {
          let complete = Array(fixture.complete(lane))
          for start in 0..<max(0, complete.count - length + 1) {
            let window = complete[start..<start + length]
            if withinEpisodes && Set(window.map(\.episode)).count > 1 { continue }
            expected.insert(window.map(\.observation))
          }
        }
        #expect(found == !expected.isEmpty && rows.count == (found ? 8 : 0))
        #expect(rows.allSatisfy { expected.contains(observations(replay, $0, length)) }, "step \(step)")
      }
    }
    // Uniform draws reach all of them.
    guard !settings.isPrioritised, settings.capacity < 100 else { return }
    #expect(replay.windows(2000, length: length, withinEpisodes: false, &random, into: &rows))
    #expect(Set(rows).count == (0..<settings.lanes).reduce(0) { $0 + fixture.complete($1).count - length + 1 })
  }

  @Test func noEpisodeIsThatLong() {
    let settings = ReplayFixture.Settings(capacity: 50)
    let (replay, fixture) = (settings.makeReplay(), ReplayFixture(settings))
    for _ in 0..<200 { fixture.step(replay) }
    var random = RandomStream(seed: 5)
    var rows: [Int32] = [7]
    #expect(!replay.windows(3, length: 49, withinEpisodes: true, &random, into: &rows) && rows.isEmpty)
    #expect(!replay.windows(3, length: 51, withinEpisodes: false, &random, into: &rows) && rows.isEmpty)
  }

  /// Windows begin in proportion to priorities; those of overwritten rows are gone, new rows have the largest.
  @Test func windowsByPriority() {
    let settings = ReplayFixture.Settings(lanes: 2, capacity: 40, isPrioritised: true)
    let (replay, fixture) = (settings.makeReplay(), ReplayFixture(settings))
    for _ in 0..<60 { fixture.step(replay) }
    for row in replay.transitions { replay.setPriority(row, 0) }
    let (a, b) = (replay.transition(2), replay.transition(replay.count - 10))
    replay.setPriority(a, 3)
    replay.setPriority(b, 1)
    replay.setPriority(b, .nan)
    #expect(replay.probability(a) == 0.75 && replay.probability(b) == 0.25)
    var random = RandomStream(seed: 2)
    var rows: [Int32] = []
    #expect(replay.windows(4000, length: 2, withinEpisodes: false, &random, into: &rows))
    #expect(rows.allSatisfy { $0 == a || $0 == b })
    #expect(abs(rows.filter { $0 == a }.count - 3000) < 150)
    fixture.step(replay)
    let new = replay.transition(replay.count - 1)
    #expect(abs(replay.probability(new) - 3 / 10) < 1e-12)
    for _ in 0..<50 { fixture.step(replay) }
    // What was heavy has been overwritten: all rows are new, and as heavy as the heaviest ever.
    #expect(abs(replay.transitions.map(replay.probability).reduce(0, +) - 1) < 1e-12)
    #expect(Set(replay.transitions.map(replay.probability)).count == 1)
    // Without any weight windows are drawn uniformly.
    for row in replay.transitions { replay.setPriority(row, -1) }
    #expect(replay.windows(2000, length: 1, withinEpisodes: false, &random, into: &rows))
    #expect(Set(rows).count == (0..<2).reduce(0) { $0 + fixture.complete($1).count })
  }

  @Test func latentsAreWrittenBackOverTheRingsHead() {
    let settings = ReplayFixture.Settings(lanes: 2, capacity: 14)
    let (replay, fixture) = (settings.makeReplay(), ReplayFixture(settings))
    for _ in 0..<40 { fixture.step(replay) }
    var random = RandomStream(seed: 1)
    var rows: [Int32] = []
    #expect(replay.windows(20, length: 4, withinEpisodes: false, &random, into: &rows))
    let latents = RowBuffer(20, 2)
    for shift in 0..<4 {
      for place in 0..<20 { latents.rows[place, 0] = Float(Int(rows[place]) * 10 + shift) }
      replay.write(rows, replay.column("latent"), shifted: shift, latents.read)
      let written = (0..<20).map { [latents.rows[$0, 0], 0] }
      #expect(gathered(replay, rows, replay.column("latent"), shifted: shift) == written)
    }
    // Nothing else has moved.
    let expected = fixture.transitions
    #expect(gathered(replay, replay.transitions, replay.observation) == expected.map(\.observation))
    #expect(gathered(replay, replay.transitions, replay.column("number")) == expected.map { [Float($0.number!)] })
  }
}
