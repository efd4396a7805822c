import Support
import Testing

struct ArchiveTests {
  private struct State: Archivable, Equatable {
    var count = 0
    var bits: UInt64 = 0
    var isOn = false
    var name = ""
    var double = 0.0
    var single: Float = 0
    var floats: [Float] = []
    var doubles: [Double] = []
    var integers: [Int32] = []
    var bytes: [UInt8] = []

    mutating func archive(_ archive: Archive) throws {
      try archive.value("count", &count)
      try archive.value("bits", &bits)
      try archive.value("isOn", &isOn)
      try archive.value("name", &name)
      try archive.value("double", &double)
      try archive.value("single", &single)
      try archive.scope("arrays") {
        try archive.array("floats", &floats)
        try archive.array("doubles", &doubles)
        try archive.array("integers", &integers)
        try archive.array("bytes", &bytes)
      }
    }
  }

  private func roundTrip(_ state: State) throws -> State {
    var state = state
    let written = Archive()
    try written.part("state", &state)
    // Through the files, as a checkpoint goes.
    let contents = try Safetensors.decode(Safetensors.encode(written.tensors))
    var read = State()
    try Archive(scalars: written.scalars, tensors: contents.tensors).part("state", &read)
    return read
  }

  @Test func everythingComesBack() throws {
    let state = State(
      count: Int.min, bits: UInt64.max, isOn: true, name: "a\n\u{0}é", double: -0.0, single: .leastNonzeroMagnitude,
      floats: [1, -0.0, .infinity], doubles: [.pi, -.infinity], integers: [.min, .max], bytes: [0, 255])
    let read = try roundTrip(state)
    #expect(read == state)
    #expect(read.double.sign == .minus && read.floats[1].sign == .minus)
  }

  @Test func nothingAndNotANumber() throws {
    #expect(try roundTrip(State()) == State())
    let read = try roundTrip(State(double: .nan, single: .nan, floats: [.nan]))
    #expect(read.double.isNaN && read.single.isNaN && read.floats[0].isNaN)
  }

  @Test func mistakesAreNamed() throws {
    var value = 0
    var bits: UInt64 = 0
    var single: Float = 0
    var floats: [Float] = []
    let archive = Archive(
      scalars: [("a", "x"), ("b", "12"), ("c", "0x1ffffffff")],
      tensors: [
        ("i", .init(elementType: .int32, shape: [1], bytes: [0, 0, 0, 0], isWeight: false)),
        ("short", .init(elementType: .float32, shape: [2], bytes: [0, 0, 0, 0, 0], isWeight: false)),
        ("huge", .init(elementType: .float32, shape: [Int.max, 4], bytes: [], isWeight: false)),
        ("f", .init(elementType: .float32, shape: [2], bytes: [UInt8](repeating: 0, count: 8), isWeight: false)),
      ])
    #expect(throws: ArchiveError.missing("zzz")) { try archive.value("zzz", &value) }
    #expect(throws: ArchiveError.malformed("a", "x")) { try archive.value("a", &value) }
    #expect(throws: ArchiveError.malformed("b", "12")) { try archive.value("b", &bits) }
    #expect(throws: ArchiveError.malformed("c", "0x1ffffffff has more than 32 bits")) {
      try archive.value("c", &single)
    }
    #expect(throws: ArchiveError.missing("s.i")) { try archive.scope("s") { try archive.array("i", &floats) } }
    #expect(throws: ArchiveError.malformed("i", "I32 instead of F32")) { try archive.array("i", &floats) }
    #expect(throws: ArchiveError.malformed("short", "5 bytes do not fill the shape [2]")) {
      try archive.array("short", &floats)
    }
    #expect(throws: ArchiveError.self) { try archive.array("huge", &floats) }
    floats = [1, 2, 3]
    #expect(throws: ArchiveError.shape("f", stored: [2], expected: [3])) {
      try archive.array("f", &floats, isFixed: true)
    }
    #expect(floats == [1, 2, 3])
    try archive.array("f", &floats)
    #expect(floats == [0, 0])
    var memory: [Float] = [1, 2, 3]
    memory.withUnsafeMutableBufferPointer { buffer in
      _ = #expect(throws: ArchiveError.shape("f", stored: [2], expected: [3])) {
        try archive.buffer("f", buffer, shape: [3])
      }
    }
    #expect(memory == [1, 2, 3])
  }

  @Test func buffersKeepShapeAndPlace() throws {
    var memory: [Float] = [1, 2, 3, 4]
    let written = Archive()
    try memory.withUnsafeMutableBufferPointer { try written.buffer("w", $0, shape: [2, 2], isWeight: true) }
    #expect(written.tensors[0].tensor.shape == [2, 2] && written.tensors[0].tensor.isWeight)
    var read = [Float](repeating: 0, count: 4)
    try read.withUnsafeMutableBufferPointer {
      try Archive(scalars: [], tensors: written.tensors).buffer("w", $0, shape: [2, 2])
    }
    #expect(read == memory)
    var none: [Float] = []
    let empty = Archive()
    try none.withUnsafeMutableBufferPointer { try empty.buffer("none", $0, shape: [0, 3]) }
    try none.withUnsafeMutableBufferPointer {
      try Archive(scalars: [], tensors: empty.tensors).buffer("none", $0, shape: [0, 3])
    }
  }
}
