import Foundation
import Support
import Testing

import Environments

/// Beside the trace: what each part of the definition means, from a forward kinematics of matrices.
@Suite("the pushing arm")
struct PushingArmTests {
  typealias Vector = SIMD3<Double>
  private static let home = [-0.30, 1.1, 0, 1.4, 0, 0.65, 0]

  private func environment(drag: Double = 0.4) -> PushingArm {
    var configuration = PushingArm.Configuration()
    configuration.drag = drag
    return PushingArm(configuration)
  }

  private func turnZ(_ angle: Double, _ p: Vector) -> Vector {
    Vector(cos(angle) * p.x - sin(angle) * p.y, sin(angle) * p.x + cos(angle) * p.y, p.z)
  }
  private func turnY(_ angle: Double, _ p: Vector) -> Vector {
    Vector(cos(angle) * p.x + sin(angle) * p.z, p.y, -sin(angle) * p.x + cos(angle) * p.z)
  }

  /// Base · upper arm · lower arm · tool, each a turn about z and one about y behind a length along z.
  private func tip(_ q: [Double]) -> Vector {
    let tool = turnY(q[5], turnZ(q[6], Vector(0.08, 0, 0.12)))
    let lower = turnY(q[3], turnZ(q[4], Vector(0, 0, 0.39) + tool))
    let upper = turnY(q[1], turnZ(q[2], Vector(0, 0, 0.40) + lower))
    return turnZ(q[0], Vector(0, 0, 0.34) + upper)
  }

  private func state(_ q: [Double] = home, _ v: [Double] = [Double](repeating: 0, count: 7), x: Double, y: Double)
    -> [Double]
  { q + v + [x, y, 0.03] }

  private func object(_ environment: PushingArm) -> Vector {
    let state = environment.state
    return Vector(state[14], state[15], state[16])
  }

  private func horizontal(_ a: Vector, _ b: Vector) -> Double { hypot(a.x - b.x, a.y - b.y) }

  /// One joint turns at a constant speed; the object stands in the way of the rod, on each of four sides.
  @Test("contact along the normal leaves the centres 0.1 m apart", arguments: [(0, 1.0), (0, -1), (1, 1), (1, -1)])
  func normalContact(joint: Int, speed: Double) throws {
    var environment = environment()
    var (v, q) = ([Double](repeating: 0, count: 7), Self.home)
    v[joint] = speed
    let start = tip(q)
    q[joint] += 0.05 * speed
    let end = tip(q)
    let way = (end - start) / horizontal(end, start)
    environment.state = state(Self.home, v, x: start.x + 0.1 * way.x, y: start.y + 0.1 * way.y)
    let before = object(environment)
    _ = try environment.step(v.map { Float($0) })
    #expect(abs(horizontal(object(environment), end) - 0.1) < 1e-5)
    #expect(horizontal(object(environment), before) > 0.5 * horizontal(end, start))
  }

  /// Without drag it is exactly so, wherever the object was.
  @Test("an object never stays within the rod")
  func noPenetration() throws {
    var (environment, random, touched) = (environment(drag: 0), RandomStream(seed: 5), 0)
    for _ in 0..<300 {
      let v = (0..<7).map { _ in random.uniform(-1, 1) }
      let start = tip(Self.home)
      let (angle, distance) = (random.uniform(0, 2 * Double.pi), random.uniform(0.05, 0.12))
      let place = (start.x + distance * cos(angle), start.y + distance * sin(angle))
      environment.state = state(Self.home, v, x: place.0, y: place.1)
      _ = try environment.step(v.map { Float($0) })
      let end = tip(Array(environment.state[..<7]))
      #expect(horizontal(object(environment), end) > 0.1 - 1e-12)
      if object(environment).x != place.0 { touched += 1 }
    }
    #expect(touched > 100)
  }

  /// The rod passes by in the first of five substeps, and is gone in the second.
  @Test("the object takes on its share of the tangential motion", arguments: [0.0, 0.4, 1])
  func tangentialContact(drag: Double) throws {
    var environment = environment(drag: drag)
    let v = [0.3, 0, 0, 0, 0, 0, 0]
    let start = tip(Self.home)
    let end = tip([Self.home[0] + 0.003] + Self.home[1...])
    // On the line from the base through the tip.
    let outward = start / hypot(start.x, start.y)
    environment.state = state(Self.home, v, x: start.x + 0.09998 * outward.x, y: start.y + 0.09998 * outward.y)
    let before = object(environment)
    _ = try environment.step(v.map { Float($0) })
    let normal = (before - end) / horizontal(before, end)
    let tangent = Vector(-normal.y, normal.x, 0)
    func along(_ vector: Vector) -> Double { vector.x * tangent.x + vector.y * tangent.y }
    #expect(abs(along(end - start)) > 1e-3)
    #expect(abs(along(object(environment) - before) - drag * along(end - start)) < 2e-9)
  }

  @Test("without contact nothing moves but the arm")
  func noContact() throws {
    var environment = environment()
    environment.state = state(x: 0.8, y: 0.4)
    let action: [Float] = [-1, 1, 0.5, -0.5, 1, -1, 0.25]
    let reward = try environment.step(action).reward
    #expect(object(environment) == Vector(0.8, 0.4, 0.03))
    #expect(abs(reward + hypot(0.25, 0.15)) < 1e-15)
    for joint in 0..<7 {
      #expect(abs(environment.state[7 + joint] - 0.5 * Double(action[joint])) < 1e-15)
      #expect(abs(environment.state[joint] - Self.home[joint] - 0.025 * Double(action[joint])) < 1e-15)
    }
  }

  @Test("from 0.25 m on the rod passes over the object")
  func clearance() throws {
    var (low, high) = (Self.home, Self.home)
    high[1] -= 0.9
    #expect(tip(low).z < 0.25 && tip(high).z > 0.25)
    for _ in 0..<40 {
      var middle = low
      middle[1] = (low[1] + high[1]) / 2
      if tip(middle).z < 0.25 { low = middle } else { high = middle }
    }
    for (q, moves) in [(low, true), (high, false)] {
      var environment = environment()
      let place = tip(q)
      environment.state = state(q, x: place.x + 0.05, y: place.y)
      _ = try environment.step([Float](repeating: 0, count: 7))
      #expect((horizontal(object(environment), place) > 0.099) == moves)
      #expect((object(environment).x != place.x + 0.05) == moves)
    }
  }

  @Test("a joint stops at its limit", arguments: [1.0, -1])
  func jointLimit(side: Double) throws {
    for joint in 0..<7 {
      var (environment, q, v) = (environment(), Self.home, [Double](repeating: 0, count: 7))
      q[joint] += 0.999 * side
      v[joint] = side
      environment.state = state(q, v, x: 0.2, y: -0.5)
      _ = try environment.step(v.map { Float($0) })
      #expect(environment.state[joint] == Self.home[joint] + side && environment.state[7 + joint] == 0)
    }
  }

  @Test("the table's edge holds the object")
  func table() throws {
    var environment = environment()
    let place = tip(Self.home)
    // The rod stands at the edge of x: a turned base brings it there.
    var q = Self.home
    q[0] = 0.6
    let there = tip(q)
    environment.state = state(q, x: there.x, y: there.y)
    _ = try environment.step([Float](repeating: 0, count: 7))
    #expect(abs(object(environment).x - there.x - 0.1) < 1e-12 && object(environment).y == there.y)
    environment.state = state(x: place.x, y: -0.5)
    _ = try environment.step([Float](repeating: 0, count: 7))
    #expect(object(environment).y == -0.5)
  }

  /// Means and deviations of the reference implementation over seeds 0 to 199.
  @Test(
    "policies that need no feedback return what they should",
    arguments: [(Float(0), -25.65, 2.24, 0), (1, -15.54, 7.05, 24)])
  func returns(speed: Float, mean: Double, deviation: Double, successes: Int) throws {
    var (totals, succeeded) = ([Double](), 0)
    for seed in 0..<200 {
      var (environment, total) = (environment(), 0.0)
      environment.reset(seed: UInt64(seed))
      for _ in 0..<100 {
        let reward = try environment.step([speed, 0, 0, 0, 0, 0, 0]).reward
        total += reward
        #expect(environment.isSuccess == (-reward <= 0.05))
      }
      totals.append(total)
      if environment.isSuccess == true { succeeded += 1 }
    }
    let average = totals.reduce(0, +) / 200
    let spread = (totals.map { ($0 - average) * ($0 - average) }.reduce(0, +) / 200).squareRoot()
    #expect(abs(average - mean) < 0.0051 && abs(spread - deviation) < 0.0051)
    #expect(succeeded == successes)
  }
}
