extension JSON {
  /// The value on one line without spaces: one object per line under `--json`.
  package var compactText: String {
    var writer = JSONWriter()
    writer.compact(self)
    return String(decoding: writer.bytes, as: UTF8.self)
  }

  /// The value over several lines, two spaces per level, short arrays of plain values on one line; ends with a line
  /// feed.
  package var prettyText: String {
    var writer = JSONWriter()
    writer.pretty(self, indentation: 0)
    writer.bytes.append(UInt8(ascii: "\n"))
    return String(decoding: writer.bytes, as: UTF8.self)
  }
}

/// Writes a tree as UTF-8.
private struct JSONWriter {
  /// Arrays of plain values stay on one line up to this column.
  private static let lineWidth = 100

  var bytes: [UInt8] = []

  mutating func compact(_ value: JSON, comma: StaticString = ",", colon: StaticString = ":") {
    switch value {
    case .null: bytes += "null".utf8
    case .bool(let bool): bytes += (bool ? "true" : "false").utf8
    case .number(let number): bytes += number.literal.utf8
    case .string(let string): quoted(string)
    case .array(let items):
      bytes.append(UInt8(ascii: "["))
      for (index, item) in items.enumerated() {
        if index > 0 { append(comma) }
        compact(item, comma: comma, colon: colon)
      }
      bytes.append(UInt8(ascii: "]"))
    case .object(let object):
      bytes.append(UInt8(ascii: "{"))
      for (index, member) in object.members.enumerated() {
        if index > 0 { append(comma) }
        quoted(member.key)
        append(colon)
        compact(member.value, comma: comma, colon: colon)
      }
      bytes.append(UInt8(ascii: "}"))
    }
  }

  mutating func pretty(_ value: JSON, indentation: Int) {
    switch value {
    case .array(let items) where !items.isEmpty:
      if items.allSatisfy({ $0.array == nil && $0.object == nil }) {
        let start = bytes.count
        compact(value, comma: ", ")
        if bytes.count - start + indentation <= JSONWriter.lineWidth { return }
        bytes.removeSubrange(start...)
      }
      bytes.append(UInt8(ascii: "["))
      for (index, item) in items.enumerated() {
        newLine(after: index, indentation + 2)
        pretty(item, indentation: indentation + 2)
      }
      newLine(after: 0, indentation)
      bytes.append(UInt8(ascii: "]"))
    case .object(let object) where !object.members.isEmpty:
      bytes.append(UInt8(ascii: "{"))
      for (index, member) in object.members.enumerated() {
        newLine(after: index, indentation + 2)
        quoted(member.key)
        bytes += ": ".utf8
        pretty(member.value, indentation: indentation + 2)
      }
      newLine(after: 0, indentation)
      bytes.append(UInt8(ascii: "}"))
    default: compact(value)
    }
  }

  private mutating func newLine(after items: Int, _ indentation: Int) {
    if items > 0 { bytes.append(UInt8(ascii: ",")) }
    bytes.append(UInt8(ascii: "\n"))
    bytes += repeatElement(UInt8(ascii: " "), count: indentation)
  }

  private mutating func append(_ text: StaticString) { text.withUTF8Buffer { bytes += $0 } }

  private mutating func quoted(_ text: String) {
    bytes.append(UInt8(ascii: "\""))
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""): bytes += "\\\"".utf8
      case UInt8(ascii: "\\"): bytes += "\\\\".utf8
      case 0x08: bytes += "\\b".utf8
      case 0x09: bytes += "\\t".utf8
      case 0x0A: bytes += "\\n".utf8
      case 0x0C: bytes += "\\f".utf8
      case 0x0D: bytes += "\\r".utf8
      case 0..<0x20: bytes += "\\u00\(JSONText.hexadecimal(byte))".utf8
      default: bytes.append(byte)
      }
    }
    bytes.append(UInt8(ascii: "\""))
  }
}
