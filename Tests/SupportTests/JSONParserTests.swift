import Support
import TestSupport
import Testing

struct JSONParserTests {
  /// Every mistake with the whole text of its message.
  static let mistakes: [(text: String, message: String)] = [
    ("", "line 1, column 1: the document is empty; expected a value such as {}"),
    (" \n ", "line 2, column 2: the document is empty; expected a value such as {}"),
    (
      "{",
      "line 1, column 2: the document ends inside the object of line 1, column 1; expected a key in double quotes or '}'"
    ),
    ("{\"a\"", "line 1, column 5: the document ends inside the object of line 1, column 1; expected ':'"),
    ("{\"a\":", "line 1, column 6: the document ends inside the object of line 1, column 1; expected a value"),
    (
      "{\"a\": 1,",
      "line 1, column 9: the document ends inside the object of line 1, column 1; expected a key in double quotes"
    ),
    (
      "{\n  \"a\": [1, 2",
      "line 2, column 13: the document ends inside the array of line 2, column 8; expected ',' or ']'"
    ),
    ("{\"abc", "line 1, column 6: the document ends inside the string of line 1, column 2; expected '\"'"),
    (
      "{\"a\": \"x\\",
      "line 1, column 10: the document ends inside the object of line 1, column 1; expected an escape sequence and '\"'"
    ),
    ("{\"a\": 1,}", "line 1, column 8: comma before '}'; remove the comma"),
    ("[1, 2, ]", "line 1, column 6: comma before ']'; remove the comma"),
    ("[,1]", "line 1, column 2: expected a value or ']', found ','"),
    ("[1,,2]", "line 1, column 4: expected a value, found ','"),
    ("[1 2]", "line 1, column 4: expected ',' or ']', found 2; is a comma missing?"),
    ("{\"a\": 1\n \"b\": 2}", "line 2, column 2: expected ',' or '}', found a string; is a comma missing?"),
    ("{\"a\" = 1}", "line 1, column 6: expected ':' after the key \"a\", found '='"),
    ("{a: 1}", "line 1, column 2: expected a key in double quotes or '}', found a; write \"a\""),
    (
      "{'a': 1}",
      "line 1, column 2: expected a key in double quotes or '}', found a single quote; strings need double quotes"
    ),
    ("{\"a\": 'x'}", "line 1, column 7: expected a value, found a single quote; strings need double quotes"),
    ("{\"a\": sac}", "line 1, column 7: expected a value, found sac; text needs double quotes: \"sac\""),
    ("{\"a\": True}", "line 1, column 7: expected a value, found True; write true"),
    ("{\"a\": None}", "line 1, column 7: expected a value, found None; write null"),
    ("{\"a\": NaN}", "line 1, column 7: JSON has no NaN; use a finite number or leave the key out"),
    ("[-Infinity]", "line 1, column 2: JSON has no -Infinity; use a finite number or leave the key out"),
    ("[Infinity]", "line 1, column 2: JSON has no Infinity; use a finite number or leave the key out"),
    ("[012]", "line 1, column 2: malformed number 012: remove every leading 0"),
    ("[-012]", "line 1, column 2: malformed number -012: remove every leading 0"),
    ("[+1]", "line 1, column 2: malformed number +1: remove the +"),
    ("[.5]", "line 1, column 2: malformed number .5: write 0 before the point"),
    ("[-.5]", "line 1, column 2: malformed number -.5: write 0 before the point"),
    ("[5.]", "line 1, column 2: malformed number 5.: expected a digit after the point"),
    ("[-]", "line 1, column 2: malformed number -: expected a digit after the -"),
    ("[1e]", "line 1, column 2: malformed number 1e: expected digits after the e"),
    ("[1e+]", "line 1, column 2: malformed number 1e+: expected digits after the e"),
    ("[0x10]", "line 1, column 2: malformed number 0x10: expected its end before 'x'"),
    ("[1_000]", "line 1, column 2: malformed number 1_000: expected its end before '_'"),
    ("[1.2.3]", "line 1, column 2: malformed number 1.2.3: expected its end before '.'"),
    ("{} // done", "line 1, column 4: JSON has no comments; remove the comment"),
    ("{\n# a\n}", "line 2, column 1: JSON has no comments; remove the comment"),
    ("{} {}", "line 1, column 4: expected nothing after the end of the document, found an object"),
    ("1 2", "line 1, column 3: expected nothing after the end of the document, found 2"),
    ("\"a\nb\"", "line 1, column 3: line break inside a string; close it with \" or write \\n"),
    ("\"a\tb\"", "line 1, column 3: control character U+0009 inside a string; write \\t"),
    ("\"\u{1}\"", "line 1, column 2: control character U+0001 inside a string; write \\u0001"),
    ("\"\\x\"", "line 1, column 2: unknown escape \\ before x; write \\\\ for a backslash"),
    ("\"\\u12g4\"", "line 1, column 2: \\u needs four hexadecimal digits"),
    ("\"\\uD800\"", "line 1, column 2: half of a surrogate pair (\\uD800); write both"),
    ("\"\\uD800\\u0041\"", "line 1, column 2: half of a surrogate pair (\\uD800); write both"),
    ("\"\\uDC00\"", "line 1, column 2: half of a surrogate pair (\\uDC00); write both"),
    (
      "{\u{201C}a\u{201D}: 1}",
      "line 1, column 2: expected a key in double quotes or '}', found a typographic quote; use \""
    ),
    ("[1,\u{A0}2]", "line 1, column 4: expected a value, found an invisible character (U+A0)"),
    ("[\"é\", x]", "line 1, column 7: expected a value, found x; text needs double quotes: \"x\""),
    ("[1,\r\n2,\rx]", "line 3, column 1: expected a value, found x; text needs double quotes: \"x\""),
    (
      "{\"a\": 1, \"b\": {\"c\": 1, \"c\": 2},\n\"a\": 2}",
      """
      line 1, column 24: duplicate key b.c, first set on line 1; remove one of them
      line 2, column 1: duplicate key a, first set on line 1; remove one of them
      """
    ),
    (
      "[{\"x y\": 1,\n\"x y\": 2}, nan]",
      """
      line 2, column 1: duplicate key [0]."x y", first set on line 1; remove one of them
      line 2, column 12: JSON has no nan; use a finite number or leave the key out
      """
    ),
    ("{\"\\u0061\": 1, \"a\": 2}", "line 1, column 15: duplicate key a, first set on line 1; remove one of them"),
  ]

  @Test(arguments: mistakes.indices)
  func everyMistakeIsNamed(index: Int) {
    let (text, message) = JSONParserTests.mistakes[index]
    let error = #expect(throws: JSONError.self) { try JSONParser.parse(text) }
    #expect(error?.description == message)
  }

  @Test func wrongEncodingsAreNamed() {
    let cases: [([UInt8], String)] = [
      ([0xFF, 0xFE, 0x7B, 0], "the document is UTF-16 (little endian); save the file as UTF-8"),
      ([0xFE, 0xFF, 0, 0x7B], "the document is UTF-16 (big endian); save the file as UTF-8"),
      ([0x7B, 0, 0x7D, 0], "the document is UTF-16 (little endian); save the file as UTF-8"),
      ([0, 0x7B, 0, 0x7D], "the document is UTF-16 (big endian); save the file as UTF-8"),
      ([0xFF, 0xFE, 0, 0], "the document is UTF-32; save the file as UTF-8"),
      ([0x7B, 0, 0, 0], "the document is UTF-32; save the file as UTF-8"),
      ([0x22, 0xE9, 0x22], "invalid UTF-8 (byte 0xE9); save the file as UTF-8"),
      ([0x22, 0xC0, 0x80, 0x22], "invalid UTF-8 (byte 0xC0); save the file as UTF-8"),
      ([0x22, 0xED, 0xA0, 0x80, 0x22], "invalid UTF-8 (byte 0xED); save the file as UTF-8"),
      ([0x22, 0xF4, 0x90, 0x80, 0x80, 0x22], "invalid UTF-8 (byte 0xF4); save the file as UTF-8"),
      ([0x22, 0xE2, 0x82], "invalid UTF-8 (byte 0xE2); save the file as UTF-8"),
      ([0x22, 0xFF], "invalid UTF-8 (byte 0xFF); save the file as UTF-8"),
    ]
    for (bytes, message) in cases {
      let error = #expect(throws: JSONError.self) { try JSONParser.parse(bytes) }
      #expect(error?.problems.first?.message == message)
    }
  }

  @Test func valuesAreKeptAsWritten() throws {
    let tree = try JSONParser.parse(
      #"{"z": 1e6, "a": [true, false, null, -0.50, "\u00e9\ud83d\ude00\n\/\"\\"], "": {}}"#)
    let object = try #require(tree.object)
    #expect(object.members.map(\.key) == ["z", "a", ""])
    #expect(object["z"] == .number(JSONNumber(literal: "1e6")))
    #expect(object["a"]?.array?[3] == .number(JSONNumber(literal: "-0.50")))
    #expect(object["a"]?.array?[4] == .string("é😀\n/\"\\"))
    #expect(object[""] == .object(JSONObject()))
  }

  @Test func depthIsLimited() throws {
    let deep = String(repeating: "[", count: 64) + String(repeating: "]", count: 64)
    _ = try JSONParser.parse(deep)
    let error = #expect(throws: JSONError.self) { try JSONParser.parse("[" + deep + "]") }
    #expect(error?.description == "line 1, column 65: nested deeper than 64 levels")
    #expect(throws: JSONError.self) { try JSONParser.parse([UInt8](repeating: UInt8(ascii: "["), count: 1_000_000)) }
  }

  @Test func sizeIsLimitedBeforeReading() throws {
    let folder = TemporaryFolder()
    let path = folder.write("{}", to: "large.json")
    let file = try OpenFile.updating(path)
    try file.truncate(to: 1 << 40)  // a hole: no disk space
    let error = #expect(throws: JSONFileError.self) { try JSONParser.read(path) }
    #expect(error?.description == "cannot read \(path): larger than 16 MB")
    let inMemory = #expect(throws: JSONError.self) { try JSONParser.parse(Array("[1,2]".utf8), maximumBytes: 4) }
    #expect(inMemory?.description == "line 1, column 1: the document is larger than 4 bytes")
  }

  @Test func filesAreNamedInMessages() {
    let folder = TemporaryFolder()
    let path = folder.write("{\"a\": 1, \"a\": 2, b}", to: "a.json")
    let error = #expect(throws: JSONFileError.self) { try JSONParser.read(path) }
    #expect(
      error?.description == """
        \(path): line 1, column 10: duplicate key a, first set on line 1; remove one of them
        \(path): line 1, column 18: expected a key in double quotes, found b; write "b"
        """)
    let missing = #expect(throws: JSONFileError.self) { try JSONParser.read(folder.file("none.json")) }
    #expect(missing?.description == "cannot open \(folder.file("none.json")): No such file or directory")
    let isFolder = #expect(throws: JSONFileError.self) { try JSONParser.read(folder.path) }
    #expect(isFolder?.description == "cannot read \(folder.path): Is a directory")
  }

  /// Quadratic work would take minutes here.
  @Test(.timeLimit(.minutes(1))) func largeDocumentsTakeLinearTime() throws {
    let keys = (0..<300_000).map { "\"k\($0)\":\($0)" }.joined(separator: ",")
    #expect(try JSONParser.parse("{" + keys + "}").object?.members.count == 300_000)
    let repeated = "{" + [String](repeating: "\"a\":1", count: 300_000).joined(separator: ",\n") + "}"
    let error = #expect(throws: JSONError.self) { try JSONParser.parse(repeated) }
    #expect(error?.problems.count == 100)
    #expect(error?.omitted == 299_899)
    #expect(error?.description.hasSuffix("\nand 299899 more duplicate keys") == true)
    #expect(error?.problems.last?.line == 101)
  }

  @Test func damagedDocumentsNeverTrap() throws {
    let samples = [
      #"{"agent": {"type": "mbpo", "rate": 3e-4, "hidden": [200, 200, 200]}, "seed": 7, "name": "é😀\u0041"}"#,
      #"[[[]],{"a":{"b":[1.5e-300,-0,null,true]}},"\ud83d\ude00\\\"\n"]"#, "{\n  \"x\": 1,\r\n  \"y\": [ ]\n}\n",
    ].map { Array($0.utf8) }
    var accepted = 0
    forMutations(of: samples, count: 30_000, seed: 1, alphabet: "{}[]\",:\\eE+-.0123456789tfnu \n\u{7F}é") { bytes in
      do throws(JSONError) {
        let tree = try JSONParser.parse(bytes)
        accepted += 1
        // Whatever is accepted reads the same from what the writer makes of it.
        #expect(try! JSONParser.parse(tree.compactText) == tree)
      } catch {
        #expect(!error.problems.isEmpty && error.problems.allSatisfy { $0.line >= 1 && $0.column >= 1 })
      }
    }
    #expect(accepted > 500 && accepted < 29_000)
  }
}
