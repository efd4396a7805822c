/// What a reader of JSON needs to know of text below the grammar: encodings, positions, and words for messages.
enum JSONText {
  /// Why the first bytes are not those of a UTF-8 document, and what to do about it.
  static func encodingFault(_ bytes: [UInt8]) -> String? {
    let start = Array(bytes.prefix(4)) + [UInt8](repeating: 0xFF, count: 4)
    switch (start[0], start[1], start[2], start[3]) {
    case (0xFF, 0xFE, 0, 0), (0, 0, 0xFE, 0xFF): return "the document is UTF-32; save the file as UTF-8"
    case (0xFF, 0xFE, _, _) where bytes.count >= 2:
      return "the document is UTF-16 (little endian); save the file as UTF-8"
    case (0xFE, 0xFF, _, _): return "the document is UTF-16 (big endian); save the file as UTF-8"
    case (1...0x7F, 0, 0, 0), (0, 0, 0, 1...0x7F): return "the document is UTF-32; save the file as UTF-8"
    case (1...0x7F, 0, _, _): return "the document is UTF-16 (little endian); save the file as UTF-8"
    case (0, 1...0x7F, _, _): return "the document is UTF-16 (big endian); save the file as UTF-8"
    default: return nil
    }
  }

  /// The offset of the first byte that is not part of well-formed UTF-8 (Unicode, table 3-7).
  static func invalidUTF8(_ bytes: [UInt8]) -> Int? {
    var index = 0
    let count = bytes.count
    while index < count {
      let lead = bytes[index]
      if lead < 0x80 {
        index += 1
        continue
      }
      let length: Int
      var second: ClosedRange<UInt8> = 0x80...0xBF
      switch lead {
      case 0xC2...0xDF: length = 2
      case 0xE0: (length, second) = (3, 0xA0...0xBF)
      case 0xED: (length, second) = (3, 0x80...0x9F)
      case 0xE1...0xEF: length = 3
      case 0xF0: (length, second) = (4, 0x90...0xBF)
      case 0xF1...0xF3: length = 4
      case 0xF4: (length, second) = (4, 0x80...0x8F)
      default: return index
      }
      guard index + length <= count, second.contains(bytes[index + 1]) else { return index }
      for next in index + 2..<max(index + 2, index + length) where bytes[next] & 0xC0 != 0x80 { return index }
      index += length
    }
    return nil
  }

  /// Lines and columns of ascending offsets, in one pass over the bytes. Lines end at LF, CR or CRLF.
  struct Locator {
    private let bytes: [UInt8]
    private var offset = 0
    private var line = 1
    private var column = 1

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func position(of target: Int) -> (line: Int, column: Int) {
      if target < offset { (offset, line, column) = (0, 1, 1) }
      while offset < min(target, bytes.count) {
        let byte = bytes[offset]
        offset += 1
        let isReturnBeforeFeed = byte == 0x0D && offset < bytes.count && bytes[offset] == 0x0A
        if (byte == 0x0A || byte == 0x0D) && !isReturnBeforeFeed {
          line += 1
          column = 1
        } else if byte & 0xC0 != 0x80 && !isReturnBeforeFeed {
          column += 1
        }
      }
      return (line, column)
    }
  }

  /// What stands at an offset, for "found …".
  static func description(of bytes: [UInt8], at offset: Int) -> String {
    guard offset < bytes.count else { return "the end of the document" }
    let byte = bytes[offset]
    if isWordByte(byte) { return word(bytes, at: offset).shortened() }
    if byte < 0x20 || byte == 0x7F { return "control character U+00" + hexadecimal(byte) }
    let scalar = String(decoding: bytes[offset..<min(bytes.count, offset + 4)], as: UTF8.self).unicodeScalars.first!
    switch scalar {
    case "\u{201C}", "\u{201D}", "\u{2018}", "\u{2019}", "\u{201E}": return "a typographic quote; use \""
    case "\u{A0}", "\u{FEFF}", "\u{200B}":
      return "an invisible character (U+\(String(scalar.value, radix: 16, uppercase: true)))"
    case "\"": return "a string"
    case "{": return "an object"
    case "[": return "an array"
    default: return "'\(Character(scalar))'"
    }
  }

  /// The letters, digits and signs from an offset on: what a person sees as one word or number.
  static func word(_ bytes: [UInt8], at offset: Int) -> String {
    var end = offset
    while end < bytes.count, end - offset < 200, isWordByte(bytes[end]) { end += 1 }
    return String(decoding: bytes[offset..<end], as: UTF8.self)
  }

  static func isWordByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "$"), UInt8(ascii: "+"),
      UInt8(ascii: "-"), UInt8(ascii: "."):
      true
    default: false
    }
  }

  static func hexadecimal(_ byte: UInt8) -> String { (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true) }

  /// "a.b[2]"; a key that would not read as one stands in quotes.
  static func path(_ outer: String, key: String) -> String {
    let isPlain = !key.isEmpty && key.utf8.allSatisfy { isWordByte($0) && $0 != UInt8(ascii: ".") }
    let name = isPlain ? key.shortened() : JSON.string(key.shortened()).compactText
    return outer.isEmpty ? name : "\(outer).\(name)"
  }
}
