/// Reads and writes safetensors files: an 8-byte little-endian header length, a JSON header padded with spaces to a
/// multiple of 8, then the tensors' bytes without holes (https://github.com/huggingface/safetensors, "Format").
///
/// A file is not trusted: every length is checked against the size of the file before memory is asked for.
package enum Safetensors {
  /// The format's own limit.
  package static let maximumHeaderBytes = 100_000_000

  /// A whole file in memory.
  package struct Contents {
    /// `__metadata__`, in the file's order.
    package var metadata: [(key: String, value: String)]
    /// The tensors, in the header's order.
    package var tensors: [(name: String, tensor: Archive.Tensor)]
  }

  // MARK: Writing

  /// Replaces `path` in one step and returns the file's checksum. The tensors are written from where they are.
  ///
  /// Names must be distinct, and each tensor's bytes must fit its shape.
  @discardableResult
  package static func write(
    _ tensors: [(name: String, tensor: Archive.Tensor)], metadata: [(key: String, value: String)] = [],
    to path: String
  ) throws(FileError) -> String {
    let order = storageOrder(tensors)
    let header = header(tensors, metadata, order)
    guard header.count - 8 <= maximumHeaderBytes else {
      throw FileError(path: path, operation: "write to", reason: "the header is larger than 100 MB")
    }
    var checksum = FileChecksum()
    try FileSystem.writeAtomically(to: path) { (file) throws(FileError) in
      checksum = FileChecksum()
      try file.write(header)
      header.withUnsafeBytes { checksum.update($0) }
      for index in order {
        try file.write(tensors[index].tensor.bytes)
        tensors[index].tensor.bytes.withUnsafeBytes { checksum.update($0) }
      }
    }
    return checksum.text
  }

  /// The bytes of a file, for small ones and for tests.
  package static func encode(
    _ tensors: [(name: String, tensor: Archive.Tensor)], metadata: [(key: String, value: String)] = []
  ) -> [UInt8] {
    let order = storageOrder(tensors)
    return order.reduce(into: header(tensors, metadata, order)) { $0 += tensors[$1].tensor.bytes }
  }

  /// Wide elements first, so that every tensor starts at a multiple of its element size.
  private static func storageOrder(_ tensors: [(name: String, tensor: Archive.Tensor)]) -> [Int] {
    [8, 4, 1].flatMap { size in tensors.indices.filter { tensors[$0].tensor.elementType.size == size } }
  }

  /// The length and the header, padded.
  private static func header(
    _ tensors: [(name: String, tensor: Archive.Tensor)], _ metadata: [(key: String, value: String)], _ order: [Int]
  ) -> [UInt8] {
    precondition(Set(tensors.map(\.name)).count == tensors.count, "tensor names are not distinct")
    precondition(Set(metadata.map(\.key)).count == metadata.count, "metadata keys are not distinct")
    var begins = [Int](repeating: 0, count: tensors.count)
    var end = 0
    for index in order {
      begins[index] = end
      end += tensors[index].tensor.bytes.count
    }
    var members: [(key: String, value: JSON)] = []
    if !metadata.isEmpty {
      members.append(("__metadata__", .object(JSONObject(metadata.map { ($0.key, .string($0.value)) }))))
    }
    for (index, entry) in tensors.enumerated() {
      precondition(entry.name != "__metadata__", "a tensor cannot be named __metadata__")
      precondition(entry.tensor.byteCountOfShape == entry.tensor.bytes.count, "shape of \(entry.name)")
      let offsets = [begins[index], begins[index] + entry.tensor.bytes.count]
      members.append(
        (
          entry.name,
          .object(
            JSONObject([
              ("dtype", .string(entry.tensor.elementType.rawValue)),
              ("shape", .array(entry.tensor.shape.map(JSON.integer))),
              ("data_offsets", .array(offsets.map(JSON.integer))),
            ]))
        ))
    }
    var text = Array(JSON.object(JSONObject(members)).compactText.utf8)
    text += repeatElement(UInt8(ascii: " "), count: (8 - text.count % 8) % 8)
    let length = UInt64(text.count)
    return (0..<8).map { UInt8(truncatingIfNeeded: length >> UInt64(8 * $0)) } + text
  }

  // MARK: Reading

  /// Reads a file; `areWeights` becomes `isWeight` of every tensor.
  package static func read(_ path: String, areWeights: Bool = false) throws(SafetensorsError) -> Contents {
    try opened(path) { (size, fetch) throws(SafetensorsError) in
      try contents(path, size, areWeights, fetch)
    }
  }

  /// Reads only the names, types and shapes in a file.
  package static func readHeader(_ path: String) throws(SafetensorsError) -> SafetensorsHeader {
    try opened(path) { (size, fetch) throws(SafetensorsError) in try header(path, size, fetch).header }
  }

  /// Reads a file from memory; `path` is its name in messages.
  package static func decode(
    _ bytes: [UInt8], path: String = "data", areWeights: Bool = false
  ) throws(SafetensorsError) -> Contents {
    try contents(path, bytes.count, areWeights) { (offset, count) throws(SafetensorsError) in
      Array(bytes[offset..<offset + count])
    }
  }

  /// Gives `count` bytes from an offset; asked only for what lies within the file.
  private typealias Fetch = (_ offset: Int, _ count: Int) throws(SafetensorsError) -> [UInt8]

  private static func opened<Result>(
    _ path: String, _ body: (_ size: Int, _ fetch: Fetch) throws(SafetensorsError) -> Result
  ) throws(SafetensorsError) -> Result {
    let file = try open(path)
    guard let size = try asFileError({ () throws(FileError) in try file.regularSize() }) else {
      throw .malformed(path: path, "not a regular file")
    }
    return try body(size) { (offset, count) throws(SafetensorsError) in
      try asFileError { () throws(FileError) in try file.bytes(at: offset, count: count) }
    }
  }

  private static func open(_ path: String) throws(SafetensorsError) -> OpenFile {
    do throws(FileError) { return try OpenFile.reading(path) } catch { throw .file(error) }
  }

  private static func asFileError<Result>(
    _ body: () throws(FileError) -> Result
  ) throws(SafetensorsError) -> Result {
    do throws(FileError) { return try body() } catch { throw .file(error) }
  }

  private static func header(
    _ path: String, _ size: Int, _ fetch: Fetch
  ) throws(SafetensorsError) -> (header: SafetensorsHeader, end: Int) {
    guard size >= 8 else {
      throw .malformed(path: path, "the file has \(FileSystem.byteCount(size)), too few for a safetensors file")
    }
    let length = try fetch(0, 8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard length <= UInt64(maximumHeaderBytes) else {
      throw .malformed(path: path, "the header's length, \(length), is more than 100 MB; this is no safetensors file")
    }
    guard length <= UInt64(size - 8) else {
      throw .malformed(path: path, "the file ends inside its header (\(length) bytes, \(size - 8) present)")
    }
    let end = 8 + Int(length)
    let text = try fetch(8, Int(length))
    do throws(SafetensorsHeader.Fault) {
      return (try SafetensorsHeader(text, dataSize: size - end), end)
    } catch {
      throw .malformed(path: path, error.message)
    }
  }

  private static func contents(
    _ path: String, _ size: Int, _ areWeights: Bool, _ fetch: Fetch
  ) throws(SafetensorsError) -> Contents {
    let (header, end) = try header(path, size, fetch)
    var tensors: [(name: String, tensor: Archive.Tensor)] = []
    for entry in header.entries {
      let bytes = try fetch(end + entry.range.lowerBound, entry.range.count)
      let tensor = Archive.Tensor(
        elementType: entry.elementType, shape: entry.shape, bytes: bytes, isWeight: areWeights)
      tensors.append((entry.name, tensor))
    }
    return Contents(metadata: header.metadata, tensors: tensors)
  }
}

/// Why a safetensors file could not be read.
package enum SafetensorsError: Error, Equatable, Sendable, CustomStringConvertible {
  case file(FileError)
  case malformed(path: String, String)

  package var description: String {
    switch self {
    case .file(let error): error.description
    case .malformed(let path, let message): "\(path): \(message)"
    }
  }
}
