/// The header of a safetensors file, checked against the size of what follows it.
package struct SafetensorsHeader: Equatable, Sendable {
  /// Where one tensor lies among the data.
  package struct Entry: Equatable, Sendable {
    /// As in the header.
    package var name: String
    /// What each element is.
    package var elementType: Archive.Tensor.ElementType
    /// Row-major; [] for a single element.
    package var shape: [Int]
    /// Bytes from the end of the header on.
    package var range: Range<Int>
  }

  /// What is wrong with a header.
  struct Fault: Error {
    var message: String
  }

  /// `__metadata__`, in the file's order.
  package private(set) var metadata: [(key: String, value: String)] = []
  /// The tensors, in the header's order.
  package private(set) var entries: [Entry] = []

  /// Equal when both say the same in the same order.
  package static func == (left: SafetensorsHeader, right: SafetensorsHeader) -> Bool {
    left.entries == right.entries && left.metadata.elementsEqual(right.metadata, by: ==)
  }

  /// Reads the header's text; the tensors must fill the `dataSize` bytes after it without holes or overlaps.
  init(_ text: [UInt8], dataSize: Int) throws(Fault) {
    guard text.first == UInt8(ascii: "{") else { throw Fault(message: "the header does not start with '{'") }
    let document: JSON
    do throws(JSONError) {
      document = try JSONParser.parse(text, maximumBytes: Safetensors.maximumHeaderBytes)
    } catch {
      throw Fault(message: "the header is no valid JSON: \(error.problems[0])")
    }
    for (name, value) in document.object?.members ?? [] {
      if name == "__metadata__" {
        metadata = try SafetensorsHeader.metadata(value)
      } else {
        entries.append(try SafetensorsHeader.entry(name, value, dataSize))
      }
    }
    var end = 0
    let order = entries.sorted {
      ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound)
    }
    for entry in order {
      guard entry.range.lowerBound == end else {
        let kind = entry.range.lowerBound > end ? "leaves a hole" : "overlaps another"
        throw Fault(message: "\(quoted(entry.name)) \(kind): it starts at byte \(entry.range.lowerBound), not \(end)")
      }
      end = entry.range.upperBound
    }
    guard end == dataSize else { throw Fault(message: "\(dataSize - end) bytes at the end belong to no tensor") }
  }

  private static func metadata(_ value: JSON) throws(Fault) -> [(key: String, value: String)] {
    guard let object = value.object else { throw Fault(message: "__metadata__ is \(value.kindName), not an object") }
    var metadata: [(key: String, value: String)] = []
    for (key, value) in object.members {
      guard let text = value.string else {
        throw Fault(message: "__metadata__ \(quoted(key)) is \(value.kindName), not a string")
      }
      metadata.append((key, text))
    }
    return metadata
  }

  private static func entry(_ name: String, _ value: JSON, _ dataSize: Int) throws(Fault) -> Entry {
    guard let object = value.object else { throw Fault(message: "\(quoted(name)) is \(value.kindName), not an object") }
    if let (key, _) = object.members.first(where: { !["dtype", "shape", "data_offsets"].contains($0.key) }) {
      throw Fault(message: "\(quoted(name)) has an unknown entry \(quoted(key))")
    }
    guard let typeName = object["dtype"]?.string else { throw Fault(message: "\(quoted(name)) has no dtype") }
    guard let elementType = Archive.Tensor.ElementType(rawValue: typeName) else {
      let known = Archive.Tensor.ElementType.allCases.map(\.rawValue).joined(separator: ", ")
      throw Fault(
        message: "\(quoted(name)) has elements of type \(quoted(typeName)), which is not supported; supported: \(known)"
      )
    }
    guard let shape = naturals(object["shape"]) else {
      throw Fault(message: "\(quoted(name)) has no shape of whole numbers")
    }
    guard let offsets = naturals(object["data_offsets"]), offsets.count == 2, offsets[0] <= offsets[1] else {
      throw Fault(message: "\(quoted(name)) has no data_offsets of two ascending whole numbers")
    }
    guard offsets[1] <= dataSize else {
      throw Fault(message: "\(quoted(name)) ends at byte \(offsets[1]), the file's data at \(dataSize)")
    }
    guard let size = Archive.Tensor.byteCount(elementType, shape) else {
      throw Fault(message: "\(quoted(name)) has a shape too large for any file")
    }
    guard size == offsets[1] - offsets[0] else {
      throw Fault(
        message: "\(quoted(name)) has \(offsets[1] - offsets[0]) bytes of data, its shape needs \(size)")
    }
    return Entry(name: name, elementType: elementType, shape: shape, range: offsets[0]..<offsets[1])
  }

  private static func naturals(_ value: JSON?) -> [Int]? {
    guard let items = value?.array else { return nil }
    var numbers: [Int] = []
    for item in items {
      guard let number = item.integer, number >= 0 else { return nil }
      numbers.append(number)
    }
    return numbers
  }
}

/// A name from a file, short enough for a message.
private func quoted(_ name: String) -> String { JSON.string(name.shortened(to: 80)).compactText }
