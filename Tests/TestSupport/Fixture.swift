import Foundation
import Support

/// A value of a golden-data file that knows where it stands, so that whatever is wrong with it names file and key.
///
/// Tests take every size, setting and name from the file. Golden data are those of Tests/Fixtures, or of the folder
/// that MBRL_FIXTURES names, which is laid out alike: `neural/NAME.json`, `gymnasium/NAME.jsonl`.
package struct Fixture: Sendable {
  /// The path of the file.
  package let file: String
  /// Keys and indices from the root on, "inputs/weights/0"; in a file of lines after "line 3/". Empty at the root.
  package let key: String
  /// The value itself.
  package let json: JSON
  /// The document that it is part of.
  private let root: JSON

  private init(_ file: String, _ key: String, _ json: JSON, in root: JSON? = nil) {
    (self.file, self.key, self.json, self.root) = (file, key, json, root ?? json)
  }

  /// Reads a file of one JSON document: "neural/cem.json".
  package init(_ name: String) throws(FixtureError) {
    let file = Fixture.path(name)
    self.init(file, "", try Fixture.parse(try Fixture.bytes(file), file, ""))
  }

  /// Reads a file of JSON lines, of which there must be one: "gymnasium/Pendulum-v1.jsonl".
  /// - Parameter limit: the most lines to read.
  package static func lines(_ name: String, limit: Int = .max) throws(FixtureError) -> [Fixture] {
    let file = path(name)
    var lines: [Fixture] = []
    let texts = try bytes(file).split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    for (index, text) in texts.prefix(limit).enumerated() where !text.isEmpty {
      let key = "line \(index + 1)"
      lines.append(Fixture(file, key, try parse(Array(text), file, key)))
    }
    guard !lines.isEmpty else { throw FixtureError(file: file, key: "line 1", problem: "is missing") }
    return lines
  }

  private static let maximumBytes = 1 << 30

  private static func bytes(_ file: String) throws(FixtureError) -> [UInt8] {
    do throws(FileError) {
      return try FileSystem.read(file, limit: maximumBytes)
    } catch {
      throw FixtureError(file: file, key: "", problem: "cannot be read: \(error.reason)")
    }
  }

  private static func parse(_ bytes: [UInt8], _ file: String, _ key: String) throws(FixtureError) -> JSON {
    do throws(JSONError) {
      return try JSONParser.parse(bytes, maximumBytes: maximumBytes)
    } catch {
      throw FixtureError(file: file, key: key, problem: "\(error)")
    }
  }

  /// An error about this value.
  package func fault(_ problem: String) -> FixtureError { FixtureError(file: file, key: key, problem: problem) }

  private func wrongKind(_ wanted: String) -> FixtureError { fault("is \(json.kindName), not \(wanted)") }

  private func part(_ name: String, _ json: JSON) -> Fixture {
    Fixture(file, key.isEmpty ? name : "\(key)/\(name)", json, in: root)
  }

  // MARK: Parts

  /// The value at a path of keys and indices, "inputs/weights/0".
  package subscript(path: String) -> Fixture {
    get throws(FixtureError) {
      var value = self
      for name in path.split(separator: "/").map(String.init) {
        if let list = value.json.array, let index = Int(name), list.indices.contains(index) {
          value = value.part(name, list[index])
          continue
        }
        guard case .object(let object) = value.json else { throw value.wrongKind("an object with \"\(name)\"") }
        guard let next = object[name] else { throw value.part(name, .null).fault("is missing") }
        value = value.part(name, next)
      }
      return value
    }
  }

  /// The value under one key of an object, which may have slashes in its name.
  package func member(_ key: String) throws(FixtureError) -> Fixture {
    guard case .object(let object) = json else { throw wrongKind("an object with \"\(key)\"") }
    guard let value = object[key] else { throw part(key, .null).fault("is missing") }
    return part(key, value)
  }

  /// Whether an object has a key that may be left out.
  package func has(_ key: String) -> Bool { json.object?[key] != nil }

  /// The keys of an object, in the order of the file; there must be one.
  /// - Parameter known: all that there may be; nil: any.
  package func keys(among known: [String]? = nil) throws(FixtureError) -> [String] {
    guard case .object(let object) = json else { throw wrongKind("an object") }
    guard !object.members.isEmpty else { throw fault("is empty") }
    for (key, value) in object.members where known?.contains(key) == false {
      throw part(key, value).fault("belongs to none of \(known!.joined(separator: ", "))")
    }
    return object.members.map(\.key)
  }

  /// The elements of a list; there must be one.
  /// - Parameter count: how many there must be; nil: any number.
  package func elements(_ count: Int? = nil) throws(FixtureError) -> [Fixture] {
    guard case .array(let elements) = json else { throw wrongKind("an array") }
    guard !elements.isEmpty || count == 0 else { throw fault("is empty") }
    guard elements.count == count ?? elements.count else {
      throw fault("has \(elements.count) elements instead of \(count!)\(contradictions)")
    }
    return elements.enumerated().map { part(String($0), $1) }
  }

  /// The likely causes of sizes that do not fit each other: what the file's own `shapes` ("inputs.x": [4, 6]) says
  /// otherwise.
  private var contradictions: String {
    let document = Fixture(file, "", root)
    let texts = (root.object?["shapes"]?.object?.members ?? []).compactMap { path, shape in
      let key = path.replacing(".", with: "/")
      let found = try? document[key].shape
      return found == shape.array?.map(\.integer) ? nil : "; \(key) is \(found ?? []), not \(shape.compactText)"
    }
    return texts.joined()
  }

  // MARK: Values

  /// The text.
  package var text: String {
    get throws(FixtureError) {
      guard case .string(let text) = json else { throw wrongKind("a string") }
      return text
    }
  }

  /// The text, which must be one of these.
  package func choice(_ texts: String...) throws(FixtureError) -> String {
    guard texts.contains(try text) else { throw fault("\(try text) is none of \(texts.joined(separator: ", "))") }
    return try text
  }

  /// The truth value.
  package var flag: Bool {
    get throws(FixtureError) {
      guard case .bool(let flag) = json else { throw wrongKind("a boolean") }
      return flag
    }
  }

  /// The number; "inf", "-inf" and "nan" are those that JSON has no number for.
  package var double: Double {
    get throws(FixtureError) {
      if let text = json.string, let value = ["inf": Double.infinity, "-inf": -.infinity, "nan": .nan][text] {
        return value
      }
      guard case .number(let number) = json else { throw wrongKind("a number") }
      guard let value = number.doubleValue else { throw fault("\(number.literal) is too large") }
      return value
    }
  }

  /// The number as float32.
  package var float: Float { get throws(FixtureError) { Float(try double) } }

  /// The whole number, which must lie within a range.
  package func integer(in range: ClosedRange<Int>) throws(FixtureError) -> Int {
    guard case .number(let number) = json else { throw wrongKind("a number") }
    guard let value = number.integerValue, range.contains(value) else {
      throw fault("\(number.literal) is no whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return value
  }

  /// The length of every level of nested lists, outermost first; [] for a number. Read along the first elements:
  /// `doubles` checks the others.
  package var shape: [Int] {
    get throws(FixtureError) {
      guard json.array != nil else { return [] }
      let elements = try elements()
      return [elements.count] + (try elements[0].shape)
    }
  }

  /// `shape` down to a depth that there must be.
  package func shape(rank: Int) throws(FixtureError) -> [Int] {
    guard rank > 0 else { return [] }
    let elements = try elements()
    return [elements.count] + (try elements[0].shape(rank: rank - 1))
  }

  /// All numbers of lists nested in exactly this shape, row-major; of a number alone, in the shape [].
  package func doubles(_ shape: [Int]) throws(FixtureError) -> [Double] {
    var values: [Double] = []
    try append(to: &values, shape[...])
    return values
  }

  private func append(to values: inout [Double], _ shape: ArraySlice<Int>) throws(FixtureError) {
    guard let count = shape.first else { return values.append(try double) }
    for element in try elements(count) { try element.append(to: &values, shape.dropFirst()) }
  }

  /// `doubles` as float32.
  package func floats(_ shape: [Int]) throws(FixtureError) -> [Float] { try doubles(shape).map { Float($0) } }
}

/// What is wrong with a golden-data file, and where.
package struct FixtureError: Error, CustomStringConvertible {
  /// The path of the file.
  package var file: String
  /// As `Fixture.key`; empty: the file as a whole.
  package var key: String
  /// "is missing".
  package var problem: String

  /// An error about what stands at that key.
  package init(file: String, key: String, problem: String) {
    (self.file, self.key, self.problem) = (file, key, problem)
  }

  package var description: String { "\(file): \(key.isEmpty ? "" : "\(key): ")\(problem)" }
}

// MARK: Where the files are

extension Fixture {
  private static let ownFolder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("Fixtures").path

  private static let otherFolder: String? = {
    let name = ProcessInfo.processInfo.environment["MBRL_FIXTURES"] ?? ""
    return name.isEmpty ? nil : name
  }()

  /// Where a file of golden data is: "neural/cem.json".
  package static func path(_ name: String) -> String { "\(otherFolder ?? ownFolder)/\(name)" }

  /// Whether MBRL_FIXTURES names a folder.
  package static var isElsewhere: Bool { otherFolder != nil }

  /// Whether the folder that MBRL_FIXTURES names does without this file. Tests/Fixtures has to have it.
  package static func isLeftOut(_ name: String) -> Bool {
    otherFolder != nil && !FileManager.default.fileExists(atPath: path(name))
  }

  /// The names of all files of a kind in a folder, of Tests/Fixtures and of the present one together, sorted.
  package static func names(in folder: String, suffix: String) -> [String] {
    let names = [ownFolder, otherFolder ?? ownFolder].flatMap {
      (try? FileSystem.list("\($0)/\(folder)")) ?? []
    }
    return Set(names.filter { $0.hasSuffix(suffix) }).sorted().map { "\(folder)/\($0)" }
  }
}
