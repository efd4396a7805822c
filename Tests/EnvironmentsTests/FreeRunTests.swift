import Testing

import Environments

/// 400 steps without a restart: rounding differences, which single steps may hide, add up.
///
/// Recorded with Gymnasium 1.4.0 and NumPy 2.4.6 on x86-64 Linux, seed 11. The libm of another platform may round
/// differently.
@Suite("free runs")
struct FreeRunTests {
  #if os(Linux) && arch(x86_64)
    @Test(
      "reach Gymnasium's state and return, to the last bit",
      arguments: [
        (
          "CartPole-v1",
          [-0.05435926158108633, -0.002055084744515878, 0.00015844423453111565, -0.003387278934177451], 400.0
        ),
        ("Pendulum-v1", [-4.15481039752868, -0.5544042026498801], -2737.7123041591876),
        ("MountainCar-v0", [-0.46555516830072285, 0.00905763991370488], -400.0),
        ("MountainCarContinuous-v0", [-0.4805900752544403, 0.002310631563887], -54.55647994043353),
        (
          "Acrobot-v1",
          [-0.377932568717122, 0.32337213370450213, -0.03955354685573109, -1.2367888592114915], -400.0
        ),
      ])
    func freeRun(id: String, state: [Double], total: Double) throws {
      var environment = try #require(EnvironmentConfiguration(id: id)).make()
      try environment.reset(seed: 11)
      var found = 0.0
      for step in 0..<400 {
        let before = try #require(environment.physicalState).values
        let outcome: Outcome
        switch environment.specification.actionSpace {
        case .discrete(count: 2): outcome = try environment.step(.discrete(before[2] + 0.3 * before[3] > 0 ? 1 : 0))
        case .discrete: outcome = try environment.step(.discrete(step / 7 % 3))
        case .box: outcome = try environment.step([Float(step * 37 % 101 - 50) / 25])
        }
        found += outcome.reward
      }
      #expect(environment.physicalState?.values == state)
      #expect(found == total)
    }
  #endif
}
