import Environments
import Support
import TestSupport
import Testing

/// The pictures of every registered environment.
@Suite struct SketchTests {
  /// A picture has shapes within finite bounds, is a small one in pixels, and shows where the state differs.
  @Test(arguments: EnvironmentRegistry.availableIDs)
  func pictureFollowsTheState(id: String) throws {
    var environment = try #require(EnvironmentConfiguration(id: id)).make()
    var random = RandomStream(seed: 1).stream("actions")
    try environment.reset(seed: 3)
    var before = (environment.physicalState, Raster(try #require(environment.sketch), width: 300))
    var changes = 0
    for _ in 0..<100 {
      let outcome: Outcome
      switch environment.specification.actionSpace {
      case .discrete(let count): outcome = try environment.step(.discrete(random.integer(below: count)))
      case .box(let low, let high):
        let action = zip(low, high).map { $0 + ($1 - $0) * Float(random.uniform(0, 1)) }
        outcome = try action.withUnsafeBufferPointer { try environment.step(.continuous($0)) }
      }
      let after = (environment.physicalState, Raster(try #require(environment.sketch), width: 300))
      if before.0 == after.0 { #expect(before.1 == after.1) }
      if before.1 != after.1 { changes += 1 }
      before = after
      if outcome.isOver { try environment.reset(seed: 4) }
    }
    #expect(changes >= 10)
    #expect(!environment.sketch!.shapes.isEmpty)
    #expect(before.1.height <= 600)
    #expect((1...60).contains(environment.specification.framesPerSecond))
  }

  /// Up is up and left is left: where the tip of a pole is in the picture, from the state.
  @Test(arguments: [
    ("Pendulum-v1", [0, 0], 0.0, 1.0), ("Pendulum-v1", [0.5, 0], -0.479, 0.878),
    ("CartPole-v1", [1, 0, 0.2, 0], 1.199, 1.130), ("CartPoleSwingUp-v0", [1, 0, 0, 0], 1, -0.5),
    ("Acrobot-v1", [0, 0, 0, 0], 0, -2),
  ])
  func tipsPointWhereTheyShould(id: String, state: [Double], x: Double, y: Double) throws {
    var environment = try #require(EnvironmentConfiguration(id: id)).make()
    try environment.reset(seed: 0)
    environment.physicalState = PhysicalState(state)
    let centers = try #require(environment.sketch).shapes.map { shape in
      shape.outline.reduce(Sketch.Point.zero, +) / Double(shape.outline.count)
    }
    #expect(centers.contains { abs($0.x - x) < 0.001 && abs($0.y - y) < 0.001 })
  }
}
