/// Lists of numbers as people write them where JSON wants an array: "64,64", "[64 64]", "64 64".
package enum ListText {
  /// The same list as JSON, without spaces ("[64,64]"), so that no shell splits it; nil where it is no such list, or
  /// ends in the middle.
  package static func literal(_ text: String) -> String? {
    let opens = text.contains("["), closes = text.contains("]")
    guard opens == closes else { return nil }
    let words = text.split { $0.isWhitespace || "[],;".contains($0) }
    let numbers = words.compactMap { word -> JSON? in
      guard let value = try? JSONParser.parse(String(word)), case .number = value else { return nil }
      return value
    }
    guard !numbers.isEmpty, numbers.count == words.count else { return nil }
    return JSON.array(numbers).compactText
  }
}
