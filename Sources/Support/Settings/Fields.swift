/// Reads one JSON object into settings. It is handed to `Configurable.declare` and collects, in one pass, the values,
/// the resolved object with every default written out, the schema, and every fault.
package final class Fields {
  var overlay: JSONObject
  private let path: String
  let overridden: Overrides.Changes
  private(set) var declared: [String] = []
  var variants: Variants?
  private(set) var toleratesUnknown = false
  /// Full paths of settings that decide what the settings of this group were made for; inner groups take them over.
  package var deciders: [String] = []
  /// The object with every setting written out, in declaration order.
  package private(set) var resolved: JSONObject = [:]
  /// JSON Schema (draft 2020-12) of each property.
  package private(set) var properties: JSONObject = [:]
  /// Every mistake, in declaration order.
  package internal(set) var faults: [Fault] = []
  /// Every setting with its value and where that came from, in declaration order.
  package private(set) var entries: [ResolvedField] = []
  /// What is not as it stands in the file, without being a mistake.
  package internal(set) var notes: [Fault] = []
  /// What can be done and is hardly meant: see `unused` and `warn`.
  package internal(set) var warnings: [Fault] = []

  /// - Parameters:
  ///   - overlay: what the file says about this group.
  ///   - path: the group's own path, for messages.
  ///   - overridden: what the command line changed.
  package init(_ overlay: JSONObject = [:], path: String = "", overridden: Overrides.Changes = .init()) {
    (self.overlay, self.path, self.overridden) = (overlay, path, overridden)
  }

  /// Reads `value` from an object and returns the fields with everything they collected, unknown keys included.
  @discardableResult
  package static func read<Value: Configurable>(
    _ value: inout Value, from overlay: JSONObject = [:], path: String = "",
    overridden: Overrides.Changes = .init()
  ) -> Fields {
    let fields = Fields(overlay, path: path, overridden: overridden)
    value.declare(fields)
    fields.rejectUnknownKeys()
    if fields.faults.isEmpty { fields.rejectUnknownRemovals() }
    return fields
  }

  // MARK: Settings

  /// An integer in `range`; "1e6" is accepted where it is exact.
  package func integer(_ name: String, _ value: inout Int, in range: ClosedRange<Int>, _ help: String) {
    let standard = value
    if let found = take(name), let integer = checked(name, found, range) { value = integer }
    record(name, .integer(value), standard: .integer(standard), schema(range), help)
  }

  /// A finite number in `range`; `aboveLowerBound` leaves the lower bound itself out.
  package func number(
    _ name: String, _ value: inout Double, in range: ClosedRange<Double>, aboveLowerBound: Bool = false, _ help: String
  ) {
    let standard = value
    if let found = take(name), let number = checked(name, found, range, aboveLowerBound) { value = number }
    record(name, .finite(value), standard: .finite(standard), schema(range, aboveLowerBound), help)
  }

  /// A finite number in `range`, as above, or a word for nil.
  package func number(
    _ name: String, _ value: inout Double?, in range: ClosedRange<Double>, aboveLowerBound: Bool = false,
    otherwise word: String, _ help: String
  ) {
    func json(_ value: Double?) -> JSON { value.map { .finite($0) } ?? .string(word) }
    let standard = json(value)
    if let found = take(name) {
      if found.string == word {
        value = nil
      } else if let number = checked(name, found, range, aboveLowerBound, or: word) {
        value = number
      }
    }
    let schema: JSONObject = ["anyOf": .array([.object(schema(range, aboveLowerBound)), ["const": .string(word)]])]
    record(name, json(value), standard: standard, schema, help)
  }

  /// true or false.
  package func flag(_ name: String, _ value: inout Bool, _ help: String) {
    let standard = value
    if let flag = take(name, "true or false", \.bool) { value = flag }
    record(name, .bool(value), standard: .bool(standard), ["type": "boolean"], help)
  }

  /// Any text.
  package func text(_ name: String, _ value: inout String, _ help: String) {
    let standard = value
    if let text = takeText(name, "a string") { value = text }
    record(name, .string(value), standard: .string(standard), ["type": "string"], help)
  }

  /// One of the names of an enumeration.
  package func choice<Choice>(
    _ name: String, _ value: inout Choice, alsoCalled others: [String: Choice] = [:], _ help: String
  ) where Choice: RawRepresentable & CaseIterable, Choice.RawValue == String {
    var text = value.rawValue
    choice(name, &text, from: Choice.allCases.map(\.rawValue), alsoCalled: others.mapValues(\.rawValue), help)
    if let chosen = Choice(rawValue: text) { value = chosen }
  }

  /// As the other, of an enumeration of which not every case is to be had.
  package func choice<Choice>(_ name: String, _ value: inout Choice, among choices: [Choice], _ help: String)
  where Choice: RawRepresentable, Choice.RawValue == String {
    var text = value.rawValue
    choice(name, &text, from: choices.map(\.rawValue), help)
    if let chosen = Choice(rawValue: text) { value = chosen }
  }

  /// One of `names`, such as the types of a registry.
  /// - Returns: false where something else stands there. Where the choice decides which other settings there are, those
  ///   cannot be judged then: leave them undeclared and call `tolerateUnknownKeys`.
  ///
  /// Texts that begin with one of `prefixes` are taken, too; `others` are words that others have for some of the names.
  @discardableResult
  package func choice(
    _ name: String, _ value: inout String, from names: [String], alsoCalled others: [String: String] = [:],
    orBeginningWith prefixes: [String] = [], _ help: String
  ) -> Bool {
    let (standard, faultsBefore) = (value, faults.count)
    let list = "one of " + names.map { "\"\($0)\"" }.joined(separator: ", ") + prefixes.map { " or \($0)…" }.joined()
    if let text = takeText(name, list, acceptsNull: names.contains("null")) {
      let chosen = others[text] ?? text
      if names.contains(chosen) || prefixes.contains(where: chosen.hasPrefix) {
        value = chosen
      } else {
        let shown = JSON.string(chosen).shown
        reject(name, "\(shown) is not \(list)\(Suggestion.didYouMean(chosen, among: names))")
      }
    }
    var schema: JSONObject = ["enum": .texts(names + others.keys.sorted())]
    if !prefixes.isEmpty {
      let patterns: [JSON] = prefixes.map { ["type": "string", "pattern": .string("^" + $0)] }
      schema = ["anyOf": .array([.object(schema)] + patterns)]
    }
    record(name, .string(value), standard: .string(standard), schema, help)
    return faults.count == faultsBefore
  }

  /// An array of whole numbers, each in a range, with so many elements. `reading` tells what a word of the command
  /// line stands for; nil: nothing.
  package func integers(
    _ name: String, _ value: inout [Int], each range: ClosedRange<Int>, count: ClosedRange<Int>,
    reading: (String) -> [Int]? = { _ in nil }, _ help: String
  ) {
    let standard = value
    array(name, &value, of: "whole numbers", count, reading: { reading($0).map(JSON.integers) }) {
      checked($0, $1, range)
    }
    record(name, .integers(value), standard: .integers(standard), schema(of: schema(range), count), help)
  }

  /// An array of finite numbers, each in a range, with so many elements; where `acceptsOne`, one number alone stands
  /// for an array of it.
  package func numbers(
    _ name: String, _ value: inout [Double], each range: ClosedRange<Double>, count: ClosedRange<Int>,
    acceptsOne: Bool = false, _ help: String
  ) {
    let standard = value
    let one = schema(range, false)
    var schema = schema(of: one, count)
    if acceptsOne { schema = ["anyOf": [.object(one), .object(schema)]] }
    if acceptsOne, let number = overlay[name], case .number = number {
      if let number = take(name).flatMap({ checked(name, $0, range, false) }) { value = [number] }
    } else {
      array(name, &value, of: "numbers", count) { checked($0, $1, range, false) }
    }
    let (now, before) = (JSON.array(value.map { .finite($0) }), JSON.array(standard.map { .finite($0) }))
    record(name, now, standard: before, schema, help)
  }

  /// A nested group; `chooser` names the setting of it that a word in the group's place is taken for in advice.
  package func section<Value: Configurable>(
    _ name: String, _ value: inout Value, chooser: String? = nil, _ help: String
  ) {
    section(name, chooser: chooser, help) { value.declare($0) }
  }

  /// A nested group whose settings depend on its own "type" (or "id"): `declare` gets the group's fields.
  package func section(_ name: String, chooser: String? = nil, _ help: String, _ declare: (Fields) -> Void) {
    let inner = open(name, chooser)
    declare(inner)
    close(name, inner, help)
  }

  /// Reports a mistake that only a comparison of settings shows. `name` may be empty for the group itself.
  package func fault(_ name: String, _ message: String) { faults.append(Fault(path: join(name), message: message)) }

  /// Reports `name` with a reason of its own and a remedy where the file or the command line mentions it, instead of as
  /// unknown. Where the command line set `choice`, which decides on `name`, what the file says about it is left out.
  package func refuse(_ name: String, _ reason: String, _ remedy: String, after choice: String) {
    guard take(name) != nil else { return }
    if overridden.paths.contains(join(choice)), !isOverridden(name) {
      note(name, "the file's section is left out: \(reason)")
    } else {
      fault(name, "\(reason); \(remedy)")
    }
  }

  /// Whether `name` was declared or refused.
  package func declares(_ name: String) -> Bool { declared.contains(name) }

  /// From now on keys that nobody declares are no faults: what they may be depends on a setting that is one itself.
  package func tolerateUnknownKeys() { toleratesUnknown = true }

  /// Whether the file or the command line says anything about this group.
  package var mentionsAnything: Bool { !overlay.members.isEmpty }

  /// Whether the file or the command line has a group of that name.
  package func hasSection(_ name: String) -> Bool { overlay[name]?.object != nil }

  /// Whether the file or the command line says anything about `name`.
  package func mentions(_ name: String) -> Bool { overlay[name] != nil }

  // MARK: Parts

  private func open(_ name: String, _ chooser: String?) -> Fields {
    var expected = "an object"
    if let chooser, let word = overlay[name]?.string {
      expected = "an object such as {\"\(chooser)\": \(JSON.string(word.shortened()).compactText)}"
    }
    let inner = Fields(take(name, expected, \.object) ?? [:], path: join(name), overridden: overridden)
    inner.deciders = deciders
    return inner
  }

  private func close(_ name: String, _ inner: Fields, _ help: String) {
    inner.rejectUnknownKeys()
    resolved.members.append((name, .object(inner.resolved)))
    var schema = inner.schema
    schema.members.insert(("description", .string(help)), at: 0)
    properties.members.append((name, .object(schema)))
    faults += inner.faults
    entries += inner.entries
    notes += inner.notes
    warnings += inner.warnings
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
    if value == nil { reject(name, "expected \(expected), found \(found.shown)") }
    return value
  }

  /// What stands there as text: a word of the command line as it was written, whatever else it might be.
  private func takeText(_ name: String, _ expected: String, acceptsNull: Bool = true) -> String? {
    guard let word = overridden.words[join(name)], word != "null" || acceptsNull else {
      return take(name, expected, \.string)
    }
    _ = take(name)
    return word
  }

  /// What stands there; nil: nothing does.
  func taken(_ name: String) -> JSON? { take(name) }

  /// Adds a setting of this kind to what was collected.
  func add(_ name: String, _ value: JSON, standard: JSON, _ schema: JSONObject, _ help: String) {
    record(name, value, standard: standard, schema, help)
  }

  private func array<Element>(
    _ name: String, _ value: inout [Element], of kind: String, _ count: ClosedRange<Int>,
    reading: (String) -> JSON? = { _ in nil }, _ checked: (_ name: String, JSON) -> Element?
  ) {
    guard let found = take(name) else { return }
    let text = overridden.words[join(name)] ?? found.string
    let read = text.flatMap(reading)
    guard let items = (isOverridden(name) ? read ?? found : found).array else {
      let meant = read?.compactText ?? text.flatMap(ListText.literal)
      reject(name, "expected an array of \(kind), found \(found.shown)" + (meant.map { "; write \($0)" } ?? ""))
      return
    }
    let elements = items.enumerated().compactMap { checked("\(name)[\($0)]", $1) }
    if !count.contains(items.count) {
      fault(name, "has \(items.count) elements; expected \(describe(count: count))")
    } else if elements.count == items.count {
      value = elements
    }
  }

  private func record(_ name: String, _ value: JSON, standard: JSON, _ schema: JSONObject, _ help: String) {
    resolved.members.append((name, value))
    let schema = JSONObject(schema.members + [("default", value), ("description", .string(help))])
    properties.members.append((name, .object(schema)))
    let path = join(name)
    let isWord = overridden.words[path].map { value == .string($0) } ?? false
    let provenance: Provenance =
      isOverridden(name) || isWord ? .override : overlay[name] == nil ? .standard : .file
    let isChosen = provenance == .override || provenance == .file && value != standard
    let choices = schema["enum"]?.array?.compactMap(\.string) ?? []
    entries.append(
      ResolvedField(
        path: path, value: value, provenance: provenance, isChosen: isChosen, help: help, choices: choices))
  }

  /// The full path of a setting of this group; that of the group itself for "".
  func join(_ name: String) -> String { path.isEmpty ? name : name.isEmpty ? path : "\(path).\(name)" }
}
