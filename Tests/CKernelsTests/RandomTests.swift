import CKernels
import Foundation
import TestSupport
import Testing

extension Kernels {
  @Suite struct Randomness {
    struct KnownAnswer: Sendable { var counter, key, words: [UInt32] }

    /// The known-answer vectors of Random123.
    static let knownAnswers = [
      KnownAnswer(
        counter: [0, 0, 0, 0], key: [0, 0], words: [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]),
      KnownAnswer(
        counter: [.max, .max, .max, .max], key: [.max, .max],
        words: [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]),
      KnownAnswer(
        counter: [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344], key: [0xa409_3822, 0x299f_31d0],
        words: [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]),
    ]

    @Test(arguments: knownAnswers) func philox(_ answer: KnownAnswer) {
      var out = [UInt32](repeating: 0, count: 4)
      ck_philox(answer.counter, answer.key, &out)
      #expect(out == answer.words)
    }

    private let key: UInt64 = 0x0123_4567_89ab_cdef, stream: UInt64 = 0xfedc_ba98_7654_3210

    private func words(block: UInt64, stream: UInt64) -> [UInt32] {
      let halves = { (word: UInt64) in [UInt32(truncatingIfNeeded: word), UInt32(truncatingIfNeeded: word >> 32)] }
      var out = [UInt32](repeating: 0, count: 4)
      ck_philox(halves(block) + halves(stream), halves(key), &out)
      return out
    }

    /// The four normals of a block, by the rule in ckernels.h, in double precision.
    private func normals(_ words: [UInt32]) -> [Float] {
      [0, 2].flatMap { (pair: Int) -> [Float] in
        let u1 = Float(Double(words[pair] >> 8) * 0x1p-24 + 0x1p-25), u2 = Double(words[pair + 1] >> 8) * 0x1p-24
        let radius = (-2 * log(Double(u1))).squareRoot(), angle = 2 * Double.pi * u2
        return [Float(radius * cos(angle)), Float(radius * sin(angle))]
      }
    }

    @Test(arguments: [1, 15, 16, 17, 200, 257]) func normalsFollowTheContract(_ count: Int) {
      let got = sameOnEveryISA {
        var out = [Float](repeating: 0, count: count)
        ck_fill_normal(key, stream, Int64(count), &out)
        return bits(out)
      }
      let want = (0..<(count + 3) / 4).flatMap { normals(words(block: UInt64($0), stream: stream)) }
      #expect(largestError(floats(got), Array(want.prefix(count)), floor: 0.1) < 2e-6)
    }

    @Test(arguments: [1, 15, 16, 17, 200, 257]) func uniformsFollowTheContract(_ count: Int) {
      let got = sameOnEveryISA {
        var out = [Float](repeating: 0, count: count)
        ck_fill_uniform(key, stream, Int64(count), -3, 5, &out)
        return bits(out)
      }
      let want = (0..<count).map { i -> Float in
        -3 + 8 * Float(words(block: UInt64(i / 4), stream: stream)[i % 4] >> 8) * 0x1p-24
      }
      #expect(largestError(floats(got), want, floor: 0.1) < 2e-6)
    }

    @Test func uniformsStayBelowTheUpperBound() {
      var out = [Float](repeating: 0, count: 1 << 20)
      ck_fill_uniform(1, 2, Int64(out.count), 1, 1.0001, &out)
      #expect(out.allSatisfy { $0 >= 1 && $0 < 1.0001 })
      ck_fill_uniform(1, 2, 64, 3, 3, &out)
      #expect(out.prefix(64).allSatisfy { $0 == 3 })
    }

    @Test func momentsOfNormals() {
      var x = [Float](repeating: 0, count: 1 << 20)
      ck_fill_normal(3, 4, Int64(x.count), &x)
      #expect(x.allSatisfy { $0.isFinite })
      var moments = [0.0, 0.0, 0.0, 0.0]
      for value in x {
        var power = 1.0
        for order in 0..<4 {
          power *= Double(value)
          moments[order] += power / Double(x.count)
        }
      }
      // Four standard errors each.
      #expect(abs(moments[0]) < 4e-3)
      #expect(abs(moments[1] - 1) < 6e-3)
      #expect(abs(moments[2]) < 1.5e-2)
      #expect(abs(moments[3] - 3) < 4e-2)
    }

    @Test(arguments: [2, 1, 0.25] as [Float]) func truncatedNormalsRedraw(_ bound: Float) {
      let count = 203
      let got = floats(
        sameOnEveryISA {
          var out = [Float](repeating: 0, count: count)
          ck_fill_truncated_normal(key, stream, Int64(count), bound, &out)
          return bits(out)
        })
      #expect(got.allSatisfy { abs($0) <= bound })
      for i in 0..<count {
        let draws = (0..<64 as Range<UInt64>).lazy.flatMap {
          normals(words(block: UInt64(i), stream: stream ^ $0 << 48))
        }
        let want = draws.first { abs($0) <= bound }
        #expect(abs(got[i] - (want ?? .infinity)) < 3e-6)
      }
    }

    @Test func impossibleBoundClampsTheLastDraw() {
      sameOnEveryISA {
        var out = [Float](repeating: 9, count: 5)
        ck_fill_truncated_normal(key, stream, 5, 1e-9, &out)
        return out.map(abs) == [Float](repeating: 1e-9, count: 5)
      }
    }
  }

  @Suite struct InstructionSets {
    @Test func selection() {
      holdingInstructionSet {
        let previous = ck_isa_current()
        defer { ck_isa_select(previous) }
        #expect(ck_isa_available(ck_isa_best()) != 0)
        for isa in availableISAs {
          #expect(ck_isa_select(isa) == 0)
          #expect(ck_isa_current() == isa)
        }
        #expect(ck_isa_select(99) == -1)
        #expect(ck_isa_select(-1) == -1)
        #expect(ck_isa_current() == availableISAs.last)
      }
      for (isa, name) in ["portable", "avx2", "avx512"].enumerated() {
        #expect(String(cString: ck_isa_name(Int32(isa))) == name)
      }
    }
  }
}
