import Experiments
import Environments
import Support

/// `mbrl env check`: the contract of environments, and how far one is from a recorded trace.
package struct EnvironmentCheck: Sendable {
  package var contract: ContractReport
  /// How far the recorded trace is off; nil without one.
  package var trace: TraceReport?
  /// How the recorded table differs; nil without one.
  package var table: TableReport?

  /// Whether nothing was found.
  package var passes: Bool { contract.passes && trace?.passes ?? true && table?.passes ?? true }

  /// Builds the environment and holds it to the contract; `settings` are its options.
  package init(id: String, settings: [String], tracePath: String?) throws(ExperimentError) {
    let configuration = try EnvironmentCheck.configuration(id: id, settings: settings)
    do {
      let recording = try tracePath.map { path throws(TraceError) in try Recording(path: path) }
      contract = try EnvironmentContract.check(
        truncatesItself: configuration.truncatesItself, configuration.make)
      let task = try configuration.describe()
      switch recording {
      case nil: break
      case .trace(let file): trace = try TraceReplay.replay(file, through: try configuration.make())
      case .table(let file):
        guard let tabular = task.tabular else {
          throw TraceError(line: 1, message: "the recording is a table, and \(configuration.id) has none")
        }
        table = try TableReport(file, against: tabular, of: task.specification)
      }
    } catch {
      throw .failed("\(tracePath ?? configuration.id): \(error)")
    }
  }

  /// An environment and its options as a command names them.
  static func configuration(id: String, settings: [String]) throws(ExperimentError) -> EnvironmentConfiguration {
    var overlay: JSONObject = [:]
    let (overridden, mistakes) = Overrides.apply(settings, to: &overlay)
    if overlay["id"] == nil { overlay["id"] = .string(id) }
    var configuration = EnvironmentConfiguration()
    let fields = Fields.read(&configuration, from: overlay, overridden: overridden)
    let faults = mistakes + fields.faults
    guard faults.isEmpty else { throw .usage(faults.map(\.description).joined(separator: "\n")) }
    return configuration
  }

  package var lines: [String] {
    var lines = ["\(contract.id): contract over \(contract.steps) steps in \(contract.episodes) episodes"]
    for rule in contract.checked {
      let findings = contract.findings.filter { $0.rule == rule }
      lines.append("  \(findings.isEmpty ? "ok  " : "FAIL") \(rule.rawValue)")
      lines += findings.map { "         \($0.message)" }
    }
    for text in [trace?.description, table?.description] {
      lines += text.map { $0.split(separator: "\n").map(String.init) } ?? []
    }
    lines.append(passes ? "passes" : "FAILS")
    return lines
  }

  package var json: JSON {
    var object: JSONObject = [
      "id": .string(contract.id), "passes": .bool(passes), "steps": .integer(contract.steps),
      "findings": .texts(contract.findings.map(\.description)),
    ]
    if let trace {
      object["trace"] = [
        "passes": .bool(trace.passes), "rows": .integer(trace.resets + trace.rollouts + trace.probes),
        "state_deviation": .finite(trace.state.largest), "observation_deviation": .finite(trace.observation.largest),
        "observation_ulps": .finite(trace.observationUlps.largest), "reward_deviation": .finite(trace.reward.largest),
        "wrong_flags": .integers(trace.wrongFlags), "failed_lines": .integers(trace.failedLines),
      ]
    }
    if let table {
      object["table"] = [
        "passes": .bool(table.passes), "rows": .integer(table.pairs), "outcomes": .integer(table.outcomes),
        "failed_lines": .integers(table.failedLines),
        "differences": .texts(table.headerDifferences + table.differences),
      ]
    }
    return .object(object)
  }
}
