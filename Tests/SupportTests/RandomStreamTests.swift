import Support
import Testing

struct RandomStreamTests {
  @Test func theSameSeedGivesTheSameDraws() {
    var first = RandomStream(seed: 1)
    var second = RandomStream(seed: 1)
    #expect((0..<100).map { _ in first.nextBits() } == (0..<100).map { _ in second.nextBits() })
    #expect(first == second)
  }

  @Test func streamsDependOnlyOnTheKey() {
    let root = RandomStream(seed: 1)
    var used = root
    _ = used.nextBits()
    #expect(root.stream("model") == used.stream("model"))
    #expect(root.stream(7) == used.stream(7))
    var keys = Set<UInt64>()
    for seed in UInt64(0)..<200 {
      let root = RandomStream(seed: seed)
      keys.insert(root.key)
      for stream in [root.stream("environment"), root.stream("policy"), root.stream("model")] {
        keys.insert(stream.key)
        for index in UInt64(0)..<20 { keys.insert(stream.stream(index).key) }
      }
    }
    #expect(keys.count == 200 * 64)
  }

  @Test func neighbouringStreamsAreUncorrelated() {
    let count = 20_000
    var streams = [
      RandomStream(seed: 0), RandomStream(seed: 1), RandomStream(seed: 0).stream("model"),
      RandomStream(seed: 0).stream(0), RandomStream(seed: 0).stream(1),
    ]
    let draws = streams.indices.map { index in (0..<count).map { _ in streams[index].uniform() - 0.5 } }
    for a in draws.indices {
      for b in draws.indices where b > a {
        let correlation = zip(draws[a], draws[b]).reduce(0) { $0 + $1.0 * $1.1 } * 12 / Double(count)
        #expect(abs(correlation) < 4 / Double(count).squareRoot())
      }
    }
  }

  @Test func uniformMoments() {
    var stream = RandomStream(seed: 2)
    let count = 200_000
    let draws = (0..<count).map { _ in stream.uniform() }
    #expect(draws.allSatisfy { $0 >= 0 && $0 < 1 })
    for power in 1...4 {
      let moment =
        draws.reduce(0) { sum, u in sum + (0..<power).reduce(1) { product, _ in product * u } } / Double(count)
      let p = Double(power)
      let deviation = (1 / (2 * p + 1) - 1 / ((p + 1) * (p + 1))).squareRoot()
      #expect(abs(moment - 1 / (p + 1)) < 4 * deviation / Double(count).squareRoot())
    }
    let (low, high) = (-3.0, 5.0)
    #expect((0..<1000).allSatisfy { _ in (low..<high).contains(stream.uniform(low, high)) })
  }

  @Test(arguments: [1, 2, 3, 7, 10, 48, 1000])
  func integersAreUnbiased(bound: Int) {
    var stream = RandomStream(seed: 3)
    var counts = [Int](repeating: 0, count: bound)
    let draws = 200 * bound
    for _ in 0..<draws { counts[stream.integer(below: bound)] += 1 }
    let squares = counts.reduce(0.0) { $0 + (Double($1) - 200) * (Double($1) - 200) / 200 }
    let freedom = Double(bound - 1)
    #expect(squares <= freedom + 4 * (2 * freedom).squareRoot() + 0.001)
  }

  /// A bound just above 2^62·3 rejects a quarter of the draws: a biased method would favour the low half.
  @Test func hugeBoundsAreUnbiased() {
    var stream = RandomStream(seed: 4)
    let bound = Int.max / 4 * 3
    let low = (0..<20_000).count { _ in stream.integer(below: bound) < bound / 2 }
    #expect(abs(low - 10_000) < 300)
  }

  @Test func shuffleIsAPermutation() {
    var stream = RandomStream(seed: 5)
    for count in [0, 1, 2, 3, 17, 1000] {
      #expect(stream.permutation(count).sorted() == (0..<Int32(count)).map { $0 })
    }
    // Each of the 24 orders of four appears about equally often.
    var counts: [[Int32]: Int] = [:]
    for _ in 0..<24_000 { counts[stream.permutation(4), default: 0] += 1 }
    #expect(counts.count == 24)
    #expect(counts.values.reduce(0.0) { $0 + (Double($1) - 1000) * (Double($1) - 1000) / 1000 } < 50)
  }

  @Test func fillsTakeOneDrawAndDiffer() {
    var stream = RandomStream(seed: 6)
    var first = [Float](repeating: 0, count: 1001)
    var second = first
    first.withUnsafeMutableBufferPointer { stream.fillNormal($0) }
    #expect(stream.position == 1)
    second.withUnsafeMutableBufferPointer { stream.fillNormal($0) }
    #expect(zip(first, second).count { $0 == $1 } < 3)
    let mean = first.reduce(0, +) / 1001
    let square = first.reduce(0) { $0 + $1 * $1 } / 1001
    #expect(abs(mean) < 0.13 && abs(square - 1) < 0.2)
    // A longer fill of the same draw begins the same.
    var again = RandomStream(seed: 6)
    var long = [Float](repeating: 0, count: 5000)
    long.withUnsafeMutableBufferPointer { again.fillNormal($0) }
    #expect(Array(long.prefix(1001)) == first)
    second.withUnsafeMutableBufferPointer { stream.fillUniform($0, -2, 3) }
    #expect(second.allSatisfy { $0 >= -2 && $0 < 3 } && second.contains { $0 < -1.9 } && second.contains { $0 > 2.9 })
    second.withUnsafeMutableBufferPointer { stream.fillTruncatedNormal($0, bound: 0.5) }
    #expect(second.allSatisfy { abs($0) <= 0.5 })
  }

  @Test func archiveRoundTrip() throws {
    var stream = RandomStream(seed: 7).stream("policy")
    for _ in 0..<37 { _ = stream.nextBits() }
    let written = Archive()
    try written.part("random", &stream)
    var read = RandomStream(seed: 0)
    try Archive(scalars: written.scalars, tensors: []).part("random", &read)
    #expect(read == stream)
    #expect(read.nextBits() == stream.nextBits())
  }

  @Test func aDamagedPositionDoesNotTrap() throws {
    var stream = RandomStream(seed: 0)
    let archive = Archive(scalars: [("key", "0x1"), ("position", "0xffffffffffffffff")], tensors: [])
    try stream.archive(archive)
    _ = stream.nextBits()
    #expect(stream.position == 0)
  }
}
