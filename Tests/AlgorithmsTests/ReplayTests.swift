import Algorithms
import Environments
import Support
import Testing

/// What every replay promises, whatever its layout, lanes, elements and storage.
@Suite struct ReplayTests {
  static let settings: [ReplayFixture.Settings] = [
    .init(), .init(element: .uint8, lanes: 3, capacity: 33), .init(lanes: 2, capacity: 34, isPrioritised: true),
    .init(layout: .loose, lanes: 2, capacity: 26), .init(layout: .loose, element: .uint8, storage: .copied),
    .init(storage: .copied, capacity: 2), .init(element: .uint8, lanes: 4, capacity: 1000, isPrioritised: true),
  ]

  @Test(arguments: settings) func itHoldsTheNewestTransitionsInOrder(settings: ReplayFixture.Settings) {
    let (replay, fixture) = (settings.makeReplay(), ReplayFixture(settings))
    for _ in 0..<70 {
      fixture.step(replay)
      let expected = fixture.transitions
      let rows = replay.transitions
      #expect(replay.count == expected.count)
      #expect(gathered(replay, rows, replay.observation) == expected.map(\.observation))
      #expect(gathered(replay, rows, replay.action) == expected.map(\.action))
      #expect(gathered(replay, rows, replay.next) == expected.map(\.next))
      #expect(gathered(replay, rows, replay.reward) == expected.map { [$0.reward] })
      #expect(gathered(replay, rows, replay.terminated) == expected.map { [$0.terminated] })
      #expect(gathered(replay, rows, replay.truncated) == expected.map { [$0.truncated] })
      #expect(gathered(replay, rows, replay.isFirst) == expected.map { [$0.isFirst ? 1 : 0] })
      #expect(gathered(replay, rows, replay.column("number")) == expected.map { [Float($0.number!)] })
      #expect(gathered(replay, rows, replay.column("code")) == expected.map { [Float(min(255, $0.number!)), 255] })
      #expect(gathered(replay, rows, replay.column("latent")).allSatisfy { $0 == [0.5, 255] })
      #expect(gathered(replay, rows, replay.column("mark")).allSatisfy { $0 == [0] })
    }
  }

  /// The same transitions under the same numbers, drawn by the same draws, as long as no ring has overwritten any.
  @Test func itIsAListOfTransitionsUntilARingOverwrites() throws {
    let space = ActionSpace.discrete(count: 2)
    var record = TransitionRecord(
      EnvironmentSpecification(
        id: "", observationSpace: .box(low: [0, 0, 0], high: [1, 1, 1]), actionSpace: space, stepLimit: nil,
        rewardRange: 0...1, framesPerSecond: 1, summary: ""))
    let replay = Replay(observationSize: 3, actionColumns: 2, capacity: 200)
    let (observation, next, actions) = (RowBuffer(1, 3), RowBuffer(1, 3), RowBuffer(1, 2))
    var (random, isFirst) = (RandomStream(seed: 9), true)
    for step in 0..<100 {
      for column in 0..<3 {
        observation.rows[0, column] = isFirst ? Float(random.uniform()) : next.rows[0, column]
      }
      for column in 0..<3 { next.rows[0, column] = Float(random.uniform()) }
      let action = ActionRows(actions.rows, space)
      action.set(0, index: random.integer(below: 2))
      let outcome = Outcome(
        reward: random.uniform(), isTerminated: step % 9 == 8, isTruncated: step % 25 == 24)
      let steps = Transitions(
        observations: observation.read, actions: action, outcomes: [outcome], next: next.read, isFirst: [isFirst],
        episode: [0])
      record.append(
        observation: observation.read.array, action: action.action(0), nextObservation: next.read.array,
        outcome: outcome)
      replay.append(steps)
      isFirst = outcome.isOver
    }
    var (draws, same) = (RandomStream(seed: 4), RandomStream(seed: 4))
    let rows = replay.transitions + replay.sampled(50, &draws)
    let numbers = Array(0..<100) + (0..<50).map { _ in same.integer(below: 100) }
    #expect(draws == same)
    #expect(gathered(replay, rows, replay.observation) == numbers.map { Array(record.observation($0)) })
    #expect(gathered(replay, rows, replay.action) == numbers.map { Array(record.action($0)) })
    #expect(gathered(replay, rows, replay.next) == numbers.map { Array(record.nextObservation($0)) })
    #expect(gathered(replay, rows, replay.reward) == numbers.map { [Float(record.outcomes[$0].reward)] })
    #expect(gathered(replay, rows, replay.terminated) == numbers.map { [record.outcomes[$0].isTerminated ? 1 : 0] })
  }

  /// Imagined rows come in the kernels' layout and go out in either.
  @Test func looseRowsComeInBlocksAndInEitherLayout() {
    let replay = Replay(observationSize: 20, actionColumns: 1, capacity: 5, layout: .loose, storage: .copied)
    let values = (0..<7 * 43).map { Float($0) }
    values.withUnsafeBufferPointer { values in
      // Feature-major: column c of row r at 7c + r.
      func columns(_ range: Range<Int>) -> Rows {
        Rows(values.baseAddress!, 7, 43, rowStride: 1, columnStride: 7).columns(range)
      }
      replay.append(
        columns(0..<20), columns(20..<21), rewards: columns(21..<22), terminated: columns(22..<23),
        next: columns(23..<43))
    }
    #expect(replay.count == 5)
    let rows = replay.transitions
    func expected(_ row: Int, _ range: Range<Int>) -> [Float] { range.map { Float(7 * $0 + row) } }
    #expect(gathered(replay, rows, replay.observation) == (2..<7).map { expected($0, 0..<20) })
    #expect(gathered(replay, rows, replay.next) == (2..<7).map { expected($0, 23..<43) })
    #expect(gathered(replay, rows, replay.reward) == (2..<7).map { expected($0, 21..<22) })
    #expect(gathered(replay, rows, replay.terminated).allSatisfy { $0 == [1] })
    let buffer = RowBuffer(20, 5)
    let transposed = MutableRows(buffer.rows.base, 5, 20, rowStride: 1, columnStride: 5)
    replay.gather(rows, replay.next, into: transposed)
    let column: [Float] = [184, 185, 186, 187, 188]  // 7 · 26 + row
    #expect(buffer.read.row(3).array == column)
  }

  /// The capacity of imagined rows follows a schedule: the newest stay, in order.
  @Test func aLooseReplayChangesItsCapacity() throws {
    var settings = ReplayFixture.Settings(layout: .loose, lanes: 2, capacity: 20)
    let (replay, fixture) = (settings.makeReplay(), ReplayFixture(settings))
    for _ in 0..<37 { fixture.step(replay) }
    var expected = replay.contents()
    replay.resize(48)
    #expect(replay.contents() == expected && replay.capacity == 48)
    for _ in 0..<5 { fixture.step(replay) }
    #expect(replay.count == 30)
    let restored = settings.makeReplay()
    try restore(restored, from: try stored(replay))
    #expect(restored.contents() == replay.contents() && restored.capacity == 48)
    replay.resize(6)
    settings.capacity = 6
    let smaller = ReplayFixture(settings)
    let other = settings.makeReplay()
    for _ in 0..<42 { smaller.step(other) }
    expected = other.contents()
    #expect(replay.contents() == expected)
  }

  @Test func aMillionImagesFitIntoTwelveAndAHalfGigabytes() {
    let capacity = 1_000_000
    let replay = Replay(observationSize: 64 * 64 * 3, element: .uint8, actionColumns: 6, capacity: capacity)
    #expect(replay.capacity == capacity)
    #expect(replay.bytesPerRow * capacity <= 12_500_000_000, "\(replay.bytesPerRow) bytes a row")
  }

  /// Bytes hold whole numbers from 0 to 255; whatever else comes is brought into that range, and nothing crashes.
  @Test func bytesAreClipped() {
    let replay = Replay(observationSize: 6, element: .uint8, actionColumns: 1, capacity: 10, layout: .loose)
    let values: [Float] = [-1, 0, 254, 256, .nan, .infinity]
    values.withUnsafeBufferPointer { values in
      let rows = Rows(values.baseAddress!, 1, 6)
      replay.append(
        rows, rows.columns(0..<1), rewards: rows.columns(1..<2), terminated: rows.columns(1..<2), next: rows)
    }
    #expect(gathered(replay, replay.transitions, replay.observation) == [[0, 0, 254, 255, 0, 255]])
  }

  @Test func aWrongDeclarationOfAnEnvironmentIsNamed() throws {
    let known = task("CartPole-v1")
    let real = try randomTransitions("CartPole-v1", count: 60).record(known.specification)
    let (rewards, ends) = (
      real.outcomes.map { Float($0.reward) }, real.outcomes.map { $0.isTerminated ? 1 : 0 as Float }
    )
    let replay = Replay(observationSize: 4, actionColumns: 2, capacity: 100, layout: .loose)
    func rows(_ values: [Float], _ columns: Int) -> RowBuffer {
      let buffer = RowBuffer(values.count / columns, columns)
      for (index, value) in values.enumerated() { buffer.memory[index] = value }
      return buffer
    }
    func append(_ rewards: [Float], _ terminated: [Float]) {
      let parts = [
        rows(real.observations, 4), rows(real.actions, 2), rows(rewards, 1), rows(terminated, 1),
        rows(real.nextObservations, 4),
      ]
      withExtendedLifetime(parts) {
        replay.append(
          parts[0].read, parts[1].read, rewards: parts[2].read, terminated: parts[3].read, next: parts[4].read)
      }
    }
    append(rewards, ends)
    try replay.requireAgreement(with: known, reward: true, termination: true)
    #expect(
      replay.record(known.specification, last: 2).nextObservations == real.nextObservations.suffix(8))
    var wrong = rewards
    wrong[3] = 7
    append(wrong, ends.map { 1 - $0 })
    // The ring has kept 40 of the first 60.
    #expect(throws: KnownDynamicsError.reward(environment: "CartPole-v1", transition: 43, declared: 1, real: 7)) {
      try replay.requireAgreement(with: known, reward: true, termination: false)
    }
    #expect(throws: KnownDynamicsError.termination(environment: "CartPole-v1", wrong: 60, of: 100)) {
      try replay.requireAgreement(with: known, reward: false, termination: true)
    }
    try replay.requireAgreement(with: known, reward: false, termination: false)
  }
}
