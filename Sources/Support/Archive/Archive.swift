/// A symmetric store for the state of one run: the same `archive(_:)` function writes and reads, decided by the
/// archive's mode, so that saving and loading cannot drift apart.
///
/// Names are scoped with `scope`; a name is stored once. Tensors under `weights` go to the weights file under PyTorch
/// names and layout, all other tensors to the state file, scalars to the JSON file (integers as strings, because JSON
/// numbers lose bits above 2^53), records that only grow in number to logs beside the checkpoints.
package final class Archive {
  /// What `archive(_:)` functions do: put values in, or take them out.
  package enum Mode: Sendable { case writing, reading }

  /// State that belongs to the settings that it came about with, and that a reader with others does without.
  package enum Passing: Sendable {
    /// Where the search for the next plan starts.
    case plans
    /// The environments in the middle of their episodes.
    case episodes
    /// Imagined rows, and what they were judged by.
    case imagination
  }

  /// One stored tensor: little-endian bytes of `shape.product` elements.
  package struct Tensor: Equatable, Sendable {
    /// The element types that are stored, under their safetensors names.
    package enum ElementType: String, CaseIterable, Sendable {
      case float32 = "F32", float64 = "F64", int32 = "I32", uint8 = "U8"

      /// Bytes per element.
      package var size: Int {
        switch self {
        case .float64: 8
        case .float32, .int32: 4
        case .uint8: 1
        }
      }
    }
    /// What each element is.
    package var elementType: ElementType
    /// Row-major; [] for a single element.
    package var shape: [Int]
    /// Little-endian, without gaps.
    package var bytes: [UInt8]
    /// Whether it belongs in the weights file.
    package var isWeight: Bool

    /// How many bytes the type and the shape ask for; nil where a dimension is negative or the product overflows.
    package var byteCountOfShape: Int? { Tensor.byteCount(elementType, shape) }

    /// See `byteCountOfShape`.
    package static func byteCount(_ elementType: ElementType, _ shape: [Int]) -> Int? {
      var count = elementType.size
      // A dimension of 0 makes an empty tensor, whatever the others are.
      guard shape.allSatisfy({ $0 >= 0 }) else { return nil }
      if shape.contains(0) { return 0 }
      for dimension in shape {
        let (product, overflow) = count.multipliedReportingOverflow(by: dimension)
        if overflow { return nil }
        count = product
      }
      return count
    }

    /// A tensor of these bytes.
    package init(elementType: ElementType, shape: [Int], bytes: [UInt8], isWeight: Bool) {
      self.elementType = elementType
      self.shape = shape
      self.bytes = bytes
      self.isWeight = isWeight
    }
  }

  /// Whether this archive is being written or read.
  package let mode: Mode
  /// Scalars by full name, in the order in which they were written.
  package private(set) var scalars: [(name: String, value: String)]
  /// Tensors by full name, in the order in which they were written.
  package private(set) var tensors: [(name: String, tensor: Tensor)]
  /// The segments of each log by full name, in the order in which they were written; see `LogFolder`.
  package private(set) var logs: [(name: String, value: String)] = []
  private let folder: LogFolder?
  private let omitted: Set<Passing>
  private var scalarIndex: [String: Int] = [:]
  private var tensorIndex: [String: Int] = [:]
  private var prefix = ""

  /// An empty archive to write into. Without a folder for them, logs become tensors.
  package init(in folder: LogFolder? = nil) {
    mode = .writing
    self.folder = folder
    omitted = []
    scalars = []
    tensors = []
  }

  /// An archive to read from. Where the folder of its logs is nil, their records are left out; so is what is `omitted`.
  package init(
    scalars: [(name: String, value: String)], tensors: [(name: String, tensor: Tensor)],
    logs: [(name: String, value: String)] = [], in folder: LogFolder? = nil, omitting omitted: Set<Passing> = []
  ) {
    mode = .reading
    self.omitted = omitted
    self.scalars = scalars
    self.tensors = tensors
    self.logs = logs
    self.folder = folder
    for (index, scalar) in scalars.enumerated() { scalarIndex[scalar.name] = index }
    for (index, tensor) in tensors.enumerated() { tensorIndex[tensor.name] = index }
  }

  /// About how many bytes everything that was put in takes in files, with its names.
  package var byteCount: Int {
    scalars.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count + 16 }
      + tensors.reduce(0) { $0 + $1.tensor.bytes.count + $1.name.utf8.count + 100 }
  }

  /// Whether such state is not to be read: it stays as it is.
  package func omits(_ state: Passing) -> Bool { omitted.contains(state) }

  /// Runs `body` with "name." before every name.
  package func scope(_ name: String, _ body: () throws -> Void) rethrows {
    let outer = prefix
    prefix += name + "."
    defer { prefix = outer }
    try body()
  }

  /// Archives a part under its own scope.
  package func part<Part: Archivable>(_ name: String, _ part: inout Part) throws {
    try scope(name) { try part.archive(self) }
  }

  /// Archives an object under its own scope.
  package func part(_ name: String, _ object: any ArchivableObject) throws {
    try scope(name) { try object.archive(self) }
  }

  /// For state that there is at some moments only: leaves a mark where it `isPresent`, and says when reading whether
  /// there is that mark.
  package func presence(_ name: String, _ isPresent: Bool) throws -> Bool {
    var mark = true
    switch mode {
    case .writing: if isPresent { try value(name, &mark) }
    case .reading: if scalarIndex[prefix + name] == nil { return false } else { try value(name, &mark) }
    }
    return mode == .writing ? isPresent : mark
  }

  // MARK: Scalars

  /// Stored in decimal.
  package func value(_ name: String, _ value: inout Int) throws {
    try scalar(name, &value, text: { String($0) }) { Int($0) }
  }

  /// Stored in hexadecimal.
  package func value(_ name: String, _ value: inout UInt64) throws {
    try scalar(name, &value, text: { "0x" + String($0, radix: 16) }) {
      $0.hasPrefix("0x") ? UInt64($0.dropFirst(2), radix: 16) : nil
    }
  }

  /// Stored as "true" or "false".
  package func value(_ name: String, _ value: inout Bool) throws {
    try scalar(name, &value, text: { $0 ? "true" : "false" }) { Bool($0) }
  }

  /// Stored as it is.
  package func value(_ name: String, _ value: inout String) throws {
    try scalar(name, &value, text: { $0 }) { $0 }
  }

  /// Stored by bit pattern: exact, non-finite values included.
  package func value(_ name: String, _ value: inout Double) throws {
    var bits = value.bitPattern
    try self.value(name, &bits)
    value = Double(bitPattern: bits)
  }

  /// Stored by bit pattern.
  package func value(_ name: String, _ value: inout Float) throws {
    var bits = UInt64(value.bitPattern)
    try self.value(name, &bits)
    guard let word = UInt32(exactly: bits) else {
      throw ArchiveError.malformed(prefix + name, "0x\(String(bits, radix: 16)) has more than 32 bits")
    }
    value = Float(bitPattern: word)
  }

  private func scalar<Value>(
    _ name: String, _ value: inout Value, text: (Value) -> String, parse: (String) -> Value?
  ) throws {
    let fullName = prefix + name
    switch mode {
    case .writing:
      precondition(scalarIndex[fullName] == nil, "archived twice: \(fullName)")
      scalarIndex[fullName] = scalars.count
      scalars.append((fullName, text(value)))
    case .reading:
      guard let index = scalarIndex[fullName] else { throw ArchiveError.missing(fullName) }
      guard let parsed = parse(scalars[index].value) else {
        throw ArchiveError.malformed(fullName, scalars[index].value)
      }
      value = parsed
    }
  }

  // MARK: Tensors

  /// An array; reading replaces it, whatever its length was, or fails where it `isFixed` and the stored one has
  /// another. `shape` defaults to one dimension. What a prediction needs is a weight.
  package func array(
    _ name: String, _ array: inout [Float], shape: [Int]? = nil, isWeight: Bool = false, isFixed: Bool = false
  ) throws { try elements(name, &array, .float32, shape: shape, isWeight: isWeight, isFixed: isFixed) }
  /// See above.
  package func array(
    _ name: String, _ array: inout [Double], shape: [Int]? = nil, isWeight: Bool = false, isFixed: Bool = false
  ) throws { try elements(name, &array, .float64, shape: shape, isWeight: isWeight, isFixed: isFixed) }
  /// See above.
  package func array(
    _ name: String, _ array: inout [Int32], shape: [Int]? = nil, isWeight: Bool = false, isFixed: Bool = false
  ) throws { try elements(name, &array, .int32, shape: shape, isWeight: isWeight, isFixed: isFixed) }
  /// See above.
  package func array(_ name: String, _ array: inout [UInt8], shape: [Int]? = nil) throws {
    try elements(name, &array, .uint8, shape: shape)
  }

  /// Memory of a fixed shape, such as parameters and moments; reading fails unless the stored shape is the same.
  package func buffer(_ name: String, _ buffer: UnsafeMutableBufferPointer<Float>, shape: [Int], isWeight: Bool = false)
    throws
  { try memory(name, UnsafeMutableRawBufferPointer(buffer), .float32, shape, isWeight) }
  /// See above.
  package func buffer(_ name: String, _ buffer: UnsafeMutableBufferPointer<UInt8>, shape: [Int]) throws {
    try memory(name, UnsafeMutableRawBufferPointer(buffer), .uint8, shape, false)
  }

  private func memory(
    _ name: String, _ memory: UnsafeMutableRawBufferPointer, _ elementType: Tensor.ElementType, _ shape: [Int],
    _ isWeight: Bool
  ) throws {
    let fullName = prefix + name
    // A programmer's shape, not a file's.
    precondition(Tensor.byteCount(elementType, shape) == memory.count, "shape of \(fullName)")
    switch mode {
    case .writing:
      append(fullName, Tensor(elementType: elementType, shape: shape, bytes: [UInt8](memory), isWeight: isWeight))
    case .reading:
      let tensor = try stored(fullName, elementType)
      guard tensor.shape == shape else {
        throw ArchiveError.shape(fullName, stored: tensor.shape, expected: shape)
      }
      tensor.bytes.withUnsafeBytes { memory.copyMemory(from: $0) }
    }
  }

  // MARK: Logs

  /// Records of one size, numbered from 0, that never change once they are written: those of `records` are what the
  /// state needs. They are appended to a log beside the checkpoint, each one once, or put into the archive where it has
  /// no folder of logs or `isCopied` asks for it. `write` fills memory with a range of records, `read` takes them from
  /// it.
  /// - Returns: false where an archive is read without the folder of its logs: nothing was read.
  package func log(
    _ name: String, recordSize: Int, _ records: Range<Int>, isCopied: Bool = false,
    write: (_ records: Range<Int>, UnsafeMutableRawBufferPointer) -> Void,
    read: (_ records: Range<Int>, UnsafeRawBufferPointer) -> Void
  ) throws -> Bool {
    let fullName = prefix + name
    if mode == .writing, let folder, !isCopied {
      precondition(!logs.contains { $0.name == fullName }, "archived twice: \(fullName)")
      logs.append((fullName, try folder.append(fullName, recordSize: recordSize, records, write)))
    } else if mode == .reading, let segments = logs.first(where: { $0.name == fullName })?.value {
      guard let folder else { return false }
      try folder.read(fullName, recordSize: recordSize, records, segments: segments, read)
    } else if mode == .writing {
      // It may be large: what is written is what the archive keeps.
      var bytes = [UInt8](repeating: 0, count: records.count * recordSize)
      bytes.withUnsafeMutableBytes { write(records, $0) }
      append(
        fullName,
        Tensor(elementType: .uint8, shape: [records.count, recordSize], bytes: bytes, isWeight: false))
    } else {
      let tensor = try stored(fullName, .uint8)
      guard tensor.bytes.count == records.count * recordSize else {
        throw ArchiveError.shape(
          fullName, stored: [tensor.bytes.count], expected: [records.count, recordSize])
      }
      tensor.bytes.withUnsafeBytes { read(records, $0) }
    }
    return true
  }

  private func elements<Element>(
    _ name: String, _ array: inout [Element], _ elementType: Tensor.ElementType, shape: [Int]?, isWeight: Bool = false,
    isFixed: Bool = false
  ) throws {
    let fullName = prefix + name
    switch mode {
    case .writing:
      precondition(shape?.reduce(1, *) ?? array.count == array.count, "shape of \(fullName)")
      let bytes = array.withUnsafeBytes { [UInt8]($0) }
      append(
        fullName, Tensor(elementType: elementType, shape: shape ?? [array.count], bytes: bytes, isWeight: isWeight))
    case .reading:
      let tensor = try stored(fullName, elementType)
      let count = tensor.bytes.count / MemoryLayout<Element>.stride
      guard !isFixed || count == array.count else {
        throw ArchiveError.shape(fullName, stored: tensor.shape, expected: shape ?? [array.count])
      }
      // The initialiser would write the count into the one empty array that all threads share.
      array =
        count == 0
        ? []
        : [Element](unsafeUninitializedCapacity: count) { memory, initialized in
          tensor.bytes.withUnsafeBytes { UnsafeMutableRawBufferPointer(memory).copyMemory(from: $0) }
          initialized = count
        }
    }
  }

  private func append(_ name: String, _ tensor: Tensor) {
    precondition(tensorIndex[name] == nil, "archived twice: \(name)")
    tensorIndex[name] = tensors.count
    tensors.append((name, tensor))
  }

  private func stored(_ name: String, _ elementType: Tensor.ElementType) throws -> Tensor {
    guard let index = tensorIndex[name] else { throw ArchiveError.missing(name) }
    let tensor = tensors[index].tensor
    guard tensor.elementType == elementType else {
      throw ArchiveError.malformed(name, "\(tensor.elementType.rawValue) instead of \(elementType.rawValue)")
    }
    guard tensor.byteCountOfShape == tensor.bytes.count else {
      throw ArchiveError.malformed(name, "\(tensor.bytes.count) bytes do not fill the shape \(tensor.shape)")
    }
    return tensor
  }
}

/// A thing whose complete state can be written and read back exactly.
package protocol Archivable {
  /// Visits every piece of state under a stable name; the archive's mode decides whether it is written or read.
  mutating func archive(_ archive: Archive) throws
}

/// An object of that kind: it is reached through its reference, so nobody copies one to call it.
package protocol ArchivableObject: AnyObject, Archivable {
  /// See `Archivable`.
  func archive(_ archive: Archive) throws
}

/// Why a stored state does not fit the program that reads it.
package enum ArchiveError: Error, Equatable, CustomStringConvertible {
  case missing(String)
  case malformed(String, String)
  case shape(String, stored: [Int], expected: [Int])

  package var description: String {
    switch self {
    case .missing(let name): "the checkpoint has no entry \"\(name)\""
    case .malformed(let name, let text): "the checkpoint's entry \"\(name)\" cannot be read: \(text)"
    case .shape(let name, let stored, let expected):
      "the checkpoint's entry \"\(name)\" has shape \(stored), this configuration needs \(expected)"
    }
  }
}
