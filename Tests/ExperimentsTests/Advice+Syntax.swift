import Foundation
import Support

extension Advice {
  /// What a message on the text of a file proposes, done to that text; empty where it proposes nothing that these rules
  /// know. `message` begins with "line L, column C: " where it has a place.
  static func rewritings(of bytes: [UInt8], for message: String) -> [Change] {
    if let example = message.firstMatch(of: /JSON, as in (\{.*\})$/) { return [.text(Array(example.1.utf8))] }
    if message.contains("UTF-8") { return asUTF8(bytes, message).map { [.text($0)] } ?? [] }
    guard let place = message.firstMatch(of: #/^line (\d+), column (\d+): /#), let line = Int(place.1),
      let column = Int(place.2)
    else { return [] }
    let text = String(decoding: bytes, as: UTF8.self)
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { Array($0.unicodeScalars) }
    guard lines.indices.contains(line - 1) else { return [] }
    func rewritten(_ change: (inout [Unicode.Scalar]) -> Void) -> [Change] {
      change(&lines[line - 1])
      let joined = lines.map { line in String(String.UnicodeScalarView(line)) }.joined(separator: "\n")
      return [.text(Array(joined.utf8))]
    }
    let at = min(column - 1, lines[line - 1].count)
    func replace(_ found: some StringProtocol, by new: some StringProtocol) -> [Change] {
      rewritten { $0.replaceSubrange(at..<min(at + found.unicodeScalars.count, $0.count), with: new.unicodeScalars) }
    }
    if message.contains("no comments") { return rewritten { remark(&$0, at) } }
    if message.contains("duplicate key") {
      // What stood under the key before is the one that stays.
      if lines[line - 2].last == "," { lines[line - 2].removeLast() }
      return rewritten { removeMember(&$0, at) }
    }
    if message.contains("every leading 0") { return rewritten { while $0[at] == "0" { $0.remove(at: at) } } }
    if message.contains("strings need double quotes") {
      return rewritten { $0 = $0.map { $0 == "'" ? "\"" : $0 } }
    }
    if message.contains("remove the comma") || message.contains("remove the +") {
      return rewritten { $0.remove(at: at) }
    }
    if message.contains("before the point") { return rewritten { $0.insert("0", at: at) } }
    if message.contains("is a comma missing") { return rewritten { $0.insert(",", at: at) } }
    if message.contains("the document is empty") { return [.text(Array("{}".utf8))] }
    if let number = message.firstMatch(of: /JSON has no (\S+);/) { return replace(number.1, by: "0.5") }
    if let word = message.firstMatch(of: /found (\S+); write (.+)$/) { return replace(word.1, by: word.2) }
    if message.contains("write \\\\ for a backslash") { return rewritten { $0.insert("\\", at: at) } }
    if message.contains("write \\u0000") { return replace(" ", by: "\\u0000") }
    if message.contains("write both") { return replace("\\ud83d", by: "\\ud83d\\ude00") }
    return []
  }

  /// Takes out `"key": value` and the comma after it.
  private static func removeMember(_ line: inout [Unicode.Scalar], _ start: Int) {
    var (depth, end, isText) = (0, start, false)
    while end < line.count {
      if line[end] == "\"" { isText.toggle() }
      if !isText, "[{".unicodeScalars.contains(line[end]) { depth += 1 }
      if !isText, "]}".unicodeScalars.contains(line[end]) { depth -= 1 }
      if depth < 0 || depth == 0 && !isText && line[end] == "," { break }
      end += 1
    }
    line.removeSubrange(start..<end)
  }

  private static func remark(_ line: inout [Unicode.Scalar], _ start: Int) {
    let text = String(String.UnicodeScalarView(line[start...]))
    let end = text.firstRange(of: "*/").map { text.unicodeScalars.distance(from: text.startIndex, to: $0.upperBound) }
    line.removeSubrange(start..<(end.map { start + $0 } ?? line.count))
  }

  /// The file saved again as UTF-8 without a byte order mark; nil of bytes that are no text in any encoding named.
  private static func asUTF8(_ bytes: [UInt8], _ message: String) -> [UInt8]? {
    let encoding: String.Encoding =
      message.contains("UTF-16 (big")
      ? .utf16BigEndian
      : message.contains("UTF-16") ? .utf16LittleEndian : message.contains("UTF-32") ? .utf32 : .isoLatin1
    if message.contains("starts with a byte order mark") { return Array(bytes.dropFirst(3)) }
    guard let text = String(data: Data(bytes), encoding: encoding) else { return nil }
    return Array(text.filter { $0 != "\u{FEFF}" }.utf8)
  }
}
