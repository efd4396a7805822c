/// A JSON document as a tree that keeps what the configuration reader needs and Foundation's parser loses:
/// the order of keys, and numbers exactly as they were written.
package indirect enum JSON: Equatable, Sendable {
  case null
  case bool(Bool)
  case number(JSONNumber)
  case string(String)
  case array([JSON])
  case object(JSONObject)
}

/// A number in its written form; conversions are exact or fail.
package struct JSONNumber: Equatable, Sendable {
  /// The literal, valid JSON number syntax ("1e6", "-0.5").
  package var literal: String

  package init(literal: String) { self.literal = literal }
  package init(_ value: Int) { literal = String(value) }
  /// The shortest digits that read back as the same double. `value` must be finite.
  package init(_ value: Double) {
    literal = value == value.rounded() && abs(value) < 1e15 ? String(Int64(value)) : "\(value)"
    if value == 0 && value.sign == .minus { literal = "-0.0" }
  }

  /// The value as a double; nil where it overflows (1e400).
  package var doubleValue: Double? {
    guard let value = Double(literal), value.isFinite else { return nil }
    return value
  }

  /// The value as an integer, where it is one exactly: "1e6" and "3.0" are, "1.5" and 2^80 are not.
  package var integerValue: Int? {
    if let value = Int(literal) { return value }
    guard let value = doubleValue, value == value.rounded(), abs(value) <= 9_007_199_254_740_992 else { return nil }
    return Int(value)
  }
}

/// An object that remembers the order of its keys.
package struct JSONObject: Equatable, Sendable {
  package var members: [(key: String, value: JSON)]

  package init(_ members: [(key: String, value: JSON)] = []) { self.members = members }

  package static func == (left: JSONObject, right: JSONObject) -> Bool {
    left.members.count == right.members.count
      && zip(left.members, right.members).allSatisfy { $0.key == $1.key && $0.value == $1.value }
  }

  package subscript(key: String) -> JSON? {
    get { members.first { $0.key == key }?.value }
    set {
      if let index = members.firstIndex(where: { $0.key == key }) {
        if let newValue { members[index].value = newValue } else { members.remove(at: index) }
      } else if let newValue {
        members.append((key, newValue))
      }
    }
  }
}

extension JSON {
  /// What a person calls this kind of value, with its article: "a string", "an object".
  package var kindName: String {
    switch self {
    case .null: "null"
    case .bool: "a boolean"
    case .number: "a number"
    case .string: "a string"
    case .array: "an array"
    case .object: "an object"
    }
  }

  package var object: JSONObject? { if case .object(let object) = self { object } else { nil } }
  package var array: [JSON]? { if case .array(let array) = self { array } else { nil } }
  package var string: String? { if case .string(let string) = self { string } else { nil } }
  package var double: Double? { if case .number(let number) = self { number.doubleValue } else { nil } }
  package var integer: Int? { if case .number(let number) = self { number.integerValue } else { nil } }
  package var bool: Bool? { if case .bool(let bool) = self { bool } else { nil } }
}
