import Support
import Testing

import Environments

/// The contract finds every fault it is for: each variant breaks one promise of a small environment.
@Suite("the environment contract")
struct ContractTests {
  @Test("a sound environment passes")
  func sound() throws {
    let report = try EnvironmentContract.check { TimeLimit(Faulty(.none), stepLimit: 20) }
    #expect(report.passes, "\(report.findings)")
    #expect(Set(report.checked) == Set(ContractReport.Rule.allCases).subtracting([.table]))
  }

  @Test("a table that is not what happens is found", arguments: FaultyTable.Fault.allCases)
  func tables(fault: FaultyTable.Fault) throws {
    let report = try EnvironmentContract.check { TimeLimit(FaultyTable(fault), stepLimit: 20) }
    #expect(report.checked.contains(.table))
    #expect(report.findings.contains { $0.rule == .table } == (fault != .none), "\(report.findings)")
  }

  @Test("every fault is found", arguments: Faulty.Fault.allCases)
  func faults(fault: Faulty.Fault) throws {
    // One shared box for all of them: what a copy leaves behind in another environment shows.
    let report = try EnvironmentContract.check { TimeLimit(Faulty(fault), stepLimit: 20) }
    guard let rule = fault.rule else { return }
    #expect(report.findings.contains { $0.rule == rule }, "\(report.findings)")
  }

  @Test("a limit that terminates is found")
  func terminatingLimit() throws {
    let report = try EnvironmentContract.check { Faulty(.limitTerminates) }
    #expect(report.findings.contains { $0.rule == .truncation }, "\(report.findings)")
  }
}

/// A point in [0, 1] that moves by its action; the task ends above .95. Every fault is a way to get this wrong.
struct Faulty: ValueEnvironment {
  var sketch: Sketch? { Sketch(x: 0...1, y: 0...1) }
  enum Fault: String, CaseIterable {
    case none, leavesSpace, rewardTooLarge, seedIgnored, sharedState, forgetsArchive, takesAnything, movesOnRefusal
    case rewardOnLastStep, terminationThreshold, featureOutOfRange, emptyBounds, limitTerminates

    /// The rule that it breaks; nil where that takes an environment of its own.
    var rule: ContractReport.Rule? {
      switch self {
      case .none, .limitTerminates: nil
      case .leavesSpace: .observations
      case .rewardTooLarge: .rewards
      case .seedIgnored: .determinism
      case .sharedState: .copies
      case .forgetsArchive: .archiving
      case .takesAnything, .movesOnRefusal: .wrongActions
      case .rewardOnLastStep: .knownRewards
      case .terminationThreshold: .knownTerminations
      case .featureOutOfRange: .knownFeatures
      case .emptyBounds: .specification
      }
    }
  }

  private final class Box: @unchecked Sendable { var value = 0.5 }

  private let fault: Fault
  private var position = 0.5
  private var momentum = 0.0
  private var steps = 0
  private var resets = 0
  private let box = Box()

  init(_ fault: Fault) { self.fault = fault }

  var specification: EnvironmentSpecification {
    EnvironmentSpecification(
      id: "Faulty-v0", observationSpace: .box(low: fault == .emptyBounds ? [] : [0, -1], high: [1, 1]),
      actionSpace: .box(low: [-0.2], high: [0.2]), stepLimit: fault == .limitTerminates ? 20 : nil,
      rewardRange: 0...1, framesPerSecond: 1,
      summary: "")
  }

  mutating func reset(seed: UInt64) {
    var random = RandomStream(seed: seed)
    resets += 1
    position = random.uniform(0.3, 0.6) + (fault == .seedIgnored ? 0.01 * Double(resets) : 0)
    momentum = 0
    steps = 0
    box.value = position
  }

  mutating func step(_ action: Action) throws -> Outcome {
    if fault == .movesOnRefusal { position *= 0.99 }
    let change: Double
    if fault == .takesAnything, (try? action.scalar()) == nil {
      change = 0
    } else {
      change = Double(try action.scalar())
    }
    steps += 1
    momentum = (0.5 * momentum + change).clipped(-1, 1)
    if fault == .sharedState { position = box.value }
    position += momentum
    if fault != .leavesSpace { position = position.clipped(0, 1) }
    box.value = position
    let isOver = position > 0.95 || (fault == .limitTerminates && steps == 20)
    let reward = fault == .rewardTooLarge ? 2 : fault == .rewardOnLastStep && isOver ? 0.5 : 1.0
    return Outcome(reward: reward, isTerminated: isOver, isTruncated: fault == .limitTerminates && steps == 20)
  }

  func observe(into observation: UnsafeMutableBufferPointer<Float>) {
    observation[0] = Float(position)
    if observation.count > 1 { observation[1] = Float(momentum) }
  }

  var physicalState: PhysicalState? {
    get { PhysicalState([position, momentum]) }
    set {
      (position, momentum) = (newValue!.values[0], newValue!.values[1])
      box.value = position
    }
  }

  mutating func archive(_ archive: Archive) throws {
    try archive.value("position", &position)
    if fault != .forgetsArchive { try archive.value("momentum", &momentum) }
    try archive.value("steps", &steps)
    box.value = position
  }

  var knownDynamics: (any KnownDynamics)? { FaultyDynamics(fault: fault) }
}

struct FaultyDynamics: KnownDynamics {
  let fault: Faulty.Fault
  var modelFeatures: [ObservationFeature]? { [.value(0), .value(fault == .featureOutOfRange ? 2 : 1)] }

  func rewards(of columns: TransitionColumns, into reward: UnsafeMutablePointer<Float>) {
    reward.update(repeating: 1, count: columns.count)
  }

  func terminations(of columns: TransitionColumns, into terminated: UnsafeMutablePointer<Float>) {
    let threshold: Float = fault == .terminationThreshold ? 0.9 : 0.95
    for row in 0..<columns.count { terminated[row] = columns.nextObservationColumn(0)[row] > threshold ? 1 : 0 }
  }
}

/// Two states that an action exchanges or keeps. Every fault is a way in which table and steps can differ.
struct FaultyTable: ValueEnvironment, TabularTask {
  var tabular: (any TabularTask)? { self }
  enum Fault: CaseIterable { case none, sum, start, outcome, reward, spaces, observation, picture }

  private let fault: Fault
  private var walk = TableWalk()
  let table: TransitionTable

  init(_ fault: Fault) {
    self.fault = fault
    table = TransitionTable(stateCount: 2, actionCount: 2, initialDistribution: fault == .start ? [0, 1] : [1, 0]) {
      [TableOutcome(probability: fault == .sum ? 0.9 : 1, nextState: ($0 + $1) % 2, reward: 0, isTerminated: false)]
    }
  }

  var specification: EnvironmentSpecification {
    EnvironmentSpecification(
      id: "FaultyTable-v0", observationSpace: .discrete(count: fault == .spaces ? 3 : 2),
      actionSpace: .discrete(count: 2), stepLimit: nil, rewardRange: 0...1, framesPerSecond: 1,
      summary: "")
  }

  var currentState: Int { walk.state }
  var lastAction: Int? { walk.action < 0 ? nil : walk.action }
  var actionNames: [String] { ["Stay", "Go"] }
  var actionSymbols: [Character] { ["s", "g"] }
  var layout: GridLayout? { nil }
  func text(of state: Int, after lastAction: Int?, style: StateTextStyle) -> String {
    fault == .picture ? "" : "\(state)"
  }

  mutating func reset(seed: UInt64) {
    walk.reset(in: table, seed: seed)
    if fault == .start { walk.state = 0 }
  }

  mutating func step(_ action: Action) throws -> Outcome {
    let taken = try action.index(below: 2)
    var outcome = walk.step(in: table, taken)
    if fault == .outcome && taken == 1 { walk.state = 0 }
    if fault == .reward && taken == 1 { outcome.reward = 1 }
    return outcome
  }

  func observe(into observation: UnsafeMutableBufferPointer<Float>) {
    observation[0] = Float(fault == .observation ? 1 - walk.state : walk.state)
  }

  var physicalState: PhysicalState? {
    get { PhysicalState([Double(walk.state)]) }
    set { walk.state = Int(newValue!.values[0]) }
  }

  mutating func archive(_ archive: Archive) throws { try walk.archive(archive) }
}
