import Foundation
import Support
import TestSupport
import Testing

import Environments

/// Settings of `environment.wrappers` on tasks of every kind.
@Suite("wrappers")
struct WrapperTests {
  /// A task in its wrappers.
  struct Case: Sendable, CustomTestStringConvertible {
    var id: String
    var wrappers: WrapperSettings
    var stepLimit: Int?
    var testDescription: String { "\(id) \(wrappers)" }

    init(_ id: String, _ stepLimit: Int? = nil, _ change: (inout WrapperSettings) -> Void) {
      (self.id, self.stepLimit) = (id, stepLimit)
      wrappers = WrapperSettings()
      change(&wrappers)
    }

    func configuration() throws -> EnvironmentConfiguration {
      var configuration = try #require(EnvironmentConfiguration(id: id))
      configuration.wrappers = wrappers
      if let stepLimit { configuration.stepLimit = stepLimit }
      return configuration
    }
  }

  static let cases = [
    Case("Pendulum-v1") { $0.actionRepeat = 3 },
    Case("CartPole-v1") { $0.actionRepeat = 4 },
    Case("Taxi-v4", 50) { $0.actionRepeat = 2 },
    Case("Pendulum-v1") { $0.rescalesActions = true },
    Case("PushingArm-v0") { $0.rescalesActions = true },
    Case("CartPoleSwingUp-v0") { $0.frameStack = 3 },
    Case("CartPole-v1") { $0.frameStack = 2 },
    Case("CartPoleSwingUp-v0") { $0.observesFeatures = true },
    Case("CartPoleSwingUp-v0") { ($0.observesFeatures, $0.frameStack, $0.observesTime) = (true, 2, true) },
    Case("Pendulum-v1") { $0.pixels = 16 },
    Case("CliffWalking-v1", 40) { $0.pixels = 12 },
    Case("CartPole-v1") { ($0.actionRepeat, $0.pixels, $0.frameStack) = (2, 16, 2) },
    Case("MountainCarContinuous-v0") { $0.observesTime = true },
    Case("CartPole-v1", 37) { $0.observesTime = true },
    Case("CartPoleSwingUp-v0") { ($0.rescalesActions, $0.frameStack, $0.observesTime) = (true, 2, true) },
    Case("Reacher-v0") {
      ($0.actionRepeat, $0.rescalesActions, $0.frameStack, $0.observesTime) = (7, true, 4, true)
    },
  ]

  @Test("keep the contract of environments", arguments: cases)
  func contract(variant: Case) throws {
    let configuration = try variant.configuration()
    let report = try EnvironmentContract.check(configuration.make)
    #expect(report.findings.map(\.description) == [])
    #expect(report.steps == 3000 && report.episodes > 0)
    #expect(report.checked.contains(.copies) && report.checked.contains(.archiving))
    // What is declared stays known, unless actions are repeated.
    let isKnown = try #require(EnvironmentConfiguration(id: variant.id)).describe().knownDynamics != nil
    let isHidden =
      variant.wrappers.actionRepeat > 1 || variant.wrappers.pixels > 0 || variant.wrappers.observesFeatures
    #expect(report.checked.contains(.knownRewards) == (isKnown && !isHidden))
  }

  /// Pictures are stacked by channels.
  @Test("images are stacked pixel by pixel")
  func images() throws {
    var settings = PointSettings()
    settings.view = .picture
    var wrappers = WrapperSettings()
    wrappers.frameStack = 3
    let report = try EnvironmentContract.check { try wrappers.wrap(settings.make(stepLimit: 15)) }
    #expect(report.findings.map(\.description) == [])
    var (alone, stacked) = (try settings.make(stepLimit: 15), try wrappers.wrap(settings.make(stepLimit: 15)))
    #expect(stacked.specification.observationSpace == .image(height: 16, width: 16, channels: 3))
    try alone.reset(seed: 1)
    try stacked.reset(seed: 1)
    var frames = [[Float]](repeating: alone.observed, count: 3)
    for step in 0..<8 {
      let action: [Float] = [step.isMultiple(of: 2) ? 1 : 0.5]
      #expect(try stacked.step(action) == alone.step(action))
      frames = frames[1...] + [alone.observed]
      #expect(stacked.observed == (0..<256).flatMap { pixel in frames.map { $0[pixel] } })
    }
  }

  @Test("a wrapper that is off is not there")
  func off() throws {
    let configuration = try #require(EnvironmentConfiguration(id: "Pendulum-v1"))
    #expect(try configuration.make() is TimeLimit<Pendulum>)
    #expect(configuration.wrappers.makeNormalizer(Pendulum.specification) == nil)
  }

  // MARK: One by one

  @Test("a repeated action is as many steps", arguments: [2, 3, 7])
  func repeated(count: Int) throws {
    let bare = try #require(EnvironmentConfiguration(id: "Pendulum-v1")).make()
    let variant = Case("Pendulum-v1") { $0.actionRepeat = count }
    var (alone, wrapped) = (bare, try variant.configuration().make())
    #expect(wrapped.specification.stepLimit == (200 + count - 1) / count)
    #expect(wrapped.knownDynamics == nil)
    try alone.reset(seed: 3)
    try wrapped.reset(seed: 3)
    var random = RandomStream(seed: 1)
    for step in 1...wrapped.specification.stepLimit! {
      let action = [Float(random.uniform(-2, 2))]
      var (total, isTruncated) = (0.0, false)
      for _ in 0..<count where !isTruncated {
        let outcome = try alone.step(action)
        (total, isTruncated) = (total + outcome.reward, outcome.isTruncated)
      }
      #expect(try wrapped.step(action) == Outcome(reward: total, isTerminated: false, isTruncated: isTruncated))
      #expect(isTruncated == (step == wrapped.specification.stepLimit))
      #expect(wrapped.observed == alone.observed)
    }
  }

  /// The pole falls within a repetition: nothing is stepped beyond that.
  @Test("a repetition ends with the episode")
  func repetitionEnds() throws {
    var (alone, wrapped) = (CartPole(), ActionRepeat(CartPole(), count: 50))
    alone.reset(seed: 0)
    try wrapped.reset(seed: 0)
    var (total, isTerminated) = (0.0, false)
    while !isTerminated {
      let outcome = try alone.step(.discrete(1))
      (total, isTerminated) = (total + outcome.reward, outcome.isTerminated)
    }
    #expect(total < 50)
    #expect(try wrapped.step(.discrete(1)) == Outcome(reward: total, isTerminated: true))
    #expect(wrapped.observed == alone.observed)
  }

  @Test("rescaled actions reach both bounds and no further, and are charged as they are beyond")
  func rescaled() throws {
    struct Echo: ValueEnvironment {
      static let low: [Float] = [-2, 0.1, -7]
      static let high: [Float] = [2, 0.7, 11]
      var specification = EnvironmentSpecification(
        id: "Echo", observationSpace: .box(low: [-100, -100, -100], high: [100, 100, 100]),
        actionSpace: .box(low: Echo.low, high: Echo.high), stepLimit: nil, rewardRange: 0...0, framesPerSecond: 1,
        summary: "")
      var last: [Float] = [0, 0, 0]
      mutating func reset(seed: UInt64) {}
      mutating func step(_ action: Action) throws -> Outcome {
        last = Array(try action.vector(count: 3))
        return Outcome(reward: 0, isTerminated: false)
      }
      func observe(into observation: UnsafeMutableBufferPointer<Float>) {
        for column in 0..<3 { observation[column] = last[column] }
      }
      mutating func archive(_ archive: Archive) throws {}
    }
    var wrapped = RescaledActions(Echo())
    #expect(wrapped.specification.actionSpace == .box(low: [-1, -1, -1], high: [1, 1, 1]))
    for (action, expected) in [
      ([-1, -1, -1], Echo.low), ([1, 1, 1], Echo.high), ([0, 0, 0], [0, 0.4, 2]), ([2, -3, 1.5], [4, -0.5, 15.5]),
    ] as [([Float], [Float])] {
      _ = try wrapped.step(action)
      for (found, value) in zip(wrapped.observed, expected) { #expect(abs(found - value) < 1e-6) }
      if action[0].magnitude == 1 { #expect(wrapped.observed == expected) }
    }
  }

  @Test("a stack holds the newest frames, oldest first, and the first one many times")
  func stacked() throws {
    var wrapped = try Case("CartPoleSwingUp-v0") { $0.frameStack = 3 }.configuration().make()
    var alone = try #require(EnvironmentConfiguration(id: "CartPoleSwingUp-v0")).make()
    for seed: UInt64 in 0..<2 {
      try alone.reset(seed: seed)
      try wrapped.reset(seed: seed)
      var frames = [[Float]](repeating: alone.observed, count: 3)
      #expect(wrapped.observed == frames.flatMap { $0 })
      for _ in 0..<5 {
        #expect(try wrapped.step([1.5]) == alone.step([1.5]))
        frames = frames[1...] + [alone.observed]
        #expect(wrapped.observed == frames.flatMap { $0 })
      }
    }
  }

  /// There were as many as of the bare task: who drew or diagnosed the others read beyond their end.
  @Test("columns have the names that belong to them")
  func names() throws {
    func names(_ id: String, _ change: (inout WrapperSettings) -> Void) throws -> [String] {
      let specification = try Case(id, nil, change).configuration().make().specification
      return (0..<specification.observationSpace.size).map(specification.observationName)
    }
    #expect(
      try names("CartPoleSwingUp-v0") { ($0.frameStack, $0.observesTime) = (2, true) }
        == [
          "x, m (1 before)", "θ, rad (1 before)", "ẋ, m/s (1 before)", "θ̇, rad/s (1 before)", "x, m", "θ, rad",
          "ẋ, m/s", "θ̇, rad/s", "share of the time",
        ])
    #expect(try names("PushingArm-v0") { $0.observesTime = true }.last == "observation 17")
    #expect(try names("CartPoleSwingUp-v0") { $0.pixels = 8 }.last == "observation 191")
  }

  @Test("the time column runs from 0 to 1")
  func timed() throws {
    var wrapped = try Case("LineWorld-v0", 4) { $0.observesTime = true }.configuration().make()
    for seed: UInt64 in 0..<2 {
      try wrapped.reset(seed: seed)
      var shares = [wrapped.observed.last]
      for step in 1...4 {
        #expect(try wrapped.step([0]).isTruncated == (step == 4))
        shares.append(wrapped.observed.last)
      }
      #expect(shares == [0, 0.25, 0.5, 0.75, 1])
    }
  }

  @Test("angles as sine and cosine, and the same task")
  func features() throws {
    var (plain, turned) = (
      try Case("CartPoleSwingUp-v0") { _ in }.configuration().make(),
      try Case("CartPoleSwingUp-v0") { $0.observesFeatures = true }.configuration().make()
    )
    #expect(turned.specification.observationNames == ["sin θ", "cos θ", "x, m", "ẋ, m/s", "θ̇, rad/s"])
    guard case .box(let low, let high) = turned.specification.observationSpace else { throw CancellationError() }
    #expect(low == [-1, -1, -2.5, -.infinity, -.infinity] && high == [1, 1, 2.5, .infinity, .infinity])
    try plain.reset(seed: 4)
    try turned.reset(seed: 4)
    for step in 0..<60 {
      let (seen, features) = (plain.observed, turned.observed)
      #expect(features == [KernelMath.sine(seen[1]), KernelMath.cosine(seen[1]), seen[0], seen[2], seen[3]])
      let force: [Float] = [step % 7 < 4 ? 3 : -3]
      let outcomes = try force.withUnsafeBufferPointer {
        (try plain.step(.continuous($0)), try turned.step(.continuous($0)))
      }
      #expect(outcomes.0 == outcomes.1)
    }
    let misfit = Case("CartPoleSwingUp-v0") { ($0.observesFeatures, $0.pixels) = (true, 16) }
    #expect(throws: WrapperMisfits.self) { try misfit.configuration().make() }
    // Where models see what stands there, so does a policy.
    let plainTask = try Case("Pendulum-v1") { $0.observesFeatures = true }.configuration().make()
    let bare = try #require(EnvironmentConfiguration(id: "Pendulum-v1"))
    #expect(try plainTask.specification == bare.make().specification)
  }

  // MARK: Misfits

  @Test(
    "what makes no sense is refused by its setting",
    arguments: [
      ("CartPole-v1", ["rescalesActions"]), ("Taxi-v4", ["rescalesActions", "frameStack", "observesTime"]),
    ])
  func misfits(id: String, expected: [String]) throws {
    let variant = Case(id) { ($0.rescalesActions, $0.frameStack, $0.observesTime) = (true, 2, true) }
    do {
      _ = try variant.configuration().make()
      Issue.record("it was made")
    } catch let misfits as WrapperMisfits {
      #expect(misfits.faults.map(\.path) == expected)
    }
  }

  @Test("a share of the time needs a limit, statistics need vectors")
  func limits() throws {
    var endless = try Case("Pendulum-v1") { $0.observesTime = true }.configuration()
    endless.stepLimit = nil
    #expect(throws: WrapperMisfits.self) { try endless.make() }
    let table = try Case("Taxi-v4") { $0.normalizesObservations = true }.configuration()
    #expect(throws: WrapperMisfits.self) { try table.make() }
  }

  @Test("declared dynamics are hidden where they are another's")
  func hidden() throws {
    for (variant, setting) in [
      (Case("Pendulum-v1") { $0.normalizesObservations = true }, "normalizesObservations"),
      (Case("Pendulum-v1") { $0.actionRepeat = 2 }, "actionRepeat"),
      (Case("Pendulum-v1") { $0.rescalesActions = true }, nil),
      (Case("Pendulum-v1") { $0.observesFeatures = true }, nil),
      (Case("CartPoleSwingUp-v0") { $0.observesFeatures = true }, "observesFeatures"),
      (Case("FrozenLake-v1") { $0.actionRepeat = 2 }, nil),
    ] as [(Case, String?)] {
      let description = try variant.configuration().describe()
      #expect(description.hidingSetting == setting)
      let isTable = description.specification.observationSpace.isDiscrete
      #expect((description.knownDynamics == nil) == (setting != nil || isTable))
    }
  }
}
