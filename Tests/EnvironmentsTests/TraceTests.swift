import Foundation
import Testing

import Environments

@Suite("traces")
struct TraceTests {
  private static let header =
    #"{"env": "LineWorld-v0", "kind": "trace", "max_episode_steps": 20, "#
    + #""observation_space": {"low": [0], "high": [10]}, "action_space": {"low": [-1], "high": [1]}}"#

  private static let right =
    #"{"kind": "probe", "state": [3], "action": [0.5], "next_state": [3.5], "observation": [3.5], "#
    + #""reward": -4, "terminated": false}"#

  private func replay(_ lines: [String], through id: String = "LineWorld-v0") throws -> TraceReport {
    let trace = try TraceFile(Data(lines.joined(separator: "\n").utf8))
    return try TraceReplay.replay(trace, through: EnvironmentConfiguration(id: id)!.make())
  }

  private func error(_ lines: [String], through id: String = "LineWorld-v0") -> String? {
    do {
      _ = try replay(lines, through: id)
      return nil
    } catch {
      return "\(error)"
    }
  }

  @Test("a right trace passes")
  func passes() throws {
    let report = try replay([
      TraceTests.header, #"{"kind": "reset", "seed": 4, "state": [3], "observation": [3]}"#, TraceTests.right, "",
    ])
    #expect(report.passes && report.resets == 1 && report.probes == 1, "\(report)")
  }

  @Test("every wrong quantity is measured, with its line")
  func wrongQuantities() throws {
    func report(_ old: String, _ new: String) throws -> TraceReport {
      try replay([TraceTests.header, TraceTests.right, TraceTests.right.replacingOccurrences(of: old, with: new)])
    }
    let state = try report("\"next_state\": [3.5]", "\"next_state\": [3.25]")
    #expect(!state.passes && state.state == TraceReport.Deviation(largest: 0.25, line: 3))
    let observation = try report("\"observation\": [3.5]", "\"observation\": [3.500001]")
    #expect(!observation.passes && observation.observationUlps == TraceReport.Deviation(largest: 4, line: 3))
    let reward = try report("-4", "-4.5")
    #expect(!reward.passes && reward.reward == TraceReport.Deviation(largest: 0.5, line: 3))
    let flag = try report("false", "true")
    #expect(!flag.passes && flag.wrongFlags == [3] && flag.failedLines == [3])
    #expect("\(flag)".contains("FAILS"))
  }

  @Test("a flag within 1e-12 of its threshold is left out")
  func threshold() throws {
    let header = #"{"env": "CartPole-v1", "kind": "trace", "max_episode_steps": 500}"#
    // x' = 2.4 exactly, which is not yet beyond the limit.
    let row =
      #"{"kind": "probe", "state": [2.4, 0, 0, 0], "action": 1, "next_state": [2.4, 0.1951219512195122, 0, "#
      + #"-0.29268292682926833], "observation": [2.4, 0.19512195, 0, -0.29268293], "reward": 1, "terminated": true}"#
    let report = try replay([header, row], through: "CartPole-v1")
    #expect(report.flagsAtThreshold == 1 && report.wrongFlags.isEmpty, "\(report)")
  }

  @Test("a header that says otherwise fails")
  func headers() throws {
    let report = try replay([TraceTests.header.replacingOccurrences(of: "[10]", with: "[11]"), TraceTests.right])
    #expect(!report.passes && report.headerDifferences.count == 1)
    let other = error([TraceTests.header], through: "Pendulum-v1")
    #expect(other == "line 1: the trace is of \"LineWorld-v0\", not of \"Pendulum-v1\"")
    let table = error([TraceTests.header.replacingOccurrences(of: "\"trace\"", with: "\"table\"")])
    #expect(table == "line 1: \"kind\" is \"table\"; only traces can be replayed")
    #expect(error([""])?.hasPrefix("line 1: the trace is empty") == true)
  }

  @Test(
    "a malformed row is named by its line",
    arguments: [
      ("{", ""), ("[1]", "expected"), (#"{"kind": "probe"}"#, "\"state\" is missing"),
      (#"{"kind": "jump", "state": [3], "observation": [3]}"#, "unknown \"kind\" \"jump\""),
      (#"{"kind": "reset", "state": [3], "observation": [3]}"#, "needs \"seed\""),
      (right.replacingOccurrences(of: "[0.5]", with: "[0.5, 1]"), "the action does not fit"),
      (right.replacingOccurrences(of: "[0.5]", with: "1"), "the action does not fit"),
      (right.replacingOccurrences(of: "\"state\": [3]", with: "\"state\": [3, 4]"), "2 state values instead of 1"),
      (right.replacingOccurrences(of: "\"state\": [3]", with: "\"state\": \"three\""), "expected Array"),
      (right.replacingOccurrences(of: "\"reward\": -4, ", with: ""), "needs \"reward\""),
    ])
  func malformed(row: String, message: String) {
    let text = error([TraceTests.header, TraceTests.right, row])
    #expect(text?.hasPrefix("line 3: ") == true, "\(text ?? "no error")")
    #expect(message.isEmpty || text?.contains(message) == true, "\(text ?? "no error")")
  }

  @Test("a file that is not there is an error")
  func missingFile() {
    #expect(throws: TraceError.self) { try Recording(path: "/nowhere/at/all.jsonl") }
  }
}
