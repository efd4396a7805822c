import CKernels
import TestSupport
import Testing

extension Kernels {
  /// Imagination in bfloat16: rounding, the arithmetic of pairs, and the same bytes with and without the instruction.
  @Suite struct BFloat16 {
    /// As `sameOnEveryISA`, and once more without the instruction where there is one.
    private func sameEverywhere<Result: Equatable>(_ body: () -> Result) -> Result {
      holdingInstructionSet {
        let result = sameOnEveryISA(body)
        ck_bfloat16_allow_native(0)
        defer { ck_bfloat16_allow_native(1) }
        #expect(ck_bfloat16_is_native() == 0)
        let isSame = body() == result
        #expect(isSame, "emulated")
        return result
      }
    }

    /// The nearest bfloat16 by the distances to its two neighbours.
    private func nearest(_ x: Float) -> UInt32 {
      if x.isNaN { return (x.bitPattern >> 16) | 0x40 }
      if x.magnitude < Float.leastNormalMagnitude { return x.sign == .minus ? 0x8000 : 0 }
      let below = x.bitPattern >> 16
      if x.isInfinite { return below }
      let low = Double(Float(bitPattern: below << 16)), next = Float(bitPattern: (below + 1) << 16)
      // The neighbour of the largest number is where the next one would be.
      let high = next.isInfinite ? (x < 0 ? -0x1p128 : 0x1p128) : Double(next)
      let (toLow, toHigh) = (abs(Double(x) - low), abs(high - Double(x)))
      return toLow < toHigh || (toLow == toHigh && below % 2 == 0) ? below : below + 1
    }

    @Test func roundsToTheNearest() {
      var values: [Float] = [
        0, -0.0, 1, -1, .infinity, -.infinity, .nan, .greatestFiniteMagnitude, .leastNormalMagnitude,
        -.leastNormalMagnitude.nextDown, .leastNonzeroMagnitude, 1 + 0x1p-8, 1 + 0x1p-8 + 0x1p-23, 1 + 3 * 0x1p-8,
      ]
      for exponent in 0..<255 as Range<UInt32> {
        for fraction in [0, 1, 0x7fff, 0x8000, 0x8001, 0xffff, 0x1_8000, 0x7f_8000, 0x7f_ffff] as [UInt32] {
          values.append(Float(bitPattern: exponent << 23 | fraction))
          values.append(-Float(bitPattern: exponent << 23 | fraction))
        }
      }
      let columns = 7, rows = values.count / columns
      var words = [UInt32](repeating: .max, count: rows * 4)
      ck_bfloat16_pairs(Int64(rows), Int64(columns), values, &words)
      for row in 0..<rows {
        for column in 0..<columns {
          let half = words[row * 4 + column / 2] >> (column % 2 * 16) & 0xffff
          #expect(half == nearest(values[row * columns + column]), "\(values[row * columns + column])")
        }
        #expect(words[row * 4 + 3] >> 16 == 0)
      }
    }

    static let shapes: [[Int]] = [
      [1], [2], [7], [16], [20, 33], [33, 20], [15, 17], [64, 64], [50, 49, 48], [200, 13],
    ]

    /// With activations that round nothing, every bit of the raw means is the reference's.
    @Test(arguments: shapes, [CK_IDENTITY, CK_RELU]) func everyBitIsTheReference(hidden: [Int], activation: Int) {
      var options = TestEnsemble.Options(hidden: hidden, activation: activation)
      options.isReduced = true
      options.isSampled = false
      let ensemble = TestEnsemble(options, rowCount: 260)
      for count in [1, 15, 16, 17, 200, 257] {
        let got = sameEverywhere { ensemble.step(first: 0, count: count) }
        let want = ensemble.step(first: 0, count: count, reference: true)
        let isSame = got.mean == want.mean
        #expect(isSame, "\(count) rows")
      }
    }

    /// Numbers so small that sums, inputs and weights are flushed to zero here and there, and so large that sums
    /// overflow: what the instruction does at the ends of the exponents.
    @Test(arguments: [1e-18, 3e-19, 1e-19, 1e-13, 1e18, 1e19, 3e19] as [Float], [0, 1e-38, 1] as [Float])
    func endsOfTheExponents(weightScale: Float, biasScale: Float) {
      var options = TestEnsemble.Options(hidden: [40, 41], activation: CK_IDENTITY)
      options.isProbabilistic = false
      options.isReduced = true
      (options.weightScale, options.biasScale) = (weightScale, biasScale)
      let ensemble = TestEnsemble(options)
      let got = sameEverywhere { ensemble.step(first: 0, count: 100).mean.map { Float(bitPattern: $0).isNaN ? 1 : $0 } }
      let want = ensemble.step(first: 0, count: 100, reference: true).mean
        .map { Float(bitPattern: $0).isNaN ? 1 : $0 }
      let isSame = got == want
      #expect(isSame)
    }

    /// Sums that float32 rounds up to the smallest normal number, while 24 bits of a smaller exponent hold them below
    /// it: the instruction calls those subnormal. Output i is bias + x_i·factor, x_i = 2⁻⁷⁰·(1 + i/128).
    @Test(arguments: [0, 1, 2, 3, 4, 5, 8, 16] as [UInt32], [false, true]) func almostNormal(above: UInt32, isOdd: Bool)
    {
      let size = 128, shift = isOdd ? 1 : 0  // so that the product stands in the other half of its pair
      let bias = -Float(bitPattern: Float.leastNormalMagnitude.bitPattern + above)
      let values = (0..<size).map { 0x1p-70 * (1 + Float($0) / 128) }
      var options = TestEnsemble.Options(observationSize: size, hidden: [size + shift], activation: CK_IDENTITY)
      options.isDelta = [Int32](repeating: 0, count: size)
      (options.isProbabilistic, options.isSampled, options.isReduced) = (false, false, true)
      options.parameter = { layer, isBias, index in
        switch (layer, isBias) {
        case (0, false): 0
        case (0, true): index < shift ? 0 : values[index - shift]
        case (_, false): index % (size + shift) == index / (size + shift) + shift ? 0x1p-77 : 0
        case (_, true): bias
        }
      }
      let ensemble = TestEnsemble(options)
      let got = sameEverywhere { ensemble.step(first: 0, count: 1).mean }
      let isSame = got == ensemble.step(first: 0, count: 1, reference: true).mean
      #expect(isSame)
      guard above == 4 else { return }
      let isAlmostNormal = values.indices.contains { index in
        bias.addingProduct(values[index], 0x1p-77).magnitude == Float.leastNormalMagnitude
          && floats(got)[index * ensemble.rowCount] == 0
      }
      #expect(isAlmostNormal)
    }

    /// An activation that differs in its last bit may round to the next bfloat16, once in some ten thousand values; all
    /// others agree as closely as in float32.
    @Test(arguments: TestEnsemble.Options.all) func agreesWithReference(_ options: TestEnsemble.Options) {
      var options = options
      options.isReduced = true
      let ensemble = TestEnsemble(options)
      for count in [1, 4, 33, 100] {
        let got = sameEverywhere { ensemble.step(count: count) }
        let want = ensemble.step(count: count, reference: true)
        let pairs = zip(
          floats(got.next + got.reward + got.termination + got.mean + got.variance),
          floats(want.next + want.reward + want.termination + want.mean + want.variance))
        let errors = pairs.map { abs($0 - $1) / (abs($1) + 1) }
        #expect(errors.allSatisfy { $0 < 5e-3 })
        #expect(errors.filter { $0 >= 2e-5 }.count <= errors.count / 50)
      }
    }

    @Test(arguments: TestEnsemble.Options.all) func groupingDoesNotMatter(_ options: TestEnsemble.Options) {
      var options = options
      options.isReduced = true
      let ensemble = TestEnsemble(options)
      _ = sameEverywhere {
        let whole = ensemble.step(count: 100)
        for group in [1, 16, 17, 51] {
          let isSame = ensemble.step(count: 100, group: group) == whole
          #expect(isSame, "calls of \(group) rows")
        }
        return whole
      }
    }

    /// It is another arithmetic, near float32's: the difference is of the size of the rounding, 2⁻⁹ per factor.
    @Test func differsFromFloat32ByItsRounding() {
      var options = TestEnsemble.Options(hidden: [64, 64])
      options.isSampled = false
      let exact = floats(TestEnsemble(options).step(first: 0, count: 100).mean)
      options.isReduced = true
      let reduced = floats(TestEnsemble(options).step(first: 0, count: 100).mean)
      let largest = zip(exact, reduced).map { abs($0 - $1) }.max()!
      #expect(largest > 1e-4)
      #expect(largest < 2e-2)
    }

    @Test func aNaNReachesItsRowAlone() {
      for kind in 0..<CK_ACTIVATION_COUNT {
        var options = TestEnsemble.Options(activation: kind)
        options.isReduced = true
        let ensemble = TestEnsemble(options)
        _ = sameEverywhere {
          let next = floats(ensemble.step(first: 0, count: 100, spoiledRow: 37).next)
          let isOnlyThere = (0..<300).allSatisfy { next[$0 / 100 * 120 + $0 % 100].isNaN == ($0 % 100 == 37) }
          #expect(isOnlyThere)
          return true
        }
      }
    }

    @Test func theCeilingIsThereWithTheInstruction() {
      holdingInstructionSet {
        var sink: [Float] = [0.999, 0.001]
        #expect((ck_bfloat16_peak(10, &sink) > 0) == (ck_bfloat16_is_native() != 0))
        ck_bfloat16_allow_native(0)
        defer { ck_bfloat16_allow_native(1) }
        #expect(ck_bfloat16_peak(10, &sink) == 0)
      }
    }
  }
}
