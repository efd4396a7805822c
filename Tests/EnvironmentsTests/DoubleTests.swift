import Environments
import Support
import TestSupport
import Testing

/// Guests that an environment which is a value does not prepare the house for: one that refuses to be copied and lives
/// on a thread of its own, one that gives pictures, and three that are stepped together.
@Suite struct DoubleTests {
  static let doubles = [false, true].flatMap { isThreaded in
    PointTask.View.allCases.flatMap { view in
      [false, true].map { isDiscrete in
        var settings = PointSettings()
        (settings.view, settings.isDiscrete, settings.isThreaded) = (view, isDiscrete, isThreaded)
        return settings
      }
    }
  }

  @Test(arguments: doubles) func keepTheContract(settings: PointSettings) throws {
    let report = try EnvironmentContract.check { try settings.make(stepLimit: 15) }
    #expect(report.findings.map(\.description) == [])
    #expect(report.episodes > 0)
    #expect(report.checked.contains(.archiving))
    #expect(report.checked.contains(.copies) == !settings.isThreaded)
  }

  /// A log that does not repeat what happened is found by the contract.
  @Test func aSimulationThatDoesNotRepeatItselfIsFound() throws {
    var settings = PointSettings()
    (settings.isThreaded, settings.fault) = (true, .drift)
    let report = try EnvironmentContract.check { try settings.make(stepLimit: 15) }
    #expect(report.findings.contains { $0.rule == .determinism })
    #expect(report.findings.contains { $0.message.contains("does not repeat itself") })
  }

  @Test func descriptionsTellWhatCanBeCopied() throws {
    for settings in Self.doubles {
      let description = EnvironmentDescription(try settings.make(stepLimit: 15))
      #expect(description.canBeCopied == !settings.isThreaded)
      #expect(description.specification.observationSpace.isImage == (settings.view == .picture))
      #expect(description.knownDynamics == nil && description.tabular == nil)
    }
  }

  // MARK: Groups

  private func group(_ settings: PointSettings, lanes: Int, pool: ComputePool? = nil) throws -> EnvironmentGroup {
    EnvironmentGroup(try (0..<lanes).map { _ in try settings.make(stepLimit: 7) }, pool: pool) {
      UInt64(100 + $0)
    }
  }

  /// One step of random actions, noted lane by lane.
  private func step(_ group: EnvironmentGroup, _ random: inout RandomStream) throws -> [[Float]] {
    try group.begin()
    for lane in 0..<group.count { group.actions.setUniform(lane, &random) }
    try group.step()
    let steps = group.transitions
    return (0..<group.count).map { lane in
      steps.observations.row(lane).array + Rows(steps.actions.rows).row(lane).array + steps.next.row(lane).array
        + [Float(steps.outcomes[lane].reward), steps.isFirst[lane] ? 1 : 0, Float(steps.episode[lane])]
    }
  }

  /// Every lane of three is what one environment is that plays the same episodes with the same actions; the last
  /// observation of an episode is seen, and the next row begins with another one.
  @Test(arguments: doubles) func threeTogetherAreThreeAlone(settings: PointSettings) throws {
    let group = try group(settings, lanes: 3)
    var random = RandomStream(seed: 4)
    var alone = try (0..<3).map { _ in try settings.make(stepLimit: 7) }
    var last: [[Float]?] = [nil, nil, nil]
    for _ in 0..<40 {
      try group.begin()
      for lane in 0..<3 {
        let isFirst = group.situation.isFirst[lane]
        #expect(isFirst == (last[lane] == nil))
        if isFirst { try alone[lane].reset(seed: UInt64(100 + group.situation.episode[lane])) }
        #expect(group.situation.observations.row(lane).array == alone[lane].observed)
        group.actions.setUniform(lane, &random)
      }
      try group.step()
      for lane in 0..<3 {
        let outcome = try alone[lane].step(group.actions.action(lane))
        #expect(group.outcomes[lane] == outcome)
        #expect(group.transitions.next.row(lane).array == alone[lane].observed)
        last[lane] = outcome.isOver ? nil : alone[lane].observed
      }
    }
    #expect(Set(group.episode).count == 3 && group.episode.max()! > 10)
  }

  @Test(arguments: doubles, [1, 2, 3]) func parallelLanesAreTheSame(settings: PointSettings, threads: Int) throws {
    let parallel = try group(settings, lanes: 3, pool: ComputePool(threads: threads))
    let serial = try group(settings, lanes: 3)
    var (left, right) = (RandomStream(seed: 1), RandomStream(seed: 1))
    for _ in 0..<40 {
      let (expected, found) = (try step(serial, &left), try step(parallel, &right))
      #expect(expected == found)
    }
  }

  /// Archived at every step, before and after `begin`, and read by new environments: the same future.
  @Test(arguments: doubles, [false, true]) func groupsGoOnFromAnyStep(settings: PointSettings, isBegun: Bool) throws {
    let original = try group(settings, lanes: 3)
    var random = RandomStream(seed: 2)
    for _ in 0..<20 {
      _ = try step(original, &random)
      if isBegun { try original.begin() }
      let archive = Archive()
      try original.archive(archive)
      let restored = try group(settings, lanes: 3)
      try restored.archive(Archive(scalars: archive.scalars, tensors: archive.tensors))
      #expect(restored.warnings.isEmpty)
      var (left, right) = (random, random)
      let again = Archive()
      try restored.archive(again)
      #expect(again.tensors.elementsEqual(archive.tensors) { $0 == $1 })
      if isBegun { #expect(restored.situation.observations.array == original.situation.observations.array) }
      // The original is spent with this comparison: a copy would have to be made of what refuses copies.
      let witness = try group(settings, lanes: 3)
      try witness.archive(Archive(scalars: archive.scalars, tensors: archive.tensors))
      for _ in 0..<10 { #expect(try step(restored, &left) == step(witness, &right)) }
    }
  }

  /// A lane whose episode cannot be played again begins another one, and says so; the others go on.
  @Test func aLostEpisodeIsCut() throws {
    var drifting = PointSettings()
    (drifting.isThreaded, drifting.fault) = (true, .drift)
    let group = EnvironmentGroup(
      [try PointSettings().make(stepLimit: 7), try drifting.make(stepLimit: 7)]
    ) { UInt64($0) }
    var random = RandomStream(seed: 2)
    for _ in 0..<3 { _ = try step(group, &random) }
    let archive = Archive()
    try group.archive(archive)
    try group.archive(Archive(scalars: archive.scalars, tensors: archive.tensors))
    #expect(group.warnings.count == 1 && group.warnings[0].hasPrefix("lane 1: Point does not repeat itself"))
    try group.begin()
    #expect(group.situation.isFirst == [false, true] && group.situation.episode == [0, 2])
    _ = try step(group, &random)
  }

  /// The lane's episode is cut where it was, and the others go on.
  @Test(arguments: [0, 1, 2]) func aLaneMayLoseItsEpisodeInAStep(threads: Int) throws {
    let environments: [any Environment] = [0, 3, 0].map { LosingPoint(lostAt: $0) }
    let pool = threads == 0 ? nil : ComputePool(threads: threads)
    let group = EnvironmentGroup(environments, pool: pool) { UInt64($0) }
    var random = RandomStream(seed: 2)
    for _ in 0..<2 { _ = try step(group, &random) }
    #expect(group.lostLanes == [] && group.warnings == [])
    _ = try step(group, &random)
    #expect(group.lostLanes == [1] && group.warnings == ["the point is lost; the episode counts as truncated"])
    #expect(group.outcomes[1] == Outcome(reward: 0, isTerminated: false, isTruncated: true))
    #expect(!group.outcomes[0].isOver && !group.outcomes[2].isOver)
    #expect(group.transitions.next.row(1).array == group.transitions.observations.row(1).array)
    _ = try step(group, &random)
    #expect(group.lostLanes == [] && group.episode == [0, 3, 2])
  }

  @Test func aLaneThatFailsIsNamedByItsError() throws {
    for pool in [nil, ComputePool(threads: 2)] {
      var failing = PointSettings()
      (failing.isThreaded, failing.fault) = (true, .step(3))
      let group = EnvironmentGroup(
        [try PointSettings().make(stepLimit: 7), try failing.make(stepLimit: 7)], pool: pool
      ) { UInt64($0) }
      var random = RandomStream(seed: 2)
      for _ in 0..<2 { _ = try step(group, &random) }
      #expect(throws: EnvironmentError.failed("the worker is gone")) { try step(group, &random) }
    }
  }
}

/// A point whose episode is lost at one step, as a worker's is that is started again.
private struct LosingPoint: ValueEnvironment {
  private var point = PointTask(.numbers, isDiscrete: false)
  private var steps = 0
  let lostAt: Int

  init(lostAt: Int) { self.lostAt = lostAt }

  var specification: EnvironmentSpecification { point.specification }
  mutating func reset(seed: UInt64) { point.reset(seed: seed) }
  mutating func step(_ action: Action) throws -> Outcome {
    steps += 1
    if steps == lostAt { throw EpisodeLost("the point is lost") }
    return try point.step(action)
  }
  func observe(into observation: UnsafeMutableBufferPointer<Float>) { point.observe(into: observation) }
  mutating func archive(_ archive: Archive) throws { try point.archive(archive) }
}

extension PointSettings: CustomTestStringConvertible {
  public var testDescription: String {
    "\(view.rawValue) \(isDiscrete ? "discrete" : "box") \(isThreaded ? "threaded" : "value")"
  }
}
