import Foundation
import Testing

import Environments

@Suite("worked numbers")
struct WorkedNumbersTests {
  @Test(
    "LineWorld from 3",
    arguments: [
      ([Float(0.8), 0.5, -0.2], -9.9), ([1, 1, 1], -9.0), ([1, 0.9, 0.8], -9.1), ([-0.5, 0.3, 0.1], -12.7),
    ])
  func lineWorld(actions: [Float], expected: Double) throws {
    var environment = LineWorld()
    try environment.reset(seed: 1)
    let total = try actions.reduce(0) { try $0 + environment.step([$1]).reward }
    #expect(abs(total - expected) < 1e-6)
  }

  @Test("LineWorld clips the action to ±1 and the position to 0…10")
  func lineWorldClips() throws {
    var environment = LineWorld()
    try environment.reset(seed: 1)
    _ = try environment.step([-100])
    #expect(environment.state == [2])
    environment.state = [9.5]
    _ = try environment.step([1])
    #expect(environment.state == [10])
  }

  @Test("Pendulum's known reward takes cosine and sine that are off the unit circle")
  func pendulumUnnormalised() {
    var record = TransitionRecord(Pendulum.specification)
    let action: [Float] = [5]  // clipped to 2
    action.withUnsafeBufferPointer {
      record.append(
        observation: [0, 3, 1], action: .continuous($0), nextObservation: [1, 0, 0],
        outcome: Outcome(reward: 0, isTerminated: false))
    }
    var reward: Float = 0
    record.withColumns { Pendulum().knownDynamics!.rewards(of: $0, into: &reward) }
    #expect(abs(Double(reward) + (Double.pi * Double.pi / 4 + 0.1 + 0.004)) < 1e-5)
  }

  @Test("MountainCarContinuous charges for the action as given")
  func unclippedEffort() throws {
    var environment = MountainCarContinuous()
    try environment.reset(seed: 0)
    #expect(try environment.step([3]).reward == -0.9)
  }
}

@Suite("time limit")
struct TimeLimitTests {
  @Test("the task's own end on the last step stays an end")
  func bothEnds() throws {
    var environment = TimeLimit(CartPole(), stepLimit: 1)
    try environment.reset(seed: 0)
    environment.physicalState = PhysicalState([2.4, 10, 0, 0])
    #expect(try environment.step(.discrete(1)) == Outcome(reward: 1, isTerminated: true, isTruncated: true))
  }

  @Test("a refused action does not count")
  func refusedAction() throws {
    var environment = TimeLimit(CartPole(), stepLimit: 1)
    try environment.reset(seed: 0)
    #expect(throws: EnvironmentError.self) { try environment.step(.discrete(2)) }
    #expect(environment.elapsedSteps == 0)
  }
}
