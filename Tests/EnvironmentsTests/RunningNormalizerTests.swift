import Foundation
import Support
import Testing

import Environments

/// Running statistics of observations, alone and in a group.
@Suite("normalised observations")
struct RunningNormalizerTests {
  /// Mean and variance of numbers of weight 1 beside a start of mean 0 and variance 1 with weight 10⁻⁴.
  private func pooled(_ values: [Double]) -> (mean: Double, variance: Double) {
    let total = Double(values.count) + 1e-4
    let mean = values.reduce(0, +) / total
    let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    return (mean, (squares + 1e-4 * (1 + mean * mean)) / total)
  }

  @Test("the statistics are those of all that was seen, however it was cut")
  func statistics() {
    var random = RandomStream(seed: 3)
    var normalizer = RunningNormalizer(columns: 2, limit: 3)
    var seen: [[Double]] = [[], []]
    for rows in [1, 1, 4, 3, 8, 1] {
      let buffer = RowBuffer(rows, 2)
      for row in 0..<rows {
        (buffer.rows[row, 0], buffer.rows[row, 1]) = (
          Float(random.uniform(100, 101)), Float(random.uniform(-1e-3, 2e-3))
        )
      }
      let raw = buffer.read.array
      for (index, value) in raw.enumerated() { seen[index % 2].append(Double(value)) }
      normalizer.normalize(buffer.rows)
      for column in 0..<2 {
        let expected = pooled(seen[column])
        #expect(abs(normalizer.moments.mean[column] - expected.mean) < 1e-9)
        #expect(abs(normalizer.moments.variance[column] - expected.variance) < 1e-9 * max(1, expected.variance))
        for row in 0..<rows {
          let value = (Double(raw[2 * row + column]) - expected.mean) / (expected.variance + 1e-8).squareRoot()
          #expect(abs(Double(buffer.rows[row, column]) - min(max(value, -3), 3)) < 1e-4)
        }
      }
    }
    #expect(abs(normalizer.moments.count - 18 - 1e-4) < 1e-12)
  }

  @Test("frozen statistics stay, what is far away is limited, what is no number shows")
  func frozen() {
    var normalizer = RunningNormalizer(columns: 1, limit: 5)
    let buffer = RowBuffer(3, 1)
    for (row, value) in [-1, 0, 1].enumerated() { buffer.rows[row, 0] = Float(value) }
    normalizer.normalize(buffer.rows)
    normalizer.isFrozen = true
    let moments = normalizer.moments
    for (row, value) in [1e6, -1e6, Float.infinity].enumerated() { buffer.rows[row, 0] = value }
    normalizer.normalize(buffer.rows)
    #expect(normalizer.moments == moments)
    #expect(buffer.read.array == [5, -5, .infinity])
  }

  // MARK: Groups

  private func configuration() -> EnvironmentConfiguration {
    var configuration = EnvironmentConfiguration(id: "Pendulum-v1")!
    configuration.stepLimit = 5
    configuration.wrappers.normalizesObservations = true
    configuration.wrappers.observationLimit = 2
    return configuration
  }

  private func group(_ lanes: Int) throws -> EnvironmentGroup { try configuration().makeGroup(lanes) { UInt64($0) } }

  private func step(_ group: EnvironmentGroup, _ random: inout RandomStream) throws -> [Float] {
    try group.begin()
    for lane in 0..<group.count { group.actions.setUniform(lane, &random) }
    try group.step()
    return group.transitions.observations.array + group.transitions.next.array
  }

  @Test("every observation of training is counted once, the first and the last of an episode too", arguments: [1, 3])
  func counted(lanes: Int) throws {
    let group = try group(lanes)
    var random = RandomStream(seed: 1)
    for step in 1...17 {
      _ = try self.step(group, &random)
      try group.begin()
      try group.begin()
      let starts = step / 5 + 1
      let weight = try #require(group.frozenNormalizer).moments.count
      #expect(abs(weight - Double(lanes * (step + starts)) - 1e-4) < 1e-9, "step \(step)")
    }
    #expect(group.specification.observationSpace == .box(low: [-2, -2, -2], high: [2, 2, 2]))
    #expect(try configuration().describe().specification == group.specification)
  }

  /// What an agent saw as the next observation is what it sees then, unless another episode began.
  @Test("a step's next observation is the one that follows")
  func chained() throws {
    let group = try group(2)
    var random = RandomStream(seed: 1)
    var next: [Float]?
    for _ in 0..<12 {
      try group.begin()
      if let next, !group.isFirst[0] { #expect(group.situation.observations.array == next) }
      _ = try step(group, &random)
      next = group.transitions.next.array
    }
  }

  @Test("a group that uses a frozen copy changes nothing in it")
  func evaluation() throws {
    let training = try group(1)
    var random = RandomStream(seed: 1)
    for _ in 0..<10 { _ = try step(training, &random) }
    let frozen = try #require(training.frozenNormalizer)
    let measured = EnvironmentGroup([try configuration().make()], normalizer: frozen) { UInt64(100 + $0) }
    for _ in 0..<10 { _ = try step(measured, &random) }
    #expect(try #require(measured.frozenNormalizer).moments.mean == frozen.moments.mean)
    #expect(try #require(training.frozenNormalizer).moments.count == frozen.moments.count)
    // It sees the environment by the training's statistics.
    var alone = try configuration().make()
    try measured.begin()
    while !measured.isFirst[0] {
      _ = try step(measured, &random)
      try measured.begin()
    }
    try alone.reset(seed: UInt64(100 + measured.episode[0]))
    let expected = RowBuffer(1, 3)
    alone.observe(into: expected.memory)
    var copy = frozen
    copy.normalize(expected.rows)
    #expect(measured.situation.observations.array == expected.read.array)
  }

  /// Rows that were normalised before another lane began have to come back as they were.
  @Test("a group goes on from any step with its statistics", arguments: [false, true])
  func archived(isBegun: Bool) throws {
    let original = try group(3)
    var random = RandomStream(seed: 2)
    for _ in 0..<13 {
      _ = try step(original, &random)
      if isBegun { try original.begin() }
      let archive = Archive()
      try original.archive(archive)
      let restored = try group(3)
      try restored.archive(Archive(scalars: archive.scalars, tensors: archive.tensors))
      if isBegun { #expect(restored.situation.observations.array == original.situation.observations.array) }
      let (stored, found) = (try #require(original.frozenNormalizer), try #require(restored.frozenNormalizer))
      #expect(stored.moments == found.moments)
      let again = Archive()
      try restored.archive(again)
      #expect(again.tensors.elementsEqual(archive.tensors) { $0 == $1 })
      let witness = try group(3)
      try witness.archive(Archive(scalars: archive.scalars, tensors: archive.tensors))
      var (left, right) = (random, random)
      for _ in 0..<10 { #expect(try step(restored, &left) == step(witness, &right)) }
    }
  }
}
