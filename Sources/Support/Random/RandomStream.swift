import CKernels

/// A counter-based stream of random numbers (Philox4x32-10).
///
/// A stream is a 64-bit key and a position. Named child streams are derived from the key alone, so a draw depends
/// neither on threads nor on what another stream has consumed. Draw n of a stream is a pure function of (key, n).
package struct RandomStream: Archivable, Equatable, Sendable {
  /// What decides every draw.
  package private(set) var key: UInt64
  /// How many draws have been taken.
  package private(set) var position: UInt64 = 0

  /// The root stream of one seed.
  package init(seed: UInt64) { key = RandomStream.mix(seed, 0x6d62_726c_2d72_6f6f) }

  private init(key: UInt64) { self.key = key }

  /// The child stream of that name ("environment", "policy", "model", …), at its start.
  package func stream(_ name: StaticString) -> RandomStream {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    name.withUTF8Buffer { for byte in $0 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 } }
    return RandomStream(key: RandomStream.mix(key, hash))
  }

  /// The child stream of that number (an episode, a member, a plan), at its start.
  package func stream(_ index: UInt64) -> RandomStream {
    RandomStream(key: RandomStream.mix(key, RandomStream.mix(index, 0x696e_6465_78)))
  }

  /// A stream of its own for the next piece of work; takes one draw of this one.
  package mutating func nextStream() -> RandomStream { RandomStream(key: takeBlock() ^ key) }

  /// 64 uniform bits.
  package mutating func nextBits() -> UInt64 {
    let counter = position
    position &+= 1  // wraps: a damaged checkpoint may hold any position
    return withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 10) { words in
      let base = words.baseAddress!
      base[0] = UInt32(truncatingIfNeeded: counter)
      base[1] = UInt32(truncatingIfNeeded: counter >> 32)
      base[2] = 0x7363_616c  // apart from the blocks of `fillNormal` and its kin
      base[3] = 0x6172_0000
      base[4] = UInt32(truncatingIfNeeded: key)
      base[5] = UInt32(truncatingIfNeeded: key >> 32)
      ck_philox(base, base + 4, base + 6)
      return UInt64(base[6]) | UInt64(base[7]) << 32
    }
  }

  /// A double in [0, 1) with 53 random bits.
  package mutating func uniform() -> Double { Double(nextBits() >> 11) * 0x1p-53 }

  /// A double in [low, high).
  package mutating func uniform(_ low: Double, _ high: Double) -> Double { low + (high - low) * uniform() }

  /// An integer in 0..<bound, without bias. `bound` ≥ 1.
  package mutating func integer(below bound: Int) -> Int {
    precondition(bound >= 1, "bound")
    let bound = UInt64(bound)
    while true {
      let (high, low) = nextBits().multipliedFullWidth(by: bound)
      if low >= bound || low >= (0 &- bound) % bound { return Int(high) }
    }
  }

  /// A random order of 0..<count.
  package mutating func permutation(_ count: Int) -> [Int32] {
    var order = (0..<Int32(count)).map { $0 }
    shuffle(&order)
    return order
  }

  /// Fisher–Yates. Not generic: a generic one would take memory for every exchange where it is not specialised.
  package mutating func shuffle(_ array: inout [Int32]) {
    array.withUnsafeMutableBufferPointer { array in
      var remaining = array.count
      while remaining > 1 {
        let index = integer(below: remaining)
        remaining -= 1
        array.swapAt(index, remaining)
      }
    }
  }

  /// Fills with standard normals; takes one draw of the stream, whatever the count.
  package mutating func fillNormal(_ out: UnsafeMutableBufferPointer<Float>) {
    guard let base = out.baseAddress else { return }
    ck_fill_normal(key, takeBlock(), Int64(out.count), base)
  }

  /// Fills with uniforms in [low, high); takes one draw of the stream.
  package mutating func fillUniform(_ out: UnsafeMutableBufferPointer<Float>, _ low: Float, _ high: Float) {
    guard let base = out.baseAddress else { return }
    ck_fill_uniform(key, takeBlock(), Int64(out.count), low, high, base)
  }

  /// Fills with normals limited to ±bound by redrawing; takes one draw of the stream.
  package mutating func fillTruncatedNormal(_ out: UnsafeMutableBufferPointer<Float>, bound: Float) {
    guard let base = out.baseAddress else { return }
    ck_fill_truncated_normal(key, takeBlock(), Int64(out.count), bound, base)
  }

  /// A number no other draw of this stream has had, for kernels that count for themselves.
  package mutating func takeBlock() -> UInt64 {
    position &+= 1
    return position
  }

  /// The key and the position: the stream goes on where it was.
  package mutating func archive(_ archive: Archive) throws {
    try archive.value("key", &key)
    try archive.value("position", &position)
  }

  /// SplitMix64's finaliser over both words: every input bit reaches every output bit.
  private static func mix(_ left: UInt64, _ right: UInt64) -> UInt64 {
    var z = left &+ 0x9e37_79b9_7f4a_7c15 &* (right | 1) ^ (right >> 1)
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    z ^= z >> 31
    z = z &+ right
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
