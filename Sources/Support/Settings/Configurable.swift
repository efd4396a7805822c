/// A group of settings that a JSON file may change. The defaults are the initial values of the stored properties.
///
/// One function declares every setting once, with its range and meaning; reading, strictness, the resolved file and
/// the JSON schema all come from that declaration.
package protocol Configurable: Sendable {
  init()
  /// Declares every setting to `fields`, in the order in which it should be printed.
  mutating func declare(_ fields: Fields)
}

/// One mistake in a configuration: where, what, and what to do about it.
package struct Fault: Error, Equatable, Sendable, CustomStringConvertible {
  /// "planner.population"; empty for the document itself.
  package var path: String
  /// What is wrong, and what would be right.
  package var message: String

  /// A mistake at a path.
  package init(path: String, message: String) {
    self.path = path
    self.message = message
  }

  package var description: String { path.isEmpty ? message : "\(path): \(message)" }
}

/// Where a setting's value came from.
package enum Provenance: String, Sendable { case standard = "default", file, override }

/// One resolved setting, for `config show`.
package struct ResolvedField: Sendable {
  /// "planner.population".
  package var path: String
  /// The value in use.
  package var value: JSON
  /// Who set it.
  package var provenance: Provenance
  /// What it means, from its declaration.
  package var help: String
}

/// Reads one JSON object into settings. It is handed to `Configurable.declare` and collects, in one pass, the values,
/// the resolved object with every default written out, the schema, and every fault.
package final class Fields {
  private let overlay: JSONObject
  private let path: String
  private let overridden: Set<String>
  private var declared: [String] = []
  private var toleratesUnknown = false
  /// The object with every setting written out, in declaration order.
  package private(set) var resolved = JSONObject()
  /// JSON Schema (draft 2020-12) of each property.
  package private(set) var properties = JSONObject()
  /// Every mistake, in declaration order.
  package private(set) var faults: [Fault] = []
  /// Every setting with its value and where that came from, in declaration order.
  package private(set) var entries: [ResolvedField] = []

  /// - Parameters:
  ///   - overlay: what the file says about this group.
  ///   - path: the group's own path, for messages.
  ///   - overridden: full paths that were set on the command line.
  package init(_ overlay: JSONObject = JSONObject(), path: String = "", overridden: Set<String> = []) {
    self.overlay = overlay
    self.path = path
    self.overridden = overridden
  }

  /// Reads `value` from an object and returns the fields with everything they collected, unknown keys included.
  @discardableResult
  package static func read<Value: Configurable>(
    _ value: inout Value, from overlay: JSONObject = JSONObject(), path: String = "", overridden: Set<String> = []
  ) -> Fields {
    let fields = Fields(overlay, path: path, overridden: overridden)
    value.declare(fields)
    fields.rejectUnknownKeys()
    return fields
  }

  // MARK: Settings

  /// An integer in `range`; "1e6" is accepted where it is exact.
  package func integer(_ name: String, _ value: inout Int, in range: ClosedRange<Int>, _ help: String) {
    if let found = take(name) {
      if case .number(let number) = found {
        if let integer = number.integerValue {
          if range.contains(integer) {
            value = integer
          } else {
            fault(name, "\(found.shown) is out of range; \(describe(range))")
          }
        } else {
          fault(name, "expected a whole number, found \(found.shown); \(describe(range))")
        }
      } else {
        fault(name, "expected a whole number, found \(found.shown); \(describe(range))")
      }
    }
    record(name, .number(JSONNumber(value)), integerSchema(range), help)
  }

  /// A finite number in `range`; `aboveLowerBound` leaves the lower bound itself out.
  package func number(
    _ name: String, _ value: inout Double, in range: ClosedRange<Double>, aboveLowerBound: Bool = false,
    _ help: String
  ) {
    if let found = take(name), let number = checkedNumber(name, found, range, aboveLowerBound) { value = number }
    record(name, .number(JSONNumber(value)), numberSchema(range, aboveLowerBound), help)
  }

  /// true or false.
  package func flag(_ name: String, _ value: inout Bool, _ help: String) {
    if let found = take(name) {
      if case .bool(let bool) = found {
        value = bool
      } else {
        fault(name, "expected true or false, found \(found.shown)")
      }
    }
    record(name, .bool(value), JSONObject([("type", .string("boolean"))]), help)
  }

  /// Any text.
  package func text(_ name: String, _ value: inout String, _ help: String) {
    if let found = take(name) {
      if case .string(let string) = found {
        value = string
      } else {
        fault(name, "expected a string, found \(found.shown)")
      }
    }
    record(name, .string(value), JSONObject([("type", .string("string"))]), help)
  }

  /// One of the names of an enumeration.
  package func choice<Choice>(_ name: String, _ value: inout Choice, _ help: String)
  where Choice: RawRepresentable & CaseIterable, Choice.RawValue == String {
    let names = Choice.allCases.map(\.rawValue)
    var text = value.rawValue
    choice(name, &text, from: names, help)
    if let chosen = Choice(rawValue: text) { value = chosen }
  }

  /// One of `names`, such as the types of a registry.
  /// - Returns: false where something else stands there. Where the choice decides which other settings there are, those
  ///   cannot be judged then: leave them undeclared and call `tolerateUnknownKeys`.
  @discardableResult
  package func choice(_ name: String, _ value: inout String, from names: [String], _ help: String) -> Bool {
    let faultsBefore = faults.count
    if let found = take(name) {
      if case .string(let string) = found {
        if names.contains(string) {
          value = string
        } else {
          let list = names.map { "\"\($0)\"" }.joined(separator: ", ")
          fault(name, "\(found.shown) is not one of \(list)\(Suggestion.didYouMean(string, among: names))")
        }
      } else {
        fault(name, "expected one of \(names.map { "\"\($0)\"" }.joined(separator: ", ")), found \(found.shown)")
      }
    }
    record(name, .string(value), JSONObject([("enum", .array(names.map { .string($0) }))]), help)
    return faults.count == faultsBefore
  }

  /// An array of whole numbers, each in a range, with so many elements.
  package func integers(
    _ name: String, _ value: inout [Int], each range: ClosedRange<Int>, count: ClosedRange<Int>, _ help: String
  ) {
    if let found = take(name) {
      if case .array(let items) = found {
        var integers: [Int] = []
        for (index, item) in items.enumerated() {
          if let integer = item.integer {
            if range.contains(integer) {
              integers.append(integer)
            } else {
              fault("\(name)[\(index)]", "\(integer) is out of range; \(describe(range))")
            }
          } else {
            fault("\(name)[\(index)]", "expected a whole number, found \(item.shown); \(describe(range))")
          }
        }
        if !count.contains(items.count) {
          fault(name, "has \(items.count) elements; expected \(describeCount(count))")
        } else if integers.count == items.count {
          value = integers
        }
      } else {
        fault(name, "expected an array of whole numbers, found \(found.shown)")
      }
    }
    record(name, .array(value.map(JSON.integer)), arraySchema(integerSchema(range), count), help)
  }

  /// An array of finite numbers, each in a range, with so many elements.
  package func numbers(
    _ name: String, _ value: inout [Double], each range: ClosedRange<Double>, count: ClosedRange<Int>,
    _ help: String
  ) {
    if let found = take(name) {
      if case .array(let items) = found {
        let numbers = items.enumerated().compactMap { checkedNumber("\(name)[\($0)]", $1, range, false) }
        if !count.contains(items.count) {
          fault(name, "has \(items.count) elements; expected \(describeCount(count))")
        } else if numbers.count == items.count {
          value = numbers
        }
      } else {
        fault(name, "expected an array of numbers, found \(found.shown)")
      }
    }
    record(
      name, .array(value.map { .number(JSONNumber($0)) }), arraySchema(numberSchema(range, false), count), help)
  }

  /// A nested group.
  package func section<Value: Configurable>(_ name: String, _ value: inout Value, _ help: String) {
    let inner = open(name)
    value.declare(inner)
    close(name, inner, help)
  }

  /// A nested group whose settings depend on its own "type" (or "id"): `declare` gets the group's fields.
  package func section(_ name: String, _ help: String, _ declare: (Fields) -> Void) {
    let inner = open(name)
    declare(inner)
    close(name, inner, help)
  }

  /// Reports a mistake that only a comparison of settings shows. `name` may be empty for the group itself.
  package func fault(_ name: String, _ message: String) {
    faults.append(Fault(path: join(name), message: message))
  }

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

  /// JSON Schema of this group.
  package var schema: JSONObject {
    JSONObject([
      ("type", .string("object")), ("additionalProperties", .bool(false)), ("properties", .object(properties)),
    ])
  }

  /// Adds a fault for every key that no declaration asked for.
  package func rejectUnknownKeys() {
    if toleratesUnknown { return }
    for (key, _) in overlay.members where !declared.contains(key) {
      if key.contains(".") {
        let parts = key.split(separator: ".", omittingEmptySubsequences: false).map { "\"\($0)\": " }
        fault(
          key,
          "unknown setting; in a file every level is an object of its own: {"
            + parts.joined(separator: "{") + "…" + String(repeating: "}", count: parts.count))
        continue
      }
      if let place = entries.first(where: { $0.path.hasSuffix(".\(key)") })?.path {
        fault(key, "unknown setting here; did you mean \(place)?")
        continue
      }
      let suggestion = Suggestion.didYouMean(key, among: declared)
      let known = declared.isEmpty ? "there are no settings here" : "known here: \(declared.joined(separator: ", "))"
      let remedy = suggestion.isEmpty ? "; \(known)" : suggestion
      fault(key, "unknown setting\(remedy)")
    }
  }

  // MARK: Parts

  private func open(_ name: String) -> Fields {
    var object = JSONObject()
    if let found = take(name) {
      if case .object(let nested) = found {
        object = nested
      } else {
        fault(name, "expected an object, found \(found.shown)")
      }
    }
    return Fields(object, path: join(name), overridden: overridden)
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

  private func record(_ name: String, _ value: JSON, _ schema: JSONObject, _ help: String) {
    resolved.members.append((name, value))
    var schema = schema
    schema.members.append(("default", value))
    schema.members.append(("description", .string(help)))
    properties.members.append((name, .object(schema)))
    let provenance: Provenance =
      overlay[name] == nil ? .standard : overridden.contains(join(name)) ? .override : .file
    entries.append(ResolvedField(path: join(name), value: value, provenance: provenance, help: help))
  }

  private func join(_ name: String) -> String {
    path.isEmpty ? name : name.isEmpty ? path : "\(path).\(name)"
  }

  private func checkedNumber(
    _ name: String, _ found: JSON, _ range: ClosedRange<Double>, _ aboveLowerBound: Bool
  ) -> Double? {
    guard case .number(let number) = found else {
      fault(name, "expected a number, found \(found.shown); \(describe(range, aboveLowerBound))")
      return nil
    }
    guard let value = number.doubleValue else {
      fault(name, "\(found.shown) is too large for a number; \(describe(range, aboveLowerBound))")
      return nil
    }
    guard range.contains(value), !(aboveLowerBound && value == range.lowerBound) else {
      fault(name, "\(found.shown) is out of range; \(describe(range, aboveLowerBound))")
      return nil
    }
    return value
  }

  private func integerSchema(_ range: ClosedRange<Int>) -> JSONObject {
    var schema = JSONObject([("type", .string("integer"))])
    if range.lowerBound > Int.min { schema.members.append(("minimum", .integer(range.lowerBound))) }
    if range.upperBound < Int.max { schema.members.append(("maximum", .integer(range.upperBound))) }
    return schema
  }

  private func numberSchema(_ range: ClosedRange<Double>, _ aboveLowerBound: Bool) -> JSONObject {
    var schema = JSONObject([("type", .string("number"))])
    if range.lowerBound > -Double.greatestFiniteMagnitude {
      schema.members.append(
        (aboveLowerBound ? "exclusiveMinimum" : "minimum", .number(JSONNumber(range.lowerBound))))
    }
    if range.upperBound < Double.greatestFiniteMagnitude {
      schema.members.append(("maximum", .number(JSONNumber(range.upperBound))))
    }
    return schema
  }

  private func arraySchema(_ item: JSONObject, _ count: ClosedRange<Int>) -> JSONObject {
    var schema = JSONObject([
      ("type", .string("array")), ("items", .object(item)), ("minItems", .integer(count.lowerBound)),
    ])
    if count.upperBound < Int.max { schema.members.append(("maxItems", .integer(count.upperBound))) }
    return schema
  }

  private func describe(_ range: ClosedRange<Int>) -> String {
    switch (range.lowerBound == Int.min, range.upperBound == Int.max) {
    case (true, true): "allowed: any whole number"
    case (false, true): "allowed: \(range.lowerBound) or more"
    case (true, false): "allowed: up to \(range.upperBound)"
    case (false, false): "allowed: \(range.lowerBound) to \(range.upperBound)"
    }
  }

  private func describe(_ range: ClosedRange<Double>, _ aboveLowerBound: Bool) -> String {
    func text(_ bound: Double) -> String { JSONNumber(bound).literal }
    let isUnboundedBelow = range.lowerBound <= -Double.greatestFiniteMagnitude
    let isUnboundedAbove = range.upperBound >= Double.greatestFiniteMagnitude
    switch (isUnboundedBelow, isUnboundedAbove) {
    case (true, true): return "allowed: any finite number"
    case (true, false): return "allowed: up to \(text(range.upperBound))"
    case (false, true):
      return "allowed: \(aboveLowerBound ? "more than \(text(range.lowerBound))" : "\(text(range.lowerBound)) or more")"
    case (false, false):
      let low = aboveLowerBound ? "more than \(text(range.lowerBound)), up" : text(range.lowerBound)
      return "allowed: \(low) to \(text(range.upperBound))"
    }
  }

  private func describeCount(_ count: ClosedRange<Int>) -> String {
    if count.lowerBound == count.upperBound { return "\(count.lowerBound)" }
    return count.upperBound == Int.max ? "\(count.lowerBound) or more" : "\(count.lowerBound) to \(count.upperBound)"
  }
}
