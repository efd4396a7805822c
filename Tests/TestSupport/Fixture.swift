import Foundation

/// A JSON value of a golden-data file. Decoded by `JSONDecoder`, which keeps every bit of a number.
package indirect enum Fixture: Decodable, Sendable {
  case number(Double)
  case text(String)
  case list([Fixture])
  case object([String: Fixture])

  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let number = try? container.decode(Double.self) {
      self = .number(number)
    } else if let flag = try? container.decode(Bool.self) {
      self = .number(flag ? 1 : 0)
    } else if let text = try? container.decode(String.self) {
      self = .text(text)
    } else if let list = try? container.decode([Fixture].self) {
      self = .list(list)
    } else {
      self = .object(try container.decode([String: Fixture].self))
    }
  }

  /// Tests/Fixtures/neural/NAME.json
  package static func load(_ name: String, file: String = #filePath) throws -> Fixture {
    let tests = URL(fileURLWithPath: file).deletingLastPathComponent().deletingLastPathComponent()
    let url = tests.appendingPathComponent("Fixtures/neural/\(name).json")
    return try JSONDecoder().decode(Fixture.self, from: Data(contentsOf: url))
  }

  package subscript(path: String) -> Fixture {
    var value = self
    for key in path.split(separator: "/") {
      guard case .object(let fields) = value, let next = fields[String(key)] else { fatalError("no \(path)") }
      value = next
    }
    return value
  }

  package subscript(index: Int) -> Fixture { elements[index] }

  package var elements: [Fixture] {
    guard case .list(let elements) = self else { fatalError("not a list") }
    return elements
  }

  /// All numbers, row-major.
  package var doubles: [Double] {
    switch self {
    case .number(let number): [number]
    case .list(let elements): elements.flatMap(\.doubles)
    default: fatalError("not numbers")
    }
  }

  package var floats: [Float] { doubles.map { Float($0) } }
  package var double: Double { doubles[0] }
  package var float: Float { Float(double) }

  package var string: String {
    guard case .text(let text) = self else { fatalError("not a text") }
    return text
  }

  package func has(_ key: String) -> Bool {
    guard case .object(let fields) = self else { return false }
    return fields[key] != nil
  }
}

/// The first element that breaks |got − want| ≤ r·(|want| + 0.05·max|want| + 1e-6) + absolute, in words; nil where all
/// keep it: the rule of the fixtures.
package func firstMismatch(
  _ got: some Sequence<Float>, _ want: [Double], _ r: Double, absolute: Double = 0, _ label: String = ""
) -> String? {
  let got = got.map { Double($0) }
  guard got.count == want.count else { return "\(label): \(got.count) values instead of \(want.count)" }
  let largest = want.map { abs($0) }.max() ?? 0
  for (index, (got, want)) in zip(got, want).enumerated() {
    let allowed = r * (abs(want) + 0.05 * largest + 1e-6) + absolute
    if !(abs(got - want) <= allowed) { return "\(label)[\(index)]: \(got), expected \(want) ± \(allowed)" }
  }
  return nil
}
