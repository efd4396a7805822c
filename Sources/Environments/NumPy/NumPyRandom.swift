import Support

/// NumPy's `default_rng(seed)`, as far as Gymnasium's resets need it: the same doubles for the same seed.
///
/// `SeedSequence` (M. E. O'Neill's seed_seq design, hashing the seed into a pool of four words) seeds `PCG64`
/// (O'Neill 2014, PCG XSL-RR 128/64), whose upper 53 bits make a double.
package struct NumPyRandom {
  private var state: UInt128
  private var increment: UInt128

  /// PCG's 128-bit multiplier.
  private static let multiplier: UInt128 = 0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645

  /// `np.random.default_rng(seed)`.
  package init(seed: UInt64) {
    self.init(seedWords: [UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32)])
  }

  /// The same for a seed of any size: its 32-bit words, lowest first, without zeros at the end beyond the fourth.
  package init(seedWords: [UInt32]) {
    var sequence = SeedSequence(entropy: seedWords)
    let start = UInt128(sequence.next()) << 64 | UInt128(sequence.next())
    increment = (UInt128(sequence.next()) << 64 | UInt128(sequence.next())) << 1 | 1
    // From state 0: one step, add the seed, one step.
    state = (increment &+ start) &* NumPyRandom.multiplier &+ increment
  }

  /// 64 uniform bits: PCG64's next output.
  package mutating func nextBits() -> UInt64 {
    state = state &* NumPyRandom.multiplier &+ increment
    let folded = UInt64(truncatingIfNeeded: state >> 64) ^ UInt64(truncatingIfNeeded: state)
    let rotation = UInt64(truncatingIfNeeded: state >> 122)
    return folded >> rotation | folded << ((64 &- rotation) & 63)
  }

  /// `Generator.random()`: in [0, 1).
  @inline(__always)
  package mutating func unit() -> Double { Double(nextBits() >> 11) * 0x1p-53 }

  /// `Generator.uniform(low, high)`.
  package mutating func uniform(_ low: Double, _ high: Double) -> Double {
    low + (high - low) * unit()
  }
}

extension NumPyRandom: Archivable {
  package mutating func archive(_ archive: Archive) throws {
    func halves(_ name: String, _ value: inout UInt128) throws {
      var (high, low) = (UInt64(truncatingIfNeeded: value >> 64), UInt64(truncatingIfNeeded: value))
      try archive.value(name + "High", &high)
      try archive.value(name + "Low", &low)
      value = UInt128(high) << 64 | UInt128(low)
    }
    try halves("state", &state)
    try halves("increment", &increment)
  }
}

/// `np.random.SeedSequence(entropy)` with its default pool of four words and no spawn key.
private struct SeedSequence {
  private var pool = SIMD4<UInt32>()
  private var hashConstant: UInt32 = 0x8b51_f9dd
  private var position = 0

  /// The seed's 32-bit words, lowest first; fewer than four are padded with zeros.
  init(entropy words: [UInt32]) {
    var constant: UInt32 = 0x43b0_d7e5
    func hash(_ word: UInt32) -> UInt32 {
      var value = word ^ constant
      constant = constant &* 0x931e_8875
      value = value &* constant
      return value ^ (value >> 16)
    }
    func mix(_ left: UInt32, _ right: UInt32) -> UInt32 {
      let value = 0xca01_f9dd &* left &- 0x4973_f715 &* right
      return value ^ (value >> 16)
    }
    for index in 0..<4 { pool[index] = hash(index < words.count ? words[index] : 0) }
    for source in 0..<4 {
      for destination in 0..<4 where destination != source {
        pool[destination] = mix(pool[destination], hash(pool[source]))
      }
    }
    for word in words.dropFirst(4) {
      for destination in 0..<4 { pool[destination] = mix(pool[destination], hash(word)) }
    }
  }

  /// The next 64-bit word of `generate_state`: two 32-bit words, the low one first.
  mutating func next() -> UInt64 {
    let low = nextWord()
    return UInt64(low) | UInt64(nextWord()) << 32
  }

  private mutating func nextWord() -> UInt32 {
    var value = pool[position % 4] ^ hashConstant
    position += 1
    hashConstant = hashConstant &* 0x58f3_8ded
    value = value &* hashConstant
    return value ^ (value >> 16)
  }
}
