import Algorithms
import Environments
import Reports
import Support
import TestSupport
import Testing

import Experiments

@Suite("solving tabular environments")
struct SolveTests {
  private func report(
    _ id: String, _ settings: [String] = [], discount: Double = 1, atStep: Int = 0
  ) throws -> SolutionReport {
    try SolutionReport(id: id, settings: settings, discount: discount, atStep: atStep)
  }

  private func message(_ id: String, _ settings: [String] = [], atStep: Int = 0) -> String? {
    do {
      _ = try report(id, settings, atStep: atStep)
      return nil
    } catch {
      return "\(error)"
    }
  }

  @Test("a grid is drawn as a map of arrows and a map of values")
  func grid() throws {
    let lines = try report("CliffWalking-v1").lines
    #expect(lines[0] == "CliffWalking-v1: 48 states, 4 actions, 1 start")
    #expect(lines.contains("  the same policy, undiscounted, 1000 steps  -13"))
    #expect(lines.contains("  ↑CCCCCCCCCCG"))
    #expect(lines.contains("  -12 -11 -10  -9  -8  -7  -6  -5  -4  -3  -2  -1"))
  }

  @Test("other tasks are summed up; programs get every state")
  func table() throws {
    let taxi = try report("Taxi-v4")
    #expect(taxi.lines.contains("  mean    7.93") && taxi.lines.contains("  highest 15"))
    let json = taxi.json.compactText
    #expect(abs(taxi.solution.expectedReturn - 7.93) < 1e-9)
    #expect(json.contains("\"step_limit\":200") && json.contains("\"policy\":["))
  }

  @Test("options and the time of the run reach the task")
  func options() throws {
    #expect(try report("FrozenLake-v1", ["isSlippery=false"]).solution.expectedReturn == 1)
    #expect(try report("BlockingMaze-v0", discount: 0.5, atStep: 999).solution.expectedReturn == 0x1p-9)
    #expect(try report("BlockingMaze-v0", discount: 0.5, atStep: 1000).solution.expectedReturn == 0x1p-15)
    #expect(try report("DynaMaze-v0", ["stepLimit=13"]).bestReturn == 0)
  }

  @Test("what cannot be solved is said")
  func mistakes() {
    #expect(message("Pendulum-v1")?.hasPrefix("Pendulum-v1 has no table to solve; these have: FrozenLake-v1") == true)
    #expect(message("Taxi-v3")?.contains("did you mean \"Taxi-v4\"?") == true)
    #expect(message("Taxi-v4", atStep: 5) == "--at-step: Taxi-v4 does not change in the course of a run")
  }

  /// A lake of a start and a goal: right leads to the goal, everything else stays.
  @Test("env check compares a recorded table")
  func recordedTable() throws {
    var lines = [#"{"env": "FrozenLake-v1", "kind": "table", "max_episode_steps": 100, "initial": {"0": 1.0}}"#]
    for state in 0...1 {
      for action in 0...3 {
        let isArriving = state == 0 && action == 2
        let outcome =
          #"{"probability": 1.0, "next_state": \#(isArriving ? 1 : state), "reward": \#(isArriving ? 1.0 : 0.0), "#
          + #""terminated": \#(isArriving || state == 1)}"#
        lines.append(#"{"state": \#(state), "action": \#(action), "outcomes": [\#(outcome)]}"#)
      }
    }
    let folder = TemporaryFolder()
    let path = folder.write(lines.joined(separator: "\n"), to: "lake.jsonl")
    let settings = ["map=SG", "isSlippery=false"]
    let check = try EnvironmentCheck(id: "FrozenLake-v1", settings: settings, tracePath: path)
    #expect(check.passes && check.lines.contains("FrozenLake-v1: 8 states and actions with 8 outcomes: equal"))
    let other = try EnvironmentCheck(id: "FrozenLake-v1", settings: ["map=SG", "successRate=0.34"], tracePath: path)
    #expect(!other.passes && other.contract.passes && other.lines.contains("4 lines differ"))
    #expect(other.json.compactText.contains("\"table\":{\"passes\":false"))
  }

  /// Walks by a policy's table, whatever the maze is.
  private final class TablePolicy: Policy {
    private let actions: [Int]
    init(_ actions: [Int]) { self.actions = actions }
    func act(in situation: Situation, into rows: ActionRows) {
      rows.set(0, index: actions[Int(situation.observations[0, 0])])
    }
  }

  @Test("a task that changes is evaluated as it is at that step of the run")
  func evaluation() throws {
    var configuration = try #require(EnvironmentConfiguration(id: "BlockingMaze-v0"))
    configuration.stepLimit = 30
    func total(atStep: Int, policyAt: Int) throws -> Double {
      let policy = TablePolicy(try report("BlockingMaze-v0", discount: 0.9, atStep: policyAt).solution.policy)
      var evaluation = Evaluation(episodes: 2, seed: 0)
      evaluation.runStep = atStep
      var episodes: [Evaluation.Episode] = []
      _ = try evaluation.run(policy, in: try configuration.make(), into: &episodes, shouldStop: { false })
      return episodes.map(\.total).reduce(0, +)
    }
    #expect(try total(atStep: 0, policyAt: 0) == 2 && total(atStep: 1000, policyAt: 1000) == 2)
    #expect(try total(atStep: 1000, policyAt: 0) == 0 && total(atStep: 0, policyAt: 1000) == 0)
  }
}
