import Foundation
import Support
import Testing

import Environments

@Suite("the physics of CartPoleSwingUp")
struct CartPoleSwingUpTests {
  private func environment(damping: Double) -> CartPoleSwingUp {
    var configuration = CartPoleSwingUp.Configuration()
    configuration.damping = damping
    return CartPoleSwingUp(configuration)
  }

  @Test("without damping and force the energy stays")
  func energy() throws {
    var environment = environment(damping: 0)
    environment.state = [0, 2.5, 0.1, 1]
    let before = environment.energy
    for _ in 0..<200 { _ = try environment.step([0]) }
    #expect(abs(environment.energy - before) < 1e-3 * abs(before))
    #expect(abs(environment.state[0]) < 2.5)
  }

  @Test("the force's work is the gain of energy")
  func work() throws {
    var environment = environment(damping: 0)
    environment.state = [0, 0.3, 0, 0]
    var work = 0.0
    var energy = environment.energy
    let start = energy
    for _ in 0..<20 {
      let before = environment.state
      _ = try environment.step([0.5])
      work += 50 * (environment.state[0] - before[0])
      energy = environment.energy
    }
    #expect(abs(environment.state[0]) < 2.5)
    #expect(abs(energy - start - work) < 1e-3 * abs(work))
  }

  @Test("damping takes energy away and leaves the pole hanging")
  func damping() throws {
    var environment = environment(damping: 1)
    environment.state = [0, 1, 0, 0]
    var energy = environment.energy
    for _ in 0..<2000 {
      _ = try environment.step([0])
      #expect(environment.energy <= energy + 1e-9)
      energy = environment.energy
    }
    #expect(abs(sin(environment.state[1])) < 1e-3 && abs(environment.state[3]) < 1e-3)
  }

  @Test("hanging still stays hanging still, upright falls")
  func equilibria() throws {
    var environment = environment(damping: 1)
    environment.state = [0.4, 0, 0, 0]
    for _ in 0..<50 { _ = try environment.step([0]) }
    #expect(environment.state == [0.4, 0, 0, 0])
    environment.state = [0, Double.pi - 0.01, 0, 0]
    for _ in 0..<50 { _ = try environment.step([0]) }
    #expect(abs(environment.state[1] - Double.pi) > 0.1)
  }

  @Test("small swings have the period of the linearised equations")
  func period() throws {
    // (I + ml²) θ̈ − ml ẍ = −mgl θ with (M+m) ẍ = ml θ̈.
    let (moment, inertia, mass) = (5.019 * 0.3, 0.1887 + 5.019 * 0.09, 10.472 + 5.019)
    let period = 2 * Double.pi / (moment * 9.81 / (inertia - moment * moment / mass)).squareRoot()
    var environment = environment(damping: 0)
    environment.state = [0, 0.01, 0, 0]
    var crossings: [Double] = []
    for step in 1...200 {
      let before = environment.state[1]
      _ = try environment.step([0])
      let after = environment.state[1]
      if before < 0 && after >= 0 { crossings.append((Double(step) - after / (after - before)) * 0.04) }
    }
    let measured = (crossings.last! - crossings.first!) / Double(crossings.count - 1)
    #expect(abs(measured - period) < 1e-3 * period)
  }

  @Test("the rail's end stops the cart and keeps the pole's own momentum")
  func railEnd() throws {
    var environment = environment(damping: 0)
    environment.state = [2.4999, 0.5, 3, 0]
    func poleMomentum(_ state: [Double]) -> Double {
      -5.019 * 0.3 * cos(state[1]) * state[2] + (0.1887 + 5.019 * 0.09) * state[3]
    }
    let before = poleMomentum(environment.state)
    _ = try environment.step([0])
    // Stopped in the first half of the step; in the second the swinging pole draws the cart back a little.
    #expect(environment.state[0] <= 2.5 && environment.state[0] > 2.48 && environment.state[2] <= 0)
    // Gravity alone changes it by mgl sinθ dt, about 7 · .04; losing the impulse would change it by 4.
    #expect(abs(poleMomentum(environment.state) - before) < 0.6)
    for _ in 0..<200 {
      _ = try environment.step([3])
      #expect(environment.state[0] <= 2.5)
    }
  }

  @Test("upright and centred is worth 1; the action costs .01 a²")
  func reward() throws {
    var environment = environment(damping: 1)
    environment.state = [0, Double.pi, 0, 0]
    #expect(abs(try environment.step([0]).reward - 1) < 1e-9)
    environment.state = [0, 0, 0, 0]
    // Hanging: ‖(0, −.6) − (0, .6)‖² = 1.44.
    #expect(abs(try environment.step([0]).reward - exp(-4)) < 1e-9)
  }

  @Test("resets are N(0, .1) in all four")
  func reset() {
    var environment = environment(damping: 1)
    var sums = [Double](repeating: 0, count: 4)
    var squares = sums
    for seed in 0..<2000 {
      environment.reset(seed: UInt64(seed))
      for (index, value) in environment.state.enumerated() {
        sums[index] += value / 2000
        squares[index] += value * value / 2000
      }
    }
    #expect(sums.allSatisfy { abs($0) < 0.01 })
    #expect(squares.allSatisfy { abs($0.squareRoot() - 0.1) < 0.006 })
  }
}

extension CartPoleSwingUp {
  /// T + V in joules, as the environment's documentation has them: constant without damping and force.
  fileprivate var energy: Double {
    let (mass, moment, inertia) = (10.472 + 5.019, 5.019 * 0.3, 0.1887 + 5.019 * 0.3 * 0.3)
    let (cosine, velocity, angularVelocity) = (cos(state[1]), state[2], state[3])
    return 0.5 * mass * velocity * velocity - moment * velocity * angularVelocity * cosine
      + 0.5 * inertia * angularVelocity * angularVelocity - moment * 9.81 * cosine
  }
}
