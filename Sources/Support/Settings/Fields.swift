/// Reads one JSON object into settings. It is handed to `Configurable.declare` and collects, in one pass, the values,
/// the resolved object with every default written out, the schema, and every fault.
package final class Fields {
  private let overlay: JSONObject
  private let path: String
  private let overridden: Set<String>
  private var declared: [String] = []
  private var toleratesUnknown = false
  /// The object with every setting written out, in declaration order.
  package private(set) var resolved: JSONObject = [:]
  /// JSON Schema (draft 2020-12) of each property.
  package private(set) var properties: JSONObject = [:]
  /// Every mistake, in declaration order.
  package private(set) var faults: [Fault] = []
  /// Every setting with its value and where that came from, in declaration order.
  package private(set) var entries: [ResolvedField] = []

  /// - Parameters:
  ///   - overlay: what the file says about this group.
  ///   - path: the group's own path, for messages.
  ///   - overridden: full paths that were set on the command line.
  package init(_ overlay: JSONObject = [:], path: String = "", overridden: Set<String> = []) {
    (self.overlay, self.path, self.overridden) = (overlay, path, overridden)
  }

  /// Reads `value` from an object and returns the fields with everything they collected, unknown keys included.
  @discardableResult
  package static func read<Value: Configurable>(
    _ value: inout Value, from overlay: JSONObject = [:], path: String = "", overridden: Set<String> = []
  ) -> Fields {
    let fields = Fields(overlay, path: path, overridden: overridden)
    value.declare(fields)
    fields.rejectUnknownKeys()
    return fields
  }

  // MARK: Settings

  /// An integer in `range`; "1e6" is accepted where it is exact.
  package func integer(_ name: String, _ value: inout Int, in range: ClosedRange<Int>, _ help: String) {
    if let found = take(name), let integer = checked(name, found, range) { value = integer }
    record(name, .integer(value), schema(range), help)
  }

  /// A finite number in `range`; `aboveLowerBound` leaves the lower bound itself out.
  package func number(
    _ name: String, _ value: inout Double, in range: ClosedRange<Double>, aboveLowerBound: Bool = false, _ help: String
  ) {
    if let found = take(name), let number = checked(name, found, range, aboveLowerBound) { value = number }
    record(name, .number(JSONNumber(value)), schema(range, aboveLowerBound), help)
  }

  /// A finite number in `range`, or a word for nil.
  package func number(
    _ name: String, _ value: inout Double?, in range: ClosedRange<Double>, otherwise word: String, _ help: String
  ) {
    if let found = take(name) {
      if found.string == word { value = nil } else if let number = checked(name, found, range, false) { value = number }
    }
    let schema: JSONObject = ["anyOf": .array([.object(schema(range, false)), ["const": .string(word)]])]
    record(name, value.map { .number(JSONNumber($0)) } ?? .string(word), schema, help)
  }

  /// true or false.
  package func flag(_ name: String, _ value: inout Bool, _ help: String) {
    if let flag = take(name, "true or false", \.bool) { value = flag }
    record(name, .bool(value), ["type": "boolean"], help)
  }

  /// Any text.
  package func text(_ name: String, _ value: inout String, _ help: String) {
    if let text = take(name, "a string", \.string) { value = text }
    record(name, .string(value), ["type": "string"], help)
  }

  /// One of the names of an enumeration.
  package func choice<Choice>(_ name: String, _ value: inout Choice, _ help: String)
  where Choice: RawRepresentable & CaseIterable, Choice.RawValue == String {
    var text = value.rawValue
    choice(name, &text, from: Choice.allCases.map(\.rawValue), help)
    if let chosen = Choice(rawValue: text) { value = chosen }
  }

  /// One of `names`, such as the types of a registry.
  /// - Returns: false where something else stands there. Where the choice decides which other settings there are, those
  ///   cannot be judged then: leave them undeclared and call `tolerateUnknownKeys`.
  @discardableResult
  package func choice(_ name: String, _ value: inout String, from names: [String], _ help: String) -> Bool {
    let faultsBefore = faults.count
    let list = "one of " + names.map { "\"\($0)\"" }.joined(separator: ", ")
    if let chosen = take(name, list, \.string) {
      if names.contains(chosen) {
        value = chosen
      } else {
        let shown = JSON.string(chosen).shown
        fault(name, "\(shown) is not \(list)\(Suggestion.didYouMean(chosen, among: names))")
      }
    }
    record(name, .string(value), ["enum": .texts(names)], help)
    return faults.count == faultsBefore
  }

  /// An array of whole numbers, each in a range, with so many elements.
  package func integers(
    _ name: String, _ value: inout [Int], each range: ClosedRange<Int>, count: ClosedRange<Int>, _ help: String
  ) {
    array(name, &value, of: "whole numbers", count) { checked($0, $1, range) }
    record(name, .integers(value), schema(of: schema(range), count), help)
  }

  /// An array of finite numbers, each in a range, with so many elements.
  package func numbers(
    _ name: String, _ value: inout [Double], each range: ClosedRange<Double>, count: ClosedRange<Int>, _ help: String
  ) {
    array(name, &value, of: "numbers", count) { checked($0, $1, range, false) }
    record(name, .array(value.map { .finite($0) }), schema(of: schema(range, false), count), help)
  }

  /// A nested group.
  package func section<Value: Configurable>(_ name: String, _ value: inout Value, _ help: String) {
    section(name, help) { value.declare($0) }
  }

  /// A nested group whose settings depend on its own "type" (or "id"): `declare` gets the group's fields.
  package func section(_ name: String, _ help: String, _ declare: (Fields) -> Void) {
    let inner = open(name)
    declare(inner)
    close(name, inner, help)
  }

  /// Reports a mistake that only a comparison of settings shows. `name` may be empty for the group itself.
  package func fault(_ name: String, _ message: String) { faults.append(Fault(path: join(name), message: message)) }

  /// Reports `name` with a reason of its own where the file or the command line mentions it, instead of as unknown.
  package func refuse(_ name: String, _ message: String) {
    if take(name) != nil { fault(name, message) }
  }

  /// Whether `name` was declared or refused.
  package func declares(_ name: String) -> Bool { declared.contains(name) }

  /// From now on keys that nobody declares are no faults: what they may be depends on a setting that is one itself.
  package func tolerateUnknownKeys() { toleratesUnknown = true }

  /// Whether the file or the command line says anything about this group.
  package var mentionsAnything: Bool { !overlay.members.isEmpty }

  /// Whether the file or the command line says anything about `name`.
  package func mentions(_ name: String) -> Bool { overlay[name] != nil }

  /// Adds a fault for every key that no declaration asked for.
  package func rejectUnknownKeys() {
    if toleratesUnknown { return }
    for (key, _) in overlay.members where !declared.contains(key) {
      if key.contains(".") {
        let parts = key.split(separator: ".", omittingEmptySubsequences: false).map { "\"\($0)\": " }
        let example = parts.joined(separator: "{") + "…" + String(repeating: "}", count: parts.count)
        fault(key, "unknown setting; in a file every level is an object of its own: {\(example)")
        continue
      }
      if let place = entries.first(where: { $0.path.hasSuffix(".\(key)") })?.path {
        fault(key, "unknown setting here; did you mean \(place)?")
        continue
      }
      let known = declared.isEmpty ? "there are no settings here" : "known here: \(declared.joined(separator: ", "))"
      fault(key, "unknown setting\(Suggestion.didYouMean(key, among: declared, otherwise: "; \(known)"))")
    }
  }

  // MARK: Parts

  private func open(_ name: String) -> Fields {
    Fields(take(name, "an object", \.object) ?? [:], path: join(name), overridden: overridden)
  }

  private func close(_ name: String, _ inner: Fields, _ help: String) {
    inner.rejectUnknownKeys()
    resolved.members.append((name, .object(inner.resolved)))
    var schema = inner.schema
    schema.members.insert(("description", .string(help)), at: 0)
    properties.members.append((name, .object(schema)))
    faults += inner.faults
    entries += inner.entries
  }

  private func take(_ name: String) -> JSON? {
    precondition(!declared.contains(name), "declared twice: \(join(name))")
    declared.append(name)
    return overlay[name]
  }

  /// What stands there as one kind; nil, with a fault where something else does.
  private func take<Value>(_ name: String, _ expected: String, _ convert: (JSON) -> Value?) -> Value? {
    guard let found = take(name) else { return nil }
    let value = convert(found)
    if value == nil { fault(name, "expected \(expected), found \(found.shown)") }
    return value
  }

  private func array<Element>(
    _ name: String, _ value: inout [Element], of kind: String, _ count: ClosedRange<Int>,
    _ checked: (_ name: String, JSON) -> Element?
  ) {
    guard let items = take(name, "an array of \(kind)", \.array) else { return }
    let elements = items.enumerated().compactMap { checked("\(name)[\($0)]", $1) }
    if !count.contains(items.count) {
      fault(name, "has \(items.count) elements; expected \(describe(count: count))")
    } else if elements.count == items.count {
      value = elements
    }
  }

  private func record(_ name: String, _ value: JSON, _ schema: JSONObject, _ help: String) {
    resolved.members.append((name, value))
    let schema = JSONObject(schema.members + [("default", value), ("description", .string(help))])
    properties.members.append((name, .object(schema)))
    let provenance: Provenance = overlay[name] == nil ? .standard : overridden.contains(join(name)) ? .override : .file
    let choices = schema["enum"]?.array?.compactMap(\.string) ?? []
    entries.append(
      ResolvedField(path: join(name), value: value, provenance: provenance, help: help, choices: choices))
  }

  private func join(_ name: String) -> String { path.isEmpty ? name : name.isEmpty ? path : "\(path).\(name)" }
}
