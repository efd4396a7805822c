import Environments
import Foundation
import Support
import TestSupport
import Testing

/// The tasks of the PETS authors in models of our own text: bodies, rewards, and that they can be done.
@Suite("the PETS authors' tasks in MuJoCo", .mujoco)
struct PETSTaskTests {
  private func make(_ id: String) throws -> any Environment { try #require(EnvironmentConfiguration(id: id)).make() }

  private func step(_ environment: inout any Environment, _ action: [Float]) throws -> Outcome {
    try action.withUnsafeBufferPointer { try environment.step(.continuous($0)) }
  }

  /// The masses that the authors' files come to with the same library, and for the pusher with an object of .04 kg
  /// and a goal of as much.
  @Test(
    "models have the authors' masses and sizes",
    arguments: [
      (CartPolePETS.facts.id, 15.490567153), (ReacherPETS.facts.id, 46.366477358), (PusherPETS.facts.id, 13.752996627),
    ])
  func masses(id: String, mass: Double) throws {
    let library = try MuJoCoLibrary.load("")
    let entries: [String: (MuJoCoFacts, String)] = [
      CartPolePETS.facts.id: (CartPolePETS.facts, CartPolePETS.xml),
      ReacherPETS.facts.id: (ReacherPETS.facts, ReacherPETS.xml),
      PusherPETS.facts.id: (PusherPETS.facts, PusherPETS.xml),
    ]
    let (facts, xml) = try #require(entries[id])
    let model = try library.model("test of \(id)", text: xml)
    #expect(abs(model.bodyMass.reduce(0, +) - mass) < 1e-8)
    #expect(model.counts == facts.counts && model.timestep == facts.timestep)
  }

  /// Two ways to simulate one task: bodies in MuJoCo, and their equations of motion.
  @Test("the cart-pole is that of CartPoleSwingUp-v0")
  func cartPole() throws {
    var (bodies, equations) = (try make("CartPolePETS-v0"), try make("CartPoleSwingUp-v0"))
    try bodies.reset(seed: 1)
    try equations.reset(seed: 1)
    let start = [0.1, 0.4, -0.3, 0.8]
    bodies.physicalState = PhysicalState(start + [0, 0])
    equations.physicalState = PhysicalState(start)
    var random = RandomStream(seed: 3)
    for _ in 0..<25 {
      let action = [Float(random.uniform(-1, 1))]
      let (found, expected) = (try step(&bodies, action), try step(&equations, action))
      for (left, right) in zip(bodies.observed, equations.observed) { #expect(abs(left - right) < 0.02) }
      #expect(abs(found.reward - expected.reward) < 0.01)
    }
  }

  private func hand(_ angles: [Double]) -> SIMD3<Double> {
    var (sine, cosine) = (SIMD8<Double>(), SIMD8<Double>())
    for joint in 0..<6 { (sine[joint], cosine[joint]) = (sin(angles[joint]), cos(angles[joint])) }
    return ReacherPETS.hand(sine, cosine)
  }

  private func square(_ vector: SIMD3<Double>) -> Double { (vector * vector).sum() }

  /// From the authors' formula, run in Python; in the third row the elbow is beyond its limit.
  @Test(
    "the reacher's hand is where the authors' formula has it",
    arguments: [
      ([0.3, -0.2, 0.4, -1.1, 0.7, -0.9], SIMD3(0.5706797583319673, -0.26659495181184134, 0.4512387230397964)),
      ([-1.7, 1.2, -3.1, -2.2, -2.5, -1.9], SIMD3(-0.07614743916043615, -0.12883312531354585, -0.4293750784395343)),
      ([0.9, 0.5, -0.6, 0.03, 1.1, -0.8], SIMD3(0.44409998411674806, 0.4528225038219119, -0.5034659320501585)),
      ([0, 0, 0, 0, 0, 0], SIMD3(0.98928, -0.188, 0)),
    ])
  func formula(angles: [Double], place: SIMD3<Double>) {
    #expect(square(hand(angles) - place) < 1e-28)
  }

  @Test("the reacher's hand is between the tips of its body")
  func body() throws {
    let model = try MuJoCoLibrary.load("").model(ReacherPETS.facts.id, text: ReacherPETS.xml)
    let simulation = try MuJoCoSimulation(model)
    var random = RandomStream(seed: 5)
    for _ in 0..<50 {
      // The elbow is bent, for beyond its limit the formula has the wrist on the other side.
      let angles = (0..<7).map { $0 == 3 ? random.uniform(-2, -0.1) : random.uniform(-2, 2) }
      for (joint, angle) in angles.enumerated() { simulation.position[joint] = angle }
      try simulation.forward()
      let site = simulation.sitePosition
      #expect(square(hand(angles) - SIMD3(site[0], site[1], site[2])) < 1e-28)
    }
  }

  @Test("the reacher pays for the square of the way that is left")
  func reach() throws {
    var environment = try make("ReacherPETS-v0")
    try environment.reset(seed: 2)
    #expect(environment.observed[0..<7].allSatisfy { $0 == 0 } && environment.observed[10...].allSatisfy { $0 == 0 })
    let reward = try step(&environment, [1, 2, 0, -3, 0, 0, 0]).reward
    let seen = environment.observed.map(Double.init)
    let way = hand(Array(seen[0..<7])) - SIMD3(seen[7], seen[8], seen[9])
    #expect(abs(reward + square(way) + 0.14) < 1e-6)
  }

  @Test("the pusher's arm can push, and pays for the state before the step")
  func push() throws {
    var environment = try make("PusherPETS-v0")
    try environment.reset(seed: 1)
    var state = try #require(environment.physicalState)
    for index in state.values.indices { state.values[index] = 0 }
    (state.values[7], state.values[8]) = (-0.25, 0.15)
    // What the reward asks for lags behind, and is a part of the state.
    (state.values[33], state.values[34]) = (1.5, 0.4)
    environment.physicalState = state
    let first = try step(&environment, [1, 0, 0, 0, 0, 0, 0])
    #expect(abs(first.reward + 1.25 * 0.4 + 0.5 * 1.5 + 0.1) < 1e-6)
    func object() -> SIMD2<Float> { SIMD2(environment.observed[17], environment.observed[18]) }
    func distance() -> Float { abs(object().x - 0.45) + abs(object().y + 0.05) }
    #expect(object() == SIMD2(0.6, -0.3))
    for torques in Self.torques { for _ in 0..<15 { _ = try step(&environment, torques) } }
    #expect(distance() < 0.2, "\(object())")
    #expect(environment.observed[19] == -0.275)
  }

  /// Found by a search in the simulation: down to the object, behind it, and back.
  private static let torques: [[Float]] = [
    [0.2, 1.2, -0.4, 0.1, -0.1, -0.3, 0.4], [0.0, 1.3, -0.2, -0.9, 0.7, 0.2, -0.2],
    [0.3, 0.2, 0.0, 0.0, 0.3, -0.3, 0.7], [0.0, -0.1, -0.6, 0.7, 0.0, -0.2, -0.2],
    [0.0, 0.6, -0.6, 0.4, 0.8, 0.3, -0.1], [0.1, -0.1, -0.7, 0.2, 0.6, 0.0, 0.0],
    [-0.3, 0.2, -0.2, -0.4, 0.5, -0.3, 0.0], [0.2, 0.0, -0.5, 0.0, -0.6, 0.1, -0.1],
    [0.1, 0.6, 0.0, 0.4, -0.3, 0.2, 0.1], [-0.1, -0.1, -0.1, -0.1, 0.4, -0.4, 0.0],
  ]
}
