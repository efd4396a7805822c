import Support
import Testing

struct JSONWriterTests {
  let tree = JSON.object(
    JSONObject([
      ("name", .string("a\"b\\c\u{1}\n\té😀")), ("hidden", .array([.integer(200), .integer(200)])),
      ("empty", .array([])), ("none", .object(JSONObject())),
      ("nested", .array([.object(JSONObject([("x", .null), ("y", .bool(true))])), .integer(1)])),
      ("long", .array((0..<60).map { .integer($0 + 1000) })),
    ]))

  @Test func prettyText() {
    let long = (0..<60).map { "    \($0 + 1000)" }.joined(separator: ",\n")
    #expect(
      tree.prettyText == """
        {
          "name": "a\\"b\\\\c\\u0001\\n\\té😀",
          "hidden": [200, 200],
          "empty": [],
          "none": {},
          "nested": [
            {
              "x": null,
              "y": true
            },
            1
          ],
          "long": [
        \(long)
          ]
        }

        """)
  }

  @Test func compactText() {
    var short = tree.object!
    short["long"] = nil
    #expect(
      JSON.object(short).compactText
        == #"{"name":"a\"b\\c\u0001\n\té😀","hidden":[200,200],"empty":[],"none":{},"nested":[{"x":null,"y":true},1]}"#)
  }

  @Test func bothReadBack() throws {
    #expect(try JSONParser.parse(tree.prettyText) == tree)
    #expect(try JSONParser.parse(tree.compactText) == tree)
  }

  @Test func doublesReadBackExactly() throws {
    var random = RandomStream(seed: 3)
    var values: [Double] = [
      0, -0.0, 0.1, 1.0 / 3, .leastNonzeroMagnitude, .greatestFiniteMagnitude, 1e15, 1e16, 123456789012345680,
      0.30000000000000004,
      2.2250738585072014e-308, 9007199254740992, 1e22, -1.7976931348623157e308,
    ]
    while values.count < 5000 {
      let value = Double(bitPattern: random.nextBits())
      if value.isFinite { values.append(value) }
    }
    for value in values {
      let read = try JSONParser.parse(JSON.number(JSONNumber(value)).compactText).double
      #expect(read?.bitPattern == value.bitPattern)
    }
    #expect(JSONNumber(0.1).literal == "0.1")
    #expect(JSONNumber(3.0).literal == "3")
    #expect(JSONNumber(-0.0).literal == "-0.0")
    #expect(JSON.finite(.nan) == .null)
    #expect(JSON.finite(.infinity) == .null)
    #expect(JSON.finite(0.5).compactText == "0.5")
  }

  @Test(
    arguments: [
      ("1e6", 1_000_000), ("3.0", 3), ("-2.50e1", -25), ("0e999999999999999999999", 0), ("-0.000", 0),
      ("1e18", Int(1e18)),
      ("9223372036854775807", Int.max), ("-9223372036854775808", Int.min), ("922337203685477580.7e1", Int.max),
      ("9007199254740993.0", 9_007_199_254_740_993), ("0.000001e6", 1),
      ("1.5", nil), ("1e-1", nil), ("9223372036854775808", nil), ("1e19", nil), ("1e400", nil),
      ("1.0000000000000000001", nil), ("1e99999999999999999999", nil), ("1e-99999999999999999999", nil),
    ] as [(String, Int?)])
  func wholeNumbersAreExact(literal: String, value: Int?) {
    #expect(JSONNumber(literal: literal).integerValue == value)
  }

  @Test func overflowIsNoDouble() {
    #expect(JSONNumber(literal: "1e400").doubleValue == nil)
    #expect(JSONNumber(literal: "-1e400").doubleValue == nil)
    #expect(JSONNumber(literal: "1e-400").doubleValue == 0)
  }
}
