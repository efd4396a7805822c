import Algorithms
import Environments
import Foundation
import Support
import Testing

@Suite struct ScratchBench {
  @Test func speed() throws {
    for model in ["last-outcome", "counted"] {
      var walk = try Walk(
        "{\"agent\": {\"type\": \"dyna-q\", \"planningSteps\": 5, \"model\": \"\(model)\"}}", on: #"{"id": "Taxi-v4"}"#, seed: 0)
      try walk.run(steps: 20_000)
      let learner = (walk.agent as! DynaQ).learner
      var best = 0.0
      for _ in 0..<5 {
        let n = model == "counted" ? 2_000_000 : 20_000_000
        let start = clock()
        learner.plan(n)
        best = max(best, Double(n) / (Double(clock() - start) / Double(CLOCKS_PER_SEC)) / 1e6)
      }
      print("MEASURED speed \(model): \(best) M/s, pairs \(learner.model.count)")
    }
  }
}
