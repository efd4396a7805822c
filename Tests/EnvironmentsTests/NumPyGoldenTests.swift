import Environments
import Support
import TestSupport
import Testing

/// NumPy's generator against NumPy; needs no MuJoCo.
@Suite("NumPy's generator and NumPy's")
struct NumPyGoldenTests {
  private static let recorded = "mujoco/np_random.jsonl"

  @Test("seeds, words, uniform and normal numbers are the same", .golden(recorded))
  func draws() throws {
    for row in try Fixture.lines(Self.recorded) {
      let seed = try words(row["seed"])
      func fresh() -> NumPyRandom { NumPyRandom(seedWords: seed) }
      func drawn(_ count: Int, _ draw: (inout NumPyRandom) -> Double) -> [Double] {
        var random = fresh()
        return (0..<count).map { _ in draw(&random) }
      }
      func list(_ key: String) throws -> [Double] { try row[key].doubles(try row[key].shape) }
      let place: Comment = "\(row.file): \(row.key)"
      var random = fresh()
      for word in try row["raw"].elements() {
        #expect(String(random.nextBits(), radix: 16) == String(UInt64(try word.text, radix: 16)!, radix: 16), place)
      }
      #expect(drawn(8) { $0.unit() } == (try list("random")), place)
      #expect(drawn(8) { $0.uniform(-0.3, 0.2) } == (try list("uniform_-0.3_0.2")), place)
      #expect(drawn(16) { $0.normal() } == (try list("standard_normal")), place)
      random = fresh()
      var mixed = (0..<3).map { _ in random.uniform(-0.1, 0.1) }
      mixed += (0..<3).map { _ in random.normal() }
      mixed += (0..<3).map { _ in random.uniform(-0.005, 0.005) }
      mixed += (0..<3).map { _ in random.normal() }
      #expect(mixed == (try list("uniform3_normal3_uniform3_normal3")), place)
      let count = try row["count"].integer(in: 1...1_000_000)
      let normals = drawn(count) { $0.normal() }
      #expect(TestDigest.of(normals) == (try row["standard_normal_sha256"].text), place)
      #expect(TestDigest.of(drawn(count) { $0.unit() }) == (try row["random_sha256"].text), place)
      for kind in ["slow", "tail"] where row.has(kind) {
        guard row.json.object?[kind]?.array?.isEmpty == false else { continue }
        let (indices, values) = (try list(kind), try list("\(kind)_values"))
        for (index, value) in zip(indices, values) { #expect(normals[Int(index)] == value, place) }
      }
    }
  }

  /// The 32-bit words of a whole number of any length, lowest first.
  private func words(_ number: Fixture) throws -> [UInt32] {
    guard case .number(let literal) = number.json else { throw number.fault("is no number") }
    var words: [UInt32] = [0]
    for digit in literal.literal {
      guard let digit = digit.wholeNumberValue else { throw number.fault("is no whole number") }
      var carry = UInt64(digit)
      for index in words.indices {
        carry += UInt64(words[index]) * 10
        words[index] = UInt32(truncatingIfNeeded: carry)
        carry >>= 32
      }
      if carry > 0 { words.append(UInt32(carry)) }
    }
    return words
  }

  /// numpy/random/src/distributions/ziggurat_constants.h of NumPy 2.4.6.
  @Test("the ziggurat's tables are NumPy's")
  func tables() {
    let limits = "565295797825931547a1036f5b012a247be54abbe077c39fe06c8ed1e9d0a5a9"
    let widths = "33c6472209e1d09ea3548f0291e5e1ad67fb4f1d0305e9f1086689584b7bb7fa"
    let heights = "acd898d9d87e212f657755ba43b21e40958090a7ff2103c9e79f4ea1b0fe2bc5"
    #expect(Digest.sha256(Ziggurat.limits.flatMap { TestDigest.bytes($0.littleEndian) }) == limits)
    #expect(TestDigest.of(Ziggurat.widths) == widths)
    #expect(TestDigest.of(Ziggurat.heights) == heights)
  }
}

/// SHA-256 of numbers as files of NumPy have them.
enum TestDigest {
  static func bytes<Word: FixedWidthInteger>(_ word: Word) -> [UInt8] { withUnsafeBytes(of: word) { Array($0) } }

  /// Of little-endian doubles, one after another.
  static func of(_ numbers: [Double]) -> String {
    Digest.sha256(numbers.flatMap { bytes($0.bitPattern.littleEndian) })
  }
}
