/// Settings within ranges: their checks, their JSON Schema, and their words.
extension Fields {
  /// JSON Schema of this group.
  package var schema: JSONObject {
    ["type": "object", "additionalProperties": false, "properties": .object(properties)]
  }

  /// A whole number in a range; nil, with a fault, where it is something else.
  /// - Parameter word: what else may stand there.
  func checked(_ name: String, _ found: JSON, _ range: ClosedRange<Int>, or word: String? = nil) -> Int? {
    guard let integer = found.integer else {
      reject(name, "expected a whole number\(orWord(word)), found \(found.shown); \(describe(range))")
      return nil
    }
    if range.contains(integer) { return integer }
    reject(name, "\(found.shown) is out of range; \(describe(range))")
    return nil
  }

  /// A finite number in a range; nil, with a fault, where it is something else.
  /// - Parameter word: what else may stand there.
  func checked(
    _ name: String, _ found: JSON, _ range: ClosedRange<Double>, _ aboveLowerBound: Bool, or word: String? = nil
  ) -> Double? {
    let allowed = describe(range, aboveLowerBound)
    guard case .number(let number) = found else {
      reject(name, "expected a number\(orWord(word)), found \(found.shown); \(allowed)")
      return nil
    }
    guard let value = number.doubleValue else {
      reject(name, "\(found.shown) is too large for a number; \(allowed)")
      return nil
    }
    if range.contains(value), !(aboveLowerBound && value == range.lowerBound) { return value }
    reject(name, "\(found.shown) is out of range; \(allowed)")
    return nil
  }

  private func orWord(_ word: String?) -> String { word.map { " or \"\($0)\"" } ?? "" }

  func schema(_ range: ClosedRange<Int>) -> JSONObject {
    var schema: JSONObject = ["type": "integer"]
    if range.lowerBound > Int.min { schema["minimum"] = .integer(range.lowerBound) }
    if range.upperBound < Int.max { schema["maximum"] = .integer(range.upperBound) }
    return schema
  }

  func schema(_ range: ClosedRange<Double>, _ aboveLowerBound: Bool) -> JSONObject {
    var schema: JSONObject = ["type": "number"]
    if range.lowerBound > -Double.greatestFiniteMagnitude {
      schema[aboveLowerBound ? "exclusiveMinimum" : "minimum"] = .finite(range.lowerBound)
    }
    if range.upperBound < Double.greatestFiniteMagnitude { schema["maximum"] = .finite(range.upperBound) }
    return schema
  }

  func schema(of item: JSONObject, _ count: ClosedRange<Int>) -> JSONObject {
    var schema: JSONObject = ["type": "array", "items": .object(item), "minItems": .integer(count.lowerBound)]
    if count.upperBound < Int.max { schema["maxItems"] = .integer(count.upperBound) }
    return schema
  }

  func describe(_ range: ClosedRange<Int>) -> String {
    let low = range.lowerBound == Int.min ? nil : "\(range.lowerBound)"
    return allowed(low, range.upperBound == Int.max ? nil : "\(range.upperBound)", "any whole number")
  }

  func describe(_ range: ClosedRange<Double>, _ aboveLowerBound: Bool) -> String {
    func text(_ bound: Double) -> String? {
      abs(bound) >= Double.greatestFiniteMagnitude ? nil : JSONNumber(bound).literal
    }
    return allowed(text(range.lowerBound), text(range.upperBound), "any finite number", aboveLowerBound)
  }

  /// A range in words, by its bounds; nil where it has none.
  private func allowed(_ low: String?, _ high: String?, _ any: String, _ aboveLowerBound: Bool = false) -> String {
    switch (low, high) {
    case (nil, nil): "allowed: \(any)"
    case (nil, let high?): "allowed: up to \(high)"
    case (let low?, nil): "allowed: " + (aboveLowerBound ? "more than \(low)" : "\(low) or more")
    case (let low?, let high?): "allowed: " + (aboveLowerBound ? "more than \(low), up" : low) + " to \(high)"
    }
  }

  func describe(count: ClosedRange<Int>) -> String {
    if count.lowerBound == count.upperBound { return "\(count.lowerBound)" }
    return count.upperBound == Int.max ? "\(count.lowerBound) or more" : "\(count.lowerBound) to \(count.upperBound)"
  }
}
