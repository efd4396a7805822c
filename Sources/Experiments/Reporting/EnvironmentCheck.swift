import Environments
import Support

/// `mbrl env check`: the contract of environments, and how far one is from a recorded trace.
package struct EnvironmentCheck: Sendable {
  /// What the contract found.
  package var contract: ContractReport
  /// How far the recording is off; nil without one.
  package var trace: TraceReport?

  /// Whether nothing was found.
  package var passes: Bool { contract.passes && trace?.passes ?? true }

  /// Builds the environment and holds it to the contract; `settings` are its options.
  package init(id: String, settings: [String], tracePath: String?) throws(ExperimentError) {
    var overlay = JSONObject()
    let (overridden, mistakes) = Overrides.apply(settings, to: &overlay)
    if overlay["id"] == nil { overlay["id"] = .string(id) }
    var configuration = EnvironmentConfiguration()
    let fields = Fields.read(&configuration, from: overlay, overridden: overridden)
    let faults = mistakes + fields.faults
    guard faults.isEmpty else { throw .usage(faults.map(\.description).joined(separator: "\n")) }
    var traceFile: TraceFile?
    do throws(TraceError) {
      traceFile = try tracePath.map { path throws(TraceError) in try TraceFile(path: path) }
    } catch {
      throw .failed("\(tracePath ?? ""): \(error)")
    }
    contract = EnvironmentContract.check(configuration.make())
    if let traceFile {
      do throws(TraceError) {
        trace = try TraceReplay.replay(traceFile, through: configuration.make())
      } catch {
        throw .failed("\(tracePath ?? ""): \(error)")
      }
    }
  }

  /// The report for people.
  package var lines: [String] {
    var lines = ["\(contract.id): contract over \(contract.steps) steps in \(contract.episodes) episodes"]
    for rule in contract.checked {
      let findings = contract.findings.filter { $0.rule == rule }
      lines.append("  \(findings.isEmpty ? "ok  " : "FAIL") \(rule.rawValue)")
      lines += findings.map { "         \($0.message)" }
    }
    if let trace { lines += trace.description.split(separator: "\n").map(String.init) }
    lines.append(passes ? "passes" : "FAILS")
    return lines
  }

  /// The report for programs.
  package var json: JSON {
    var members: [(key: String, value: JSON)] = [
      ("id", .string(contract.id)), ("passes", .bool(passes)), ("steps", .integer(contract.steps)),
      ("findings", .array(contract.findings.map { .string($0.description) })),
    ]
    if let trace {
      let rows = trace.resets + trace.rollouts + trace.probes
      members.append(
        (
          "trace",
          .object(
            JSONObject([
              ("passes", .bool(trace.passes)), ("rows", .integer(rows)),
              ("state_deviation", .finite(trace.state.largest)),
              ("observation_deviation", .finite(trace.observation.largest)),
              ("observation_ulps", .finite(trace.observationUlps.largest)),
              ("reward_deviation", .finite(trace.reward.largest)),
              ("wrong_flags", .array(trace.wrongFlags.map(JSON.integer))),
              ("failed_lines", .array(trace.failedLines.map(JSON.integer))),
            ]))
        ))
    }
    return .object(JSONObject(members))
  }
}
