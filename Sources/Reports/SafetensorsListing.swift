import Foundation
import Support

/// What is in a safetensors file of any program: names, types and shapes of the tensors, and their numbers' range.
package struct SafetensorsListing: Sendable {
  /// One tensor.
  package struct Entry: Sendable {
    package var name: String
    /// "F32", "BF16", …
    package var type: String
    package var shape: [Int]
    package var bytes: Int
    /// Of the finite numbers of a type that can be read; nil of any other, and without such numbers.
    package var range: (low: Double, mean: Double, high: Double)?
    /// How many are not finite.
    package var oddities: Int
  }

  package let path: String
  package private(set) var metadata: [(key: String, value: String)] = []
  package private(set) var entries: [Entry] = []

  /// Bytes of an element, by the format's names of types.
  private static let sizes: [String: Int] = [
    "BOOL": 1, "U8": 1, "I8": 1, "F8_E4M3": 1, "F8_E5M2": 1, "I16": 2, "U16": 2, "F16": 2, "BF16": 2, "I32": 4,
    "U32": 4, "F32": 4, "I64": 8, "U64": 8, "F64": 8,
  ]

  /// Reads and checks a file.
  package init(_ path: String) throws {
    self.path = path
    func fault(_ text: String) -> SafetensorsError { .malformed(path: path, text) }
    let file = try OpenFile.reading(path)
    guard let size = try file.regularSize() else { throw fault("not a regular file") }
    guard size >= 8 else { throw fault("\(size) bytes; a header takes 8 at least") }
    let length = try file.bytes(at: 0, count: 8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard length <= UInt64(Safetensors.maximumHeaderBytes), Int(length) <= size - 8 else {
      throw fault("no safetensors file: its header would have \(length) bytes, the file has \(size)")
    }
    let start = 8 + Int(length)
    let text = try file.bytes(at: 8, count: Int(length))
    guard let header = try? JSONParser.parse(text, maximumBytes: Safetensors.maximumHeaderBytes).object else {
      throw fault("no safetensors file: its header is no JSON object")
    }
    for (name, value) in header.members {
      if name == "__metadata__" {
        metadata = value.object?.members.map { ($0.key, $0.value.string ?? $0.value.compactText) } ?? []
        continue
      }
      let offsets = value.object?["data_offsets"]?.array?.compactMap(\.integer) ?? []
      guard let type = value.object?["dtype"]?.string, let shape = value.object?["shape"]?.array?.map(\.integer),
        offsets.count == 2, 0 <= offsets[0], offsets[0] <= offsets[1], offsets[1] <= size - start
      else { throw fault("tensor \"\(name.shortened())\" has no type, shape and place within the file") }
      var count = 1
      for side in shape {
        guard let side, side >= 0, side == 0 || count <= size / side else {
          throw fault("tensor \"\(name.shortened())\" has no possible shape")
        }
        count *= side
      }
      let bytes = offsets[1] - offsets[0]
      if let width = SafetensorsListing.sizes[type], width * count != bytes {
        throw fault("tensor \"\(name.shortened())\": \(bytes) bytes for \(count) numbers of \(type)")
      }
      var entry = Entry(name: name, type: type, shape: shape.compactMap { $0 }, bytes: bytes, oddities: 0)
      entry.measure(try file.bytes(at: start + offsets[0], count: bytes))
      entries.append(entry)
    }
  }

  /// For people.
  package var lines: [String] {
    let numbers = entries.reduce(0) { $0 + $1.shape.reduce(1, *) }
    var lines = ["\(path): \(entries.count) tensors, \(NumberText.grouped(numbers)) numbers"]
    lines += metadata.map { "  \($0.key): \($0.value.shortened(to: 200))" }
    if entries.isEmpty { return lines }
    var table = TextTable(
      ["tensor", "type", "shape", "bytes", "min", "mean", "max", "not finite"], rightAligned: [3, 4, 5, 6, 7])
    for entry in entries {
      func text(_ value: Double?) -> String { value.map(NumberText.short) ?? "–" }
      table.append([
        entry.name, entry.type, "[\(entry.shape.map(String.init).joined(separator: ", "))]", String(entry.bytes),
        text(entry.range?.low), text(entry.range?.mean), text(entry.range?.high), String(entry.oddities),
      ])
    }
    return lines + [""] + table.lines
  }

  /// One object.
  package var json: JSON {
    let tensors = entries.map { entry -> JSON in
      [
        "name": .string(entry.name), "dtype": .string(entry.type), "shape": .integers(entry.shape),
        "bytes": .integer(entry.bytes), "min": .finite(entry.range?.low), "mean": .finite(entry.range?.mean),
        "max": .finite(entry.range?.high), "not_finite": .integer(entry.oddities),
      ]
    }
    return [
      "path": .string(path), "metadata": .object(JSONObject(metadata.map { ($0.key, .string($0.value)) })),
      "tensors": .array(tensors),
    ]
  }
}

extension SafetensorsListing.Entry {
  /// Goes through the numbers, little-endian.
  fileprivate mutating func measure(_ bytes: [UInt8]) {
    let width: Int
    let read: (UInt64) -> Double
    switch type {
    case "F32": (width, read) = (4, { Double(Float(bitPattern: UInt32(truncatingIfNeeded: $0))) })
    case "F64": (width, read) = (8, { Double(bitPattern: $0) })
    case "BF16": (width, read) = (2, { Double(Float(bitPattern: UInt32(truncatingIfNeeded: $0 << 16))) })
    case "F16": (width, read) = (2, SafetensorsListing.Entry.half)
    case "I32": (width, read) = (4, { Double(Int32(truncatingIfNeeded: $0)) })
    case "I64": (width, read) = (8, { Double(Int64(bitPattern: $0)) })
    case "U8", "BOOL": (width, read) = (1, { Double($0) })
    default: return
    }
    var (low, high, sum, count) = (Double.infinity, -Double.infinity, 0.0, 0)
    for start in stride(from: 0, to: bytes.count, by: width) {
      var bits: UInt64 = 0
      for place in 0..<width { bits |= UInt64(bytes[start + place]) << UInt64(8 * place) }
      let value = read(bits)
      guard value.isFinite else {
        oddities += 1
        continue
      }
      (low, high, sum, count) = (min(low, value), max(high, value), sum + value, count + 1)
    }
    if count > 0 { range = (low, sum / Double(count), high) }
  }

  /// IEEE 754's 16 bits; the type itself is not on every machine.
  private static func half(_ bits: UInt64) -> Double {
    let (exponent, fraction) = (Int(bits >> 10 & 0x1F), Double(bits & 0x3FF))
    let sign: Double = bits & 0x8000 == 0 ? 1 : -1
    if exponent == 31 { return fraction == 0 ? sign * .infinity : .nan }
    return sign * (exponent == 0 ? scalbn(fraction, -24) : scalbn(1024 + fraction, exponent - 25))
  }
}
