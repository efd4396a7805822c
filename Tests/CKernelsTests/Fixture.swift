import Foundation

/// A JSON document of Tests/Fixtures. (JSONDecoder, for JSONSerialization loses bits of numbers on Linux.)
indirect enum Fixture: Decodable {
  case number(Double)
  case text(String)
  case list([Fixture])
  case object([String: Fixture])

  /// Reads "neural/adam.json".
  static func load(_ path: String) throws -> Fixture {
    let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    let data = try Data(contentsOf: tests.appendingPathComponent("Fixtures").appendingPathComponent(path))
    return try JSONDecoder().decode(Fixture.self, from: data)
  }

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let number = try? container.decode(Double.self) {
      self = .number(number)
    } else if let text = try? container.decode(String.self) {
      self = .text(text)
    } else if let list = try? container.decode([Fixture].self) {
      self = .list(list)
    } else {
      self = .object(try container.decode([String: Fixture].self))
    }
  }

  subscript(key: String) -> Fixture {
    guard case .object(let members) = self, let member = members[key] else { fatalError("no \(key)") }
    return member
  }

  subscript(index: Int) -> Fixture { list[index] }

  var list: [Fixture] { if case .list(let list) = self { list } else { fatalError("not a list") } }
  var number: Double { if case .number(let number) = self { number } else { fatalError("not a number") } }
  var text: String { if case .text(let text) = self { text } else { fatalError("not a text") } }
  func has(_ key: String) -> Bool { if case .object(let members) = self { members[key] != nil } else { false } }

  /// All numbers below, row-major.
  var floats: [Float] {
    switch self {
    case .number(let number): [Float(number)]
    case .list(let list): list.flatMap(\.floats)
    default: fatalError("not numbers")
    }
  }
}

/// Whether `got` meets the fixtures' rule |got − want| ≤ r·(|want| + 0.05·max|want| + 1e-6) + absolute.
func agrees(_ got: [Float], _ want: [Float], r: Double, absolute: Double = 0) -> Bool {
  let largest = want.reduce(0) { max($0, abs(Double($1))) }
  return got.count == want.count
    && zip(got, want).allSatisfy { got, want in
      abs(Double(got) - Double(want)) <= r * (abs(Double(want)) + 0.05 * largest + 1e-6) + absolute
    }
}
