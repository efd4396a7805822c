/// The grammar of RFC 8259 over validated UTF-8, as a recursive descent whose depth is limited.
struct JSONGrammar {
  /// The first syntax error.
  struct Stop: Error {
    var offset: Int
    var message: String
  }

  private enum Step {
    case key(String)
    case index(Int)
  }

  private static let listedDuplicates = 100

  private let bytes: [UInt8]
  private var position = 0
  /// Where the open containers are, for the paths of duplicates, and where they started.
  private var steps: [Step] = []
  private var openings: [Int] = []
  private var duplicates: [(offset: Int, first: Int, path: String)] = []
  private(set) var duplicateCount = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  var omittedDuplicates: Int { duplicateCount - duplicates.count }

  /// One message per duplicate key, by ascending offset.
  var duplicateProblems: [(offset: Int, message: String)] {
    let firsts = duplicates.enumerated().sorted { $0.element.first < $1.element.first }
    var lines = [Int](repeating: 1, count: duplicates.count)
    var locator = JSONText.Locator(bytes)
    for (index, duplicate) in firsts { lines[index] = locator.position(of: duplicate.first).line }
    return zip(duplicates, lines).map { duplicate, line in
      (duplicate.offset, "duplicate key \(duplicate.path), first set on line \(line); remove one of them")
    }
  }

  mutating func document() throws(Stop) -> JSON {
    try skipSpace()
    if position == bytes.count { throw stop("the document is empty; expected a value such as {}") }
    let value = try value("a value")
    try skipSpace()
    if position < bytes.count { throw stop("expected nothing after the end of the document, found \(found)") }
    return value
  }

  // MARK: Values

  private mutating func value(_ expected: String) throws(Stop) -> JSON {
    guard let byte = current else { throw ended(expected) }
    switch byte {
    case UInt8(ascii: "{"): return try object()
    case UInt8(ascii: "["): return try array()
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "."), UInt8(ascii: "0")...UInt8(ascii: "9"):
      return .number(try number())
    case UInt8(ascii: "'"): throw stop("expected \(expected), found a single quote; strings need double quotes")
    case _ where JSONText.isWordByte(byte): return try word(expected)
    default: throw stop("expected \(expected), found \(found)")
    }
  }

  private mutating func object() throws(Stop) -> JSON {
    try open()
    var members: [(key: String, value: JSON)] = []
    var firsts: [String: Int] = [:]
    try skipSpace()
    if current == UInt8(ascii: "}") { return close(.object(JSONObject())) }
    while true {
      let start = position
      let key = try self.key(isFirst: members.isEmpty)
      try skipSpace()
      guard current == UInt8(ascii: ":") else {
        if current == nil { throw ended("':'") }
        throw stop("expected ':' after the key \(JSON.string(key.shortened()).compactText), found \(found)")
      }
      position += 1
      steps.append(.key(key))
      if let first = firsts.updateValue(start, forKey: key) {
        firsts[key] = first
        duplicateCount += 1
        if duplicates.count < JSONGrammar.listedDuplicates { duplicates.append((start, first, path)) }
      }
      try skipSpace()
      members.append((key, try value("a value")))
      steps.removeLast()
      if try !continues(closing: UInt8(ascii: "}")) { return close(.object(JSONObject(members))) }
    }
  }

  private mutating func key(isFirst: Bool) throws(Stop) -> String {
    let expected = isFirst ? "a key in double quotes or '}'" : "a key in double quotes"
    guard let byte = current else { throw ended(expected) }
    if byte == UInt8(ascii: "\"") { return try string() }
    if byte == UInt8(ascii: "'") {
      throw stop("expected \(expected), found a single quote; strings need double quotes")
    }
    if JSONText.isWordByte(byte) { throw stop("expected \(expected), found \(found); write \"\(found)\"") }
    throw stop("expected \(expected), found \(found)")
  }

  private mutating func array() throws(Stop) -> JSON {
    try open()
    var items: [JSON] = []
    try skipSpace()
    if current == UInt8(ascii: "]") { return close(.array([])) }
    while true {
      steps.append(.index(items.count))
      items.append(try value(items.isEmpty ? "a value or ']'" : "a value"))
      steps.removeLast()
      if try !continues(closing: UInt8(ascii: "]")) { return close(.array(items)) }
    }
  }

  private mutating func word(_ expected: String) throws(Stop) -> JSON {
    let word = JSONText.word(bytes, at: position)
    let remedy: String
    switch word {
    case "true": return take(word, .bool(true))
    case "false": return take(word, .bool(false))
    case "null": return take(word, .null)
    case "True", "TRUE", "yes", "Yes", "on", "On": remedy = "write true"
    case "False", "FALSE", "no", "No", "off", "Off": remedy = "write false"
    case "None", "NULL", "Null", "nil", "undefined": remedy = "write null"
    case _ where JSONGrammar.isNotFinite(word): throw stop(JSONGrammar.notFinite(word))
    default: remedy = "text needs double quotes: \"\(word.shortened())\""
    }
    throw stop("expected \(expected), found \(word.shortened()); \(remedy)")
  }

  private mutating func take(_ word: String, _ value: JSON) -> JSON {
    position += word.utf8.count
    return value
  }

  // MARK: Structure

  private mutating func open() throws(Stop) {
    guard openings.count < JSONParser.maximumDepth else {
      throw stop("nested deeper than \(JSONParser.maximumDepth) levels")
    }
    openings.append(position)
    position += 1
  }

  private mutating func close(_ value: JSON) -> JSON {
    openings.removeLast()
    position += 1
    return value
  }

  /// After a value: true past a comma, false before the closing bracket.
  private mutating func continues(closing: UInt8) throws(Stop) -> Bool {
    try skipSpace()
    let bracket = "'\(Character(Unicode.Scalar(closing)))'"
    guard let byte = current else { throw ended("',' or \(bracket)") }
    if byte == closing { return false }
    guard byte == UInt8(ascii: ",") else {
      let startsValue = JSONText.isWordByte(byte) || "\"{[".utf8.contains(byte)
      throw stop("expected ',' or \(bracket), found \(found)\(startsValue ? "; is a comma missing?" : "")")
    }
    let comma = position
    position += 1
    try skipSpace()
    if current == closing { throw Stop(offset: comma, message: "comma before \(bracket); remove the comma") }
    return true
  }

  private mutating func skipSpace() throws(Stop) {
    while let byte = current {
      switch byte {
      case 0x20, 0x09, 0x0A, 0x0D: position += 1
      case UInt8(ascii: "#"), UInt8(ascii: "/"): throw stop("JSON has no comments; remove the comment")
      default: return
      }
    }
  }

  // MARK: Messages

  private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

  private var found: String { JSONText.description(of: bytes, at: position) }

  private var path: String {
    steps.reduce("") { outer, step in
      switch step {
      case .key(let key): JSONText.path(outer, key: key)
      case .index(let index): "\(outer)[\(index)]"
      }
    }
  }

  private func stop(_ message: String) -> Stop { Stop(offset: position, message: message) }

  /// The document ends where something was still expected.
  private func ended(_ expected: String) -> Stop {
    guard let opening = openings.last else { return stop("expected \(expected), found the end of the document") }
    var locator = JSONText.Locator(bytes)
    let (line, column) = locator.position(of: opening)
    let kind = bytes[opening] == UInt8(ascii: "{") ? "object" : "array"
    return stop("the document ends inside the \(kind) of line \(line), column \(column); expected \(expected)")
  }

  static func isNotFinite(_ word: String) -> Bool {
    ["nan", "inf", "infinity"].contains(word.drop { $0 == "-" || $0 == "+" }.lowercased())
  }

  static func notFinite(_ word: String) -> String { "JSON has no \(word); use a finite number or leave the key out" }
}

// MARK: - Strings and numbers

extension JSONGrammar {
  /// A string, from its opening quote.
  private mutating func string() throws(Stop) -> String {
    let opening = position
    position += 1
    var start = position
    var decoded: [UInt8] = []
    while let byte = current {
      switch byte {
      case UInt8(ascii: "\""):
        defer { position += 1 }
        if decoded.isEmpty { return String(decoding: bytes[start..<position], as: UTF8.self) }
        return String(decoding: decoded + bytes[start..<position], as: UTF8.self)
      case UInt8(ascii: "\\"):
        decoded += bytes[start..<position]
        decoded += String(Character(try escape())).utf8
        start = position
      case 0x0A, 0x0D: throw stop("line break inside a string; close it with \" or write \\n")
      case 0..<0x20:
        let code = JSONText.hexadecimal(byte)
        throw stop("control character U+00\(code) inside a string; write \(byte == 9 ? "\\t" : "\\u00\(code)")")
      default: position += 1
      }
    }
    var locator = JSONText.Locator(bytes)
    let (line, column) = locator.position(of: opening)
    throw stop("the document ends inside the string of line \(line), column \(column); expected '\"'")
  }

  /// One escape sequence, from its backslash; two where they are a surrogate pair.
  private mutating func escape() throws(Stop) -> Unicode.Scalar {
    let start = position
    position += 1
    guard let byte = current else { throw ended("an escape sequence and '\"'") }
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{C}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"): break
    default:
      let name = JSONText.description(of: bytes, at: start + 1)
      throw Stop(offset: start, message: "unknown escape \\ before \(name); write \\\\ for a backslash")
    }
    let first = try hexadecimalQuad(start)
    if let scalar = Unicode.Scalar(first) { return scalar }
    let unpaired = Stop(
      offset: start, message: "half of a surrogate pair (\\u\(String(first, radix: 16, uppercase: true))); write both")
    let second = position
    guard first < 0xDC00, bytes.count - position >= 2, bytes[position] == UInt8(ascii: "\\"),
      bytes[position + 1] == UInt8(ascii: "u")
    else { throw unpaired }
    position += 2
    let low = try hexadecimalQuad(second)
    guard low & 0xFC00 == 0xDC00, let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (low - 0xDC00))
    else { throw unpaired }
    return scalar
  }

  private mutating func hexadecimalQuad(_ start: Int) throws(Stop) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard let byte = current, let digit = Character(Unicode.Scalar(byte)).hexDigitValue, byte < 0x80 else {
        throw Stop(offset: start, message: "\\u needs four hexadecimal digits")
      }
      value = value << 4 | UInt32(digit)
      position += 1
    }
    return value
  }

  /// A number, kept as it is written.
  private mutating func number() throws(Stop) -> JSONNumber {
    let start = position
    if let fault = numberFault() {
      let text = JSONText.word(bytes, at: start)
      position = start
      if JSONGrammar.isNotFinite(text) { throw stop(JSONGrammar.notFinite(text)) }
      throw stop("malformed number \(text.shortened()): \(fault)")
    }
    return JSONNumber(literal: String(decoding: bytes[start..<position], as: UTF8.self))
  }

  /// Moves past a number; says what is wrong with it.
  private mutating func numberFault() -> String? {
    if current == UInt8(ascii: "+") { return "remove the +" }
    if current == UInt8(ascii: "-") { position += 1 }
    let first = position
    if current == UInt8(ascii: ".") { return "write 0 before the point" }
    guard skipDigits() else { return "expected a digit after the -" }
    if bytes[first] == UInt8(ascii: "0"), position - first > 1 { return "remove every leading 0" }
    if current == UInt8(ascii: ".") {
      position += 1
      guard skipDigits() else { return "expected a digit after the point" }
    }
    if current == UInt8(ascii: "e") || current == UInt8(ascii: "E") {
      position += 1
      if current == UInt8(ascii: "+") || current == UInt8(ascii: "-") { position += 1 }
      guard skipDigits() else { return "expected digits after the e" }
    }
    if let byte = current, JSONText.isWordByte(byte) {
      return "expected its end before '\(Character(Unicode.Scalar(byte)))'"
    }
    return nil
  }

  /// Whether there was at least one digit.
  private mutating func skipDigits() -> Bool {
    let start = position
    while let byte = current, UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte { position += 1 }
    return position > start
  }
}
