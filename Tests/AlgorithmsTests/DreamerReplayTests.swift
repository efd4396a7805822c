import Algorithms
import Environments
import Support
import Testing

/// What goes into the sequences that Dreamer learns from: a world that counts, in which every number tells its place.
struct DreamerReplayTests {
  static let sizes = DreamerSizes(
    deterministic: 2, hidden: 2, units: 2, latents: 3, classes: 4, blocks: 1, bins: 3, depth: 1)
  static let specification = EnvironmentSpecification(
    id: "Count", observationSpace: .box(low: [-1e9], high: [1e9]), actionSpace: .box(low: [-100], high: [300]),
    stepLimit: nil, rewardRange: -1e9...1e9, framesPerSecond: 30, summary: "counts")

  /// `lanes` lanes with episodes of 5 steps, every second one cut: observation 100,000·lane + 100·episode + step, action
  /// 0…4 by the step, reward observation + 0.5, latents of the same number.
  static func filled(lanes: Int, steps: Int, capacity: Int = 10_000, batch: Int = 4) -> SequenceReplay {
    let replay = SequenceReplay(of: specification, sizes: sizes, lanes: lanes, capacity: capacity, batch: batch)
    for step in 0..<steps { append(step, to: replay, lanes) }
    return replay
  }

  static func append(_ step: Int, to replay: SequenceReplay, _ lanes: Int) {
    let (now, next, actions) = (RowBuffer(lanes, 1), RowBuffer(lanes, 1), RowBuffer(lanes, 1))
    let (h, z) = (RowBuffer(lanes, 2), RowBuffer(lanes, 12))
    let (episode, place) = (step / 5, step % 5)
    for lane in 0..<lanes {
      let number = Float(100_000 * lane + 100 * episode + place)
      now.rows[lane, 0] = number
      next.rows[lane, 0] = number + 1
      actions.rows[lane, 0] = Float(100 * place - 100)
      (h.rows[lane, 0], h.rows[lane, 1]) = (number, -number)
      for latent in 0..<3 { z.rows[lane, latent * 4 + (step + latent) % 4] = 1 }
    }
    let isOver = place == 4
    replay.append(
      Transitions(
        observations: now.read, actions: ActionRows(actions.rows, specification.actionSpace),
        outcomes: (0..<lanes).map {
          Outcome(
            reward: Double(now.rows[$0, 0]) + 0.5, isTerminated: isOver && episode % 2 == 0,
            isTruncated: isOver && episode % 2 == 1)
        }, next: next.read, isFirst: [Bool](repeating: place == 0, count: lanes),
        episode: [Int](repeating: episode, count: lanes)), h: h.read, z: z.read)
  }

  static func batch(_ length: Int, _ count: Int = 4) -> SequenceBatch {
    SequenceBatch(length: length, count: count, observationColumns: 1, actions: 1, sizes: sizes)
  }

  @Test(arguments: [1, 3]) func everyNumberStandsWhereItBelongs(lanes: Int) {
    let replay = Self.filled(lanes: lanes, steps: 400, capacity: 300 * lanes)
    let batch = Self.batch(7)
    var random = RandomStream(seed: 5)
    for _ in 0..<200 {
      #expect(replay.fill(batch, &random))
      for row in 0..<batch.rows { expectOrder(batch, row) }
      for sequence in 0..<batch.count {
        // The state before the first step, where that one is of the same episode.
        guard batch.isFirst.rows[sequence, 0] == 0 else { continue }
        let before = batch.observations.rows[sequence, 0] - 1
        #expect(batch.startH.rows[sequence, 0] == before && batch.startH.rows[sequence, 1] == -before)
        let step = Int(before) % 100_000 / 100 * 5 + Int(before) % 100
        for latent in 0..<3 { #expect(batch.startZ.rows[sequence, latent * 4 + (step + latent) % 4] == 1) }
        #expect((0..<12).reduce(0) { $0 + batch.startZ.rows[sequence, $1] } == 3)
      }
    }
  }

  private func expectOrder(_ batch: SequenceBatch, _ row: Int) {
    let seen = batch.observations.rows[row, 0]
    let place = Int(seen) % 100
    let isFirst = batch.isFirst.rows[row, 0] != 0
    #expect(isFirst == (place == 0))
    #expect((batch.isLast.rows[row, 0] != 0) == (place == 5))
    if isFirst {
      #expect(batch.rewards.rows[row, 0] == 0 && batch.previousActions.rows[row, 0] == 0)
      #expect(batch.isTerminal.rows[row, 0] == 0)
    } else {
      // The reward and the action of the step that led here, the action in [−1, 1].
      #expect(batch.rewards.rows[row, 0] == seen - 0.5)
      #expect(abs(batch.previousActions.rows[row, 0] - (Float(place - 1) / 2 - 1)) < 1e-6)
      if place < 5 { #expect(batch.isTerminal.rows[row, 0] == 0) }
    }
    guard row >= batch.count else { return }
    let before = batch.observations.rows[row - batch.count, 0]
    #expect(isFirst ? Int(before) % 100 == 5 && Int(seen) - Int(before) == 95 : seen == before + 1)
  }

  @Test func endsOfTheTaskAreToldFromCuts() {
    let replay = Self.filled(lanes: 1, steps: 100)
    let batch = Self.batch(12)
    var random = RandomStream(seed: 5)
    var found = [0, 0]
    for _ in 0..<50 {
      _ = replay.fill(batch, &random)
      for row in 0..<batch.rows where batch.isLast.rows[row, 0] != 0 {
        let episode = Int(batch.observations.rows[row, 0]) / 100
        #expect(batch.isTerminal.rows[row, 0] == (episode % 2 == 0 ? 1 : 0))
        found[episode % 2] += 1
      }
    }
    #expect(found.min()! > 50)
  }

  @Test func theNewestComeFirstAndOnce() {
    let replay = SequenceReplay(
      of: Self.specification, sizes: Self.sizes, lanes: 1, capacity: 1000, batch: 1)
    let batch = Self.batch(4, 1)
    var random = RandomStream(seed: 5)
    for step in 0..<40 { Self.append(step, to: replay, 1) }
    // 48 rows: 6 of each episode of 5 steps. Sequences follow the rows 0, 4, 8, …
    for start in stride(from: 0, to: 44, by: 4) {
      _ = replay.fill(batch, &random)
      let row = start + 1
      #expect(batch.observations.rows[0, 0] == Float(row / 6 * 100 + row % 6), "\(start)")
    }
    // Then uniformly, until the next one is complete.
    var starts: Set<Float> = []
    for _ in 0..<200 {
      _ = replay.fill(batch, &random)
      starts.insert(batch.observations.rows[0, 0])
    }
    #expect(starts.count > 30)
    for step in 40..<45 { Self.append(step, to: replay, 1) }
    _ = replay.fill(batch, &random)
    #expect(batch.observations.rows[0, 0] == 703)
  }

  @Test func refreshedStatesAreWhatSequencesBeginFrom() {
    let replay = Self.filled(lanes: 2, steps: 60)
    let batch = Self.batch(6)
    var random = RandomStream(seed: 6)
    _ = replay.fill(batch, &random)
    let states = RowBuffer(batch.rows, 14)
    for row in 0..<batch.rows {
      (states.rows[row, 0], states.rows[row, 1]) = (batch.observations.rows[row, 0] + 0.25, 7)
      for latent in 0..<3 { states.rows[row, 2 + latent * 4 + (row + latent) % 4] = 1 }
    }
    let refreshed = Dictionary(
      (0..<batch.rows).map { (batch.observations.rows[$0, 0], $0) }, uniquingKeysWith: { $1 })
    replay.refresh(states.read, length: 6)
    var found = 0
    for _ in 0..<300 {
      _ = replay.fill(batch, &random)
      for sequence in 0..<batch.count where batch.isFirst.rows[sequence, 0] == 0 {
        guard let row = refreshed[batch.observations.rows[sequence, 0] - 1] else { continue }
        found += 1
        #expect(batch.startH.rows[sequence, 1] == 7)
        for latent in 0..<3 { #expect(batch.startZ.rows[sequence, latent * 4 + (row + latent) % 4] == 1) }
      }
    }
    #expect(found > 100)
  }
}
