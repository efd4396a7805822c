/// A JSON document as a tree that keeps what the configuration reader needs and Foundation's parser loses:
/// the order of keys, and numbers exactly as they were written.
package enum JSON: Equatable, Sendable {
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

  /// A number as it is written, which must be valid.
  package init(literal: String) { self.literal = literal }
  /// A whole number.
  package init(_ value: Int) { literal = String(value) }
  /// The shortest digits that read back as the same double. `value` must be finite (`JSON.finite` makes it null).
  package init(_ value: Double) {
    precondition(value.isFinite, "JSON has no \(value)")
    literal = value == value.rounded() && abs(value) < 1e15 ? String(Int64(value)) : "\(value)"
    if value == 0 && value.sign == .minus { literal = "-0.0" }
  }

  /// The value as a double; nil where it overflows (1e400).
  package var doubleValue: Double? {
    guard let value = Double(literal), value.isFinite else { return nil }
    return value
  }

  /// The value as an integer, where it is one exactly: "1e6", "3.0" and "1e18" are, "1.5", "1e19" and
  /// "1.0000000000000000001" are not. Decided on the digits, without rounding.
  package var integerValue: Int? {
    if let value = Int(literal) { return value }
    var digits: [UInt8] = []
    var exponent = 0
    var isFraction = false
    var text = Substring(literal)
    if let mark = text.firstIndex(where: { $0 == "e" || $0 == "E" }) {
      // An exponent beyond Int shifts any digits out of range, but leaves zero zero.
      let written = text[text.index(after: mark)...]
      exponent = Int(written) ?? (written.hasPrefix("-") ? -(1 << 32) : 1 << 32)
      exponent = min(max(exponent, -(1 << 32)), 1 << 32)
      text = text[..<mark]
    }
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "."): isFraction = true
      case UInt8(ascii: "0")...UInt8(ascii: "9"):
        digits.append(byte)
        if isFraction { exponent -= 1 }
      default: continue
      }
    }
    while digits.last == UInt8(ascii: "0") {
      digits.removeLast()
      exponent += 1
    }
    let significant = digits.drop { $0 == UInt8(ascii: "0") }
    if significant.isEmpty { return 0 }
    guard exponent >= 0, significant.count + exponent <= 19 else { return nil }
    let sign = literal.hasPrefix("-") ? "-" : ""
    return Int(sign + String(decoding: significant, as: UTF8.self) + String(repeating: "0", count: exponent))
  }
}

/// An object that remembers the order of its keys.
package struct JSONObject: Equatable, Sendable {
  /// The keys and values in the order of the document.
  package var members: [(key: String, value: JSON)]

  /// An object of these members; the keys must be distinct.
  package init(_ members: [(key: String, value: JSON)] = []) { self.members = members }

  /// Equal when the same keys have the same values in the same order.
  package static func == (left: JSONObject, right: JSONObject) -> Bool {
    left.members.count == right.members.count
      && zip(left.members, right.members).allSatisfy { $0.key == $1.key && $0.value == $1.value }
  }

  /// The value of a key, found from the front (objects are small; parsers detect duplicates with a table of their own).
  /// Setting a new key appends it, setting nil removes it.
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

  /// The value itself where it is short, for "found …": "\"abc\"", "1.5", "true", "an array".
  var shown: String {
    switch self {
    case .null, .bool: compactText
    case .number(let number): number.literal.shortened()
    case .string(let string): JSON.string(string.shortened()).compactText
    case .array, .object: kindName
    }
  }

  /// The number, or null where there is none or it is not finite: JSON has no NaN.
  package static func finite(_ value: Double?) -> JSON {
    value.flatMap { $0.isFinite ? .number(JSONNumber($0)) : nil } ?? .null
  }
  /// A whole number, or null.
  package static func integer(_ value: Int?) -> JSON { value.map { .number(JSONNumber($0)) } ?? .null }
  /// An object with the members of all these, in order.
  package static func joined(_ objects: JSONObject...) -> JSON { .object(JSONObject(objects.flatMap(\.members))) }
  /// A text, or null.
  package static func text(_ value: String?) -> JSON { value.map { .string($0) } ?? .null }
  /// An array of texts.
  package static func texts(_ values: [String]) -> JSON { .array(values.map { .string($0) }) }
  /// An array of whole numbers.
  package static func integers(_ values: [Int]) -> JSON { .array(values.map { .integer($0) }) }

  /// The value as one kind; nil where it is of another kind (or a number does not fit).
  package var object: JSONObject? { if case .object(let object) = self { object } else { nil } }
  package var array: [JSON]? { if case .array(let array) = self { array } else { nil } }
  package var string: String? { if case .string(let string) = self { string } else { nil } }
  package var double: Double? { if case .number(let number) = self { number.doubleValue } else { nil } }
  package var integer: Int? { if case .number(let number) = self { number.integerValue } else { nil } }
  package var bool: Bool? { if case .bool(let bool) = self { bool } else { nil } }
}

// MARK: - Literals: `["key": .integer(1), "other": "text"]`

extension JSON: ExpressibleByDictionaryLiteral, ExpressibleByArrayLiteral, ExpressibleByStringLiteral,
  ExpressibleByBooleanLiteral
{
  /// An object; the keys must be distinct.
  package init(dictionaryLiteral members: (String, JSON)...) { self = .object(JSONObject(members.map { ($0, $1) })) }
  /// An array.
  package init(arrayLiteral items: JSON...) { self = .array(items) }
  /// A string.
  package init(stringLiteral text: String) { self = .string(text) }
  /// A boolean.
  package init(booleanLiteral value: Bool) { self = .bool(value) }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
  /// The members in the order in which they stand; the keys must be distinct.
  package init(dictionaryLiteral members: (String, JSON)...) { self.init(members.map { ($0, $1) }) }
}
