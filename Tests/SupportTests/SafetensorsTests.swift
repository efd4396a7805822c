import Foundation
import Support
import TestSupport
import Testing

struct SafetensorsTests {
  static func tensor(_ type: Archive.Tensor.ElementType, _ shape: [Int], _ start: Int = 0) -> Archive.Tensor {
    let count = shape.reduce(1, *) * type.size
    return Archive.Tensor(
      elementType: type, shape: shape, bytes: (0..<count).map { UInt8(truncatingIfNeeded: $0 * 7 + start) },
      isWeight: false)
  }

  static let sample: [(name: String, tensor: Archive.Tensor)] = [
    ("flags", tensor(.uint8, [3])), ("actor.0.weight", tensor(.float32, [2, 3], 1)),
    ("scalar", tensor(.float64, [], 2)), ("empty", tensor(.float32, [0, 7])),
    ("é \"q\"", tensor(.int32, [1, 1, 5], 3)),
  ]
  static let metadata: [(key: String, value: String)] = [("format", "pt"), ("note", "a\nb")]

  /// A file around a header, for files that the writer would not make.
  static func file(_ header: String, data: Int = 0) -> [UInt8] {
    let length = UInt64(header.utf8.count)
    return (0..<8).map { UInt8(truncatingIfNeeded: length >> UInt64(8 * $0)) } + header.utf8
      + [UInt8](repeating: 1, count: data)
  }

  @Test func whatIsWrittenIsRead() throws {
    let folder = TemporaryFolder()
    let path = folder.file("state.safetensors")
    let checksum = try Safetensors.write(SafetensorsTests.sample, metadata: SafetensorsTests.metadata, to: path)
    #expect(try FileChecksum.ofFile(path) == checksum)
    let bytes = try FileSystem.read(path, limit: 1 << 20)
    #expect(bytes == Safetensors.encode(SafetensorsTests.sample, metadata: SafetensorsTests.metadata))
    let contents = try Safetensors.read(path, areWeights: true)
    #expect(contents.tensors.map(\.name) == SafetensorsTests.sample.map(\.name))
    for (read, written) in zip(contents.tensors, SafetensorsTests.sample) {
      #expect(read.tensor.bytes == written.tensor.bytes && read.tensor.shape == written.tensor.shape)
      #expect(read.tensor.elementType == written.tensor.elementType && read.tensor.isWeight)
    }
    #expect(contents.metadata.elementsEqual(SafetensorsTests.metadata, by: ==))
    let header = try Safetensors.readHeader(path)
    #expect(header.entries.map(\.name) == SafetensorsTests.sample.map(\.name))
  }

  @Test func theBytesAreTheFormats() throws {
    let bytes = Safetensors.encode(
      [("b", SafetensorsTests.tensor(.uint8, [1])), ("a", SafetensorsTests.tensor(.float32, [2]))],
      metadata: [("k", "v")])
    let header =
      #"{"__metadata__":{"k":"v"},"b":{"dtype":"U8","shape":[1],"data_offsets":[8,9]},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#
    let length = Int(bytes[0]) | Int(bytes[1]) << 8
    #expect(length % 8 == 0 && length - header.utf8.count < 8 && bytes[2..<8].allSatisfy { $0 == 0 })
    let text = String(decoding: bytes[8..<8 + length], as: UTF8.self)
    #expect(text.hasPrefix(header) && text.dropFirst(header.count).allSatisfy { $0 == " " })
    #expect(bytes[(8 + length)...] == [0, 7, 14, 21, 28, 35, 42, 49, 0])
  }

  @Test func anEmptyFileIsAFile() throws {
    let contents = try Safetensors.decode(Safetensors.encode([]))
    #expect(contents.tensors.isEmpty && contents.metadata.isEmpty)
  }

  @Test(
    arguments: [
      ([], "data: the file has 0 bytes, too few for a safetensors file"),
      ([1, 0, 0, 0, 0, 0, 0], "data: the file has 7 bytes, too few for a safetensors file"),
      (
        [255, 255, 255, 255, 255, 255, 255, 255, 0x7B],
        "data: the header's length, 18446744073709551615, is more than 100 MB; this is no safetensors file"
      ),
      ([9, 0, 0, 0, 0, 0, 0, 0, 0x7B], "data: the file ends inside its header (9 bytes, 1 present)"),
      (file(""), "data: the header does not start with '{'"),
      (file(" {}"), "data: the header does not start with '{'"),
      (file("{}", data: 1), "data: 1 bytes at the end belong to no tensor"),
      (
        file("{\"a\":1"),
        "data: the header is no valid JSON: line 1, column 7: the document ends inside the object of line 1, column 1; expected ',' or '}'"
      ),
      (file(#"{"a":1}"#), #"data: "a" is a number, not an object"#),
      (file(#"{"a":{}}"#), #"data: "a" has no dtype"#),
      (
        file(#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1}}"#, data: 4),
        #"data: "a" has an unknown entry "x""#
      ),
      (
        file(#"{"a":{"dtype":"BF16","shape":[1],"data_offsets":[0,2]}}"#, data: 2),
        #"data: "a" has elements of type "BF16", which is not supported; supported: F32, F64, I32, U8"#
      ),
      (
        file(#"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#, data: 4),
        #"data: "a" has no shape of whole numbers"#
      ),
      (
        file(#"{"a":{"dtype":"F32","shape":1,"data_offsets":[0,4]}}"#, data: 4),
        #"data: "a" has no shape of whole numbers"#
      ),
      (
        file(#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}"#, data: 4),
        #"data: "a" has no data_offsets of two ascending whole numbers"#
      ),
      (
        file(#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}}"#, data: 4),
        #"data: "a" has no data_offsets of two ascending whole numbers"#
      ),
      (
        file(#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, data: 4),
        #"data: "a" ends at byte 8, the file's data at 4"#
      ),
      (
        file(#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#, data: 4),
        #"data: "a" has 4 bytes of data, its shape needs 8"#
      ),
      (
        file(#"{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}"#),
        #"data: "a" has a shape too large for any file"#
      ),
      (
        file(
          #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}"#,
          data: 2),
        "data: the header is no valid JSON: line 1, column 54: duplicate key a, first set on line 1; remove one of them"
      ),
      (
        file(
          #"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}"#,
          data: 3),
        #"data: "b" overlaps another: it starts at byte 1, not 2"#
      ),
      (
        file(
          #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}}"#,
          data: 3),
        #"data: "b" leaves a hole: it starts at byte 2, not 1"#
      ),
      (file(#"{"__metadata__":{"a":1}}"#), #"data: __metadata__ "a" is a number, not a string"#),
      (file(#"{"__metadata__":[]}"#), "data: __metadata__ is an array, not an object"),
    ] as [([UInt8], String)])
  func hostileFilesAreRefused(bytes: [UInt8], message: String) {
    let error = #expect(throws: SafetensorsError.self) { try Safetensors.decode(bytes) }
    #expect(error?.description == message)
  }

  @Test func aHugeLengthAsksForNoMemory() throws {
    let folder = TemporaryFolder()
    let path = folder.file("a.safetensors")
    try FileSystem.writeAtomically([0, 0, 0, 0, 0, 1, 0, 0] + Array("{}".utf8), to: path)
    let error = #expect(throws: SafetensorsError.self) { try Safetensors.read(path) }
    #expect(error?.description.contains("more than 100 MB") == true)
    let missing = #expect(throws: SafetensorsError.self) { try Safetensors.read(folder.file("b")) }
    #expect(missing?.description == "cannot open \(folder.file("b")): No such file or directory")
  }

  @Test func damagedFilesNeverTrap() throws {
    let samples = [
      Safetensors.encode(SafetensorsTests.sample, metadata: SafetensorsTests.metadata),
      Safetensors.encode([
        ("a", SafetensorsTests.tensor(.float32, [2, 2])), ("b", SafetensorsTests.tensor(.int32, [1])),
      ]),
      SafetensorsTests.file(
        #"{"a":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,9223372036854775807]}}"#),
    ]
    var accepted = 0
    forMutations(of: samples, count: 30_000, seed: 2, alphabet: "{}[]\",:0123456789eE-+. FIU\u{0}\u{1}\u{7F}") {
      bytes in
      do throws(SafetensorsError) {
        let contents = try Safetensors.decode(bytes)
        accepted += 1
        for (_, tensor) in contents.tensors { #expect(tensor.byteCountOfShape == tensor.bytes.count) }
        #expect(contents.tensors.reduce(0) { $0 + $1.tensor.bytes.count } <= bytes.count)
      } catch {
        #expect(!error.description.isEmpty)
      }
    }
    #expect(accepted > 300 && accepted < 25_000)
  }
}
