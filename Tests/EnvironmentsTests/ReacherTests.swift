import Foundation
import Support
import Testing

import Environments

/// Beside the trace: that the factors solve the equation of motion, the stop, and what policies return.
@Suite("the reacher")
struct ReacherTests {
  /// θ̈ = 200a − θ̇ has the solution θ̇ = 200a + (θ̇₀ − 200a)e^(−t).
  @Test("joints follow their equation of motion")
  func motion() throws {
    var reacher = Reacher()
    reacher.state = [0.3, -0.4, 5, -7, 0, 0]
    let action: [Float] = [0.25, -0.125]
    for _ in 0..<10 { _ = try reacher.step(action) }
    for (joint, (angle, velocity)) in [(0.3, 5.0), (-0.4, -7)].enumerated() {
      let (steady, time) = (200 * Double(action[joint]), 0.2)
      let expected = steady + (velocity - steady) * exp(-time)
      #expect(abs(reacher.state[2 + joint] - expected) < 1e-8)
      let moved = steady * time + (velocity - steady) * (1 - exp(-time))
      // Joint 2 reaches its stop on the way, and stays there.
      if joint == 0 { #expect(abs(reacher.state[joint] - angle - moved) < 1e-8) }
    }
  }

  @Test("joint 2 stops at 3 rad", arguments: [1.0, -1])
  func stop(side: Double) throws {
    var reacher = Reacher()
    reacher.state = [0, 2.99 * side, 0, 10 * side, 0.1, 0]
    _ = try reacher.step([0, Float(side)])
    #expect(reacher.state[1] == 3 * side && reacher.state[3] == 0)
    reacher.state = [3.5, 0, 0, 0, 0.1, 0]
    _ = try reacher.step([0, 0])
    #expect(reacher.state[0] == 3.5)
  }

  @Test("an action beyond its bounds is taken and charged as clipped")
  func clipping() throws {
    var (within, beyond) = (Reacher(), Reacher())
    within.reset(seed: 1)
    beyond.reset(seed: 1)
    #expect(try within.step([1, -1]) == beyond.step([3, -1.5]))
    #expect(within.state == beyond.state)
  }

  /// Inverse kinematics and a servo of the velocity.
  private func servo(_ state: [Double]) -> [Float] {
    let (x, y) = (state[4], state[5])
    let square = (x * x + y * y).clipped(0.0001, 0.0441)
    let elbow = acos(((square - 0.01 - 0.0121) / 0.022).clipped(-1, 1))
    let ways = [elbow, -elbow].map { bend in
      let base = atan2(y, x) - atan2(0.11 * sin(bend), 0.1 + 0.11 * cos(bend))
      return [remainder(base - state[0], 2 * Double.pi), bend - state[1]]
    }
    let nearer = abs(ways[1][0]) + abs(ways[1][1]) < abs(ways[0][0]) + abs(ways[0][1]) ? ways[1] : ways[0]
    return (0..<2).map { joint in
      let wanted = 8 * nearer[joint] - state[2 + joint]
      return abs(wanted) > 1e-3 ? Float((wanted / 8).clipped(-0.4, 0.4)) : 0
    }
  }

  /// Means and deviations of the reference implementation over seeds 0 to 199.
  @Test("policies return what they should", arguments: [(false, -11.73, 4.56, 0.23), (true, -3.88, 1.37, 0.0001)])
  func returns(isServo: Bool, mean: Double, deviation: Double, distance: Double) throws {
    var (totals, last) = ([Double](), 0.0)
    for seed in 0..<200 {
      var (reacher, total) = (Reacher(), 0.0)
      reacher.reset(seed: UInt64(seed))
      for _ in 0..<50 { total += try reacher.step(isServo ? servo(reacher.state) : [0, 0]).reward }
      totals.append(total)
      let seen = reacher.observed
      last += hypot(Double(seen[8]), Double(seen[9])) / 200
    }
    let average = totals.reduce(0, +) / 200
    let spread = (totals.map { ($0 - average) * ($0 - average) }.reduce(0, +) / 200).squareRoot()
    #expect(abs(average - mean) < 0.0051 && abs(spread - deviation) < 0.0051)
    #expect(abs(last - distance) < 0.05 * max(distance, 0.001))
  }
}
