/// A strict reader of JSON (RFC 8259). It takes any bytes, and whatever is wrong with them is said with line and
/// column, with what was expected, and with what to do about it.
package enum JSONParser {
  /// Objects and arrays may stand in one another this deep.
  package static let maximumDepth = 64
  /// The largest document read from a file: 16 MB.
  package static let maximumBytes = 16 << 20

  /// UTF-8's byte order mark, which some editors put before a document.
  private static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]

  /// Reads one document; a byte order mark before it counts for nothing.
  package static func parse(_ bytes: [UInt8], maximumBytes: Int = maximumBytes) throws(JSONError) -> JSON {
    let bytes = bytes.starts(with: byteOrderMark) ? Array(bytes.dropFirst(byteOrderMark.count)) : bytes
    guard bytes.count <= maximumBytes else {
      throw JSONError(1, 1, "the document is larger than \(FileSystem.byteCount(maximumBytes))")
    }
    if let message = JSONText.encodingFault(bytes) { throw JSONError(1, 1, message) }
    if let offset = JSONText.invalidUTF8(bytes) {
      let byte = "0x" + String(bytes[offset], radix: 16, uppercase: true)
      throw JSONError(bytes, [(offset, "invalid UTF-8 (byte \(byte)); save the file as UTF-8")])
    }
    var grammar = JSONGrammar(bytes)
    let document: JSON
    do throws(JSONGrammar.Stop) {
      document = try grammar.document()
    } catch {
      let found = grammar.duplicateProblems + [(error.offset, error.message)]
      throw JSONError(bytes, found, omitted: grammar.omittedDuplicates)
    }
    guard grammar.duplicateCount == 0 else {
      throw JSONError(bytes, grammar.duplicateProblems, omitted: grammar.omittedDuplicates)
    }
    return document
  }

  /// Reads one document from a string.
  package static func parse(_ text: String) throws(JSONError) -> JSON { try parse(Array(text.utf8)) }

  /// Reads a file of at most `maximumBytes`; a larger one is refused before it is read.
  package static func read(_ path: String) throws(JSONFileError) -> JSON {
    let bytes = try rethrow(FileSystem.read(path, limit: maximumBytes), as: JSONFileError.file)
    return try rethrow(parse(bytes)) { JSONFileError.syntax(path: path, $0) }
  }
}

/// What is wrong with a JSON document.
package struct JSONError: Error, Equatable, Sendable, CustomStringConvertible {
  /// One mistake: lines and columns count from 1, columns in characters (Unicode scalars).
  package struct Problem: Equatable, Sendable, CustomStringConvertible {
    /// From 1; lines end at LF, CR or CRLF.
    package var line: Int
    package var column: Int
    /// What was found and expected, and what to do about it.
    package var message: String

    package var description: String { "line \(line), column \(column): \(message)" }
  }

  /// Never empty: every duplicate key up to the first syntax error, and that error.
  package var problems: [Problem]
  /// How many more duplicate keys there are beyond those listed.
  package var omitted = 0

  init(_ line: Int, _ column: Int, _ message: String) {
    problems = [Problem(line: line, column: column, message: message)]
  }

  /// Problems by byte offset, in ascending order.
  init(_ bytes: [UInt8], _ found: [(offset: Int, message: String)], omitted: Int = 0) {
    var locator = JSONText.Locator(bytes)
    problems = found.map { offset, message in
      let (line, column) = locator.position(of: offset)
      return Problem(line: line, column: column, message: message)
    }
    self.omitted = omitted
  }

  package var description: String {
    let lines = problems.map(\.description) + (omitted > 0 ? ["and \(omitted) more duplicate keys"] : [])
    return lines.joined(separator: "\n")
  }
}

/// Why a JSON file could not be read.
package enum JSONFileError: Error, Equatable, Sendable, CustomStringConvertible {
  case file(FileError)
  case syntax(path: String, JSONError)

  package var description: String {
    switch self {
    case .file(let error): error.description
    case .syntax(let path, let error):
      error.description.split(separator: "\n").map { "\(path): \($0)" }.joined(separator: "\n")
    }
  }
}
