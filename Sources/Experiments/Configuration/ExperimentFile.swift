import Algorithms
import Environments
import Foundation
import Support

/// A configuration file, read, overridden, completed and checked.
package struct ExperimentFile: Sendable {
  package var configuration: ExperimentConfiguration
  /// Every setting written out, in the order of declaration.
  package var resolved: JSONObject
  /// Every setting with its origin.
  package var entries: [ResolvedField]
  /// What of the file the overrides leave out.
  package var notes: [Fault]
  /// Settings that nothing reads, and what else can hardly be meant.
  package var warnings: [Fault]
  /// The file's path as it was given.
  package var source: String
  /// "key.path=value", as given.
  package var overrides: [String]

  /// Whether an override sets this.
  package func sets(_ path: String) -> Bool { entries.contains { $0.path == path && $0.provenance == .override } }

  /// The settings that overrides decide, with their values.
  package var overridden: [(key: String, value: JSON)] {
    entries.filter { $0.provenance == .override }.map { ($0.path, $0.value) }
  }

  /// Reads `path` and changes it by `overrides`; reports every mistake of both at once and writes nothing.
  package static func load(_ path: String, overrides: [String] = []) throws(ExperimentError) -> ExperimentFile {
    let document = try rethrow(JSONParser.read(path)) { (error: JSONFileError) -> ExperimentError in
      switch error {
      case .file(let error): .configuration(source: path, "cannot \(error.operation) it: \(error.reason)")
      case .syntax(_, let error):
        .configuration(
          source: path, yamlFault(path) ?? error.problems.map { Fault(message: $0.description) })
      }
    }
    let name = URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent
    return try read(document, name: name, source: path, overrides: overrides)
  }

  /// Reads a parsed document; `name` is used where it does not name itself.
  package static func read(
    _ document: JSON, name: String, source: String, overrides: [String] = []
  ) throws(ExperimentError) -> ExperimentFile {
    var overlay = try settings(document, source: source)
    var (overridden, faults) = Overrides.apply(overrides, to: &overlay, choosers: ExperimentConfiguration.choosers)
    faults += takeRemarks(&overlay)
    faults += missing(overlay)
    var configuration = ExperimentConfiguration()
    configuration.name = name
    let fields = Fields.read(&configuration, from: overlay, overridden: overridden)
    faults += fields.faults
    guard faults.isEmpty else { throw .configuration(source: source, faults) }
    return ExperimentFile(
      configuration: configuration, resolved: fields.resolved, entries: fields.entries, notes: fields.notes,
      warnings: fields.warnings, source: source, overrides: overrides)
  }

  /// What there is to say of a file that begins as YAML does; nil of any other.
  private static func yamlFault(_ path: String) -> [Fault]? {
    guard FileSystem.kind(of: path) == .file, let bytes = try? FileSystem.read(path, limit: JSONParser.maximumBytes)
    else { return nil }
    let lines = String(decoding: bytes.prefix(4096), as: UTF8.self).split(separator: "\n")
    let first = lines.first { !$0.hasPrefix("#") && !$0.hasPrefix("---") && $0.contains { !$0.isWhitespace } }
    guard let first, let colon = first.firstIndex(of: ":"), colon > first.startIndex,
      first[..<colon].allSatisfy({ $0.isLetter || $0.isNumber || "_-".contains($0) })
    else { return nil }
    let example = #"{"environment": {"id": "Pendulum-v1"}, "agent": {"type": "pets"}}"#
    return [Fault(message: "this looks like YAML; a configuration is JSON, as in \(example)")]
  }

  /// The object that a document has to be.
  static func settings(_ document: JSON, source: String) throws(ExperimentError) -> JSONObject {
    if let object = document.object { return object }
    throw .configuration(source: source, "expected an object, found \(document.kindName)")
  }

  /// "comment" and "$schema" are for people and editors: strings, and no settings.
  private static func takeRemarks(_ overlay: inout JSONObject) -> [Fault] {
    var faults: [Fault] = []
    for key in ["comment", "$schema"] {
      if let remark = overlay[key], remark.string == nil {
        faults.append(Fault(path: key, message: "expected a string, found \(remark.kindName)"))
      }
      overlay[key] = nil
    }
    return faults
  }

  /// The two things that nobody should get by default: the task and the learner. The examples fit each other.
  private static func missing(_ overlay: JSONObject) -> [Fault] {
    let (id, type) = (overlay["environment"]?.object?["id"], overlay["agent"]?.object?["type"])
    func learners(_ id: String?) -> [String] {
      guard let id, let task = try? EnvironmentConfiguration(id: id)?.describe() else { return [] }
      return Agents.suiting(task)
    }
    let exampleID = EnvironmentRegistry.ids.first { type == nil || learners($0).contains(type?.string ?? "") }
    let task = id?.string ?? exampleID
    let questions = [
      ("environment", "id", "which task to learn", exampleID ?? EnvironmentRegistry.ids.first),
      ("agent", "type", "which agent learns", learners(task).first ?? Agents.entries.last?.name),
    ]
    return questions.compactMap { section, key, question, example in
      let given = overlay[section]
      // A section of another kind has its own fault.
      guard given == nil || given?.object != nil, given?.object?[key] == nil else { return nil }
      return Fault(path: "\(section).\(key)", message: "missing; say \(question), such as \"\(example ?? "")\"")
    }
  }
}
