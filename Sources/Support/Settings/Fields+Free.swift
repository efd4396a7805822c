/// Settings that hold what some other program understands.
extension Fields {
  /// A whole number in `range`, or a word for nil.
  package func integer(
    _ name: String, _ value: inout Int?, in range: ClosedRange<Int>, otherwise word: String, _ help: String
  ) {
    func json(_ value: Int?) -> JSON { value.map { .integer($0) } ?? .string(word) }
    let standard = json(value)
    if let found = taken(name) {
      if found.string == word {
        value = nil
      } else if let number = checked(name, found, range, or: word) {
        value = number
      }
    }
    let schema: JSONObject = ["anyOf": .array([.object(self.schema(range)), ["const": .string(word)]])]
    add(name, json(value), standard: standard, schema, help)
  }

  /// An array of texts; one text alone stands for an array of it.
  package func texts(_ name: String, _ value: inout [String], _ help: String) {
    let standard = JSON.texts(value)
    if let found = taken(name) {
      let texts =
        found.string.map { [$0] }
        ?? found.array.flatMap { items in
          let texts = items.compactMap(\.string)
          return texts.count == items.count ? texts : nil
        }
      if let texts { value = texts } else { reject(name, "expected an array of strings, found \(found.shown)") }
    }
    add(name, .texts(value), standard: standard, ["type": "array", "items": ["type": "string"]], help)
  }

  /// An object of any members.
  package func json(_ name: String, _ value: inout JSONObject, _ help: String) {
    let standard = JSON.object(value)
    if let found = taken(name) {
      if let object = found.object { value = object } else { reject(name, "expected an object, found \(found.shown)") }
    }
    add(name, .object(value), standard: standard, ["type": "object"], help)
  }

  /// An array of anything; one value alone stands for an array of it.
  package func jsons(_ name: String, _ value: inout [JSON], _ help: String) {
    let standard = JSON.array(value)
    if let found = taken(name) { value = found.array ?? [found] }
    add(name, .array(value), standard: standard, ["type": "array"], help)
  }
}
