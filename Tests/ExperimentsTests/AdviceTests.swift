import Algorithms
import Environments
import Foundation
import Support
import TestSupport
import Testing

import Experiments

/// What a message proposes must be accepted: every piece of advice in the refusals of the corpus is tried.
@Suite struct AdviceTests {
  /// Messages that say what is wrong and leave the rest to whoever wrote it; and bytes that never were a text.
  static let withoutAdvice = [
    "binary", "brackets-crossed", "equals-sign", "missing-colon", "text-after-the-end", "two-documents", "thousands",
    "hexadecimal", "deep-array", "deep-object", "truncated-brace", "truncated-object", "unclosed-string",
    "line-break-in-string", "more-elites-than-members", "more-elites-than-population", "replan-beyond-horizon",
  ]

  @Test(arguments: BadConfigurationTests.names)
  func adviceIsAccepted(name: String) throws {
    let path = "\(BadConfigurationTests.folder)/\(name)"
    let bytes = try FileSystem.read(path, limit: 1 << 24)
    let found = try #require(error { try ExperimentFile.load(path) })
    guard case .configuration(_, let faults) = found else { throw found }
    for fault in faults {
      let isExcused = Self.withoutAdvice.contains(String(name.dropLast(5)))
      let isDocument = (try? JSONParser.parse(bytes))?.object != nil
      let changes =
        isDocument ? Advice.changes(for: fault) : isExcused ? [] : Advice.rewritings(of: bytes, for: fault.message)
      for change in changes {
        let left = Self.faults(after: change, bytes).filter { !Self.tellsOfALack($0) }
        #expect(!left.contains { $0.path == fault.path || $0 == fault }, "\(fault): \(change): \(left)")
      }
      let isPlain = isExcused || fault.message.hasPrefix("expected a")
      #expect(!changes.isEmpty || isPlain || !Advice.isGiven(in: fault.message), "no rule for: \(fault)")
    }
  }

  /// Whether a proposed environment cannot be had on this machine, which no advice can change.
  private static func tellsOfALack(_ fault: Fault) -> Bool {
    fault.path == "environment.id"
      && EnvironmentRegistry.ids.contains {
        fault.message.hasPrefix("\($0) cannot be made: ") && EnvironmentRegistry.lack($0) != nil
      }
  }

  /// What is wrong after a change.
  private static func faults(after change: Advice.Change, _ bytes: [UInt8]) -> [Fault] {
    do {
      switch change {
      case .text(let text):
        _ = try ExperimentFile.read(JSONParser.parse(text), name: "advice", source: "advice")
      case .override(let argument):
        _ = try ExperimentFile.read(JSONParser.parse(bytes), name: "advice", source: "advice", overrides: [argument])
      case .move(let old, let new):
        var object = try JSONParser.parse(bytes).object ?? [:]
        let value = remove(old, from: &object)
        _ = try ExperimentFile.read(
          .object(object), name: "advice", source: "advice", overrides: ["\(new)=\(value?.compactText ?? "")"])
      }
      return []
    } catch ExperimentError.configuration(_, let faults) {
      return faults
    } catch {
      return [Fault(message: "\(error)")]
    }
  }

  /// Takes a value out of a tree; a path in quotes is one key.
  private static func remove(_ path: String, from object: inout JSONObject) -> JSON? {
    let names =
      path.hasPrefix("\"") ? [String(path.dropFirst().dropLast())] : path.split(separator: ".").map(String.init)
    guard names.count > 1 else {
      defer { object[names[0]] = nil }
      return object[names[0]]
    }
    guard var child = object[names[0]]?.object else { return nil }
    let value = remove(names.dropFirst().joined(separator: "."), from: &child)
    object[names[0]] = .object(child)
    return value
  }

  /// Of an empty file both examples together are an experiment.
  @Test func theExamplesFitTogether() throws {
    let found = try #require(error { try ExperimentFile.read([:], name: "x", source: "x") })
    guard case .configuration(_, let faults) = found else { throw found }
    let overrides = faults.flatMap { Advice.changes(for: $0) }.map(\.description)
    #expect(overrides.count == 2)
    #expect(try ExperimentFile.read([:], name: "x", source: "x", overrides: overrides).warnings.isEmpty)
    for type in Agents.entries.map(\.name) {
      let one = ["agent=\(type)"]
      let missing = error { try ExperimentFile.read([:], name: "x", source: "x", overrides: one) }
      guard case .configuration(_, let rest)? = missing else { throw try #require(missing) }
      let both = one + rest.flatMap { Advice.changes(for: $0) }.map(\.description)
      _ = try ExperimentFile.read([:], name: "x", source: "x", overrides: both)
    }
  }

  /// Whatever agent is named with whatever task: it is taken, or those that are proposed instead are.
  @Test(arguments: EnvironmentRegistry.availableIDs, Agents.entries.map(\.name))
  func everyAgentOnEveryTask(id: String, type: String) throws {
    let overrides = ["environment=\(id)", "agent=\(type)"]
    let refused = error { try ExperimentFile.read([:], name: "x", source: "x", overrides: overrides) }
    guard let found = refused else { return }
    guard case .configuration(_, let faults) = found else { throw found }
    let proposed = faults.flatMap { Advice.changes(for: $0) }
    #expect(!proposed.isEmpty)
    // A task that does not declare all of its dynamics: the model is to learn it, which takes all of the advice.
    if try EnvironmentConfiguration(id: id)?.describe().knownDynamics?.knowsRewards != true,
      faults.allSatisfy({ $0.path.hasPrefix("model.") })
    {
      let all = overrides + proposed.map(\.description)
      _ = try ExperimentFile.read([:], name: "x", source: "x", overrides: all)
      return
    }
    #expect(faults.map(\.path) == ["agent.type"])
    for change in proposed {
      _ = try ExperimentFile.read(
        [:], name: "x", source: "x", overrides: ["environment=\(id)", change.description])
    }
  }
}
