import CKernels
import Foundation
import TestSupport
import Testing

/// Holds every test of this target: they run one after another, for they switch the instruction set of the process.
@Suite(.serialized) enum Kernels {}

/// The variants this processor can run.
let availableISAs = [CK_ISA_PORTABLE, CK_ISA_AVX2, CK_ISA_AVX512].map { Int32($0) }
  .filter { ck_isa_available($0) != 0 }

/// Runs `body` under every variant and expects the same result from all; returns it.
@discardableResult
func sameOnEveryISA<Result: Equatable>(
  sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Result
) rethrows -> Result {
  try holdingInstructionSet {
    let previous = ck_isa_current()
    defer { ck_isa_select(previous) }
    ck_isa_select(availableISAs[0])
    let first = try body()
    for isa in availableISAs.dropFirst() {
      ck_isa_select(isa)
      // Not compared within the macro, which would print both arrays.
      let isSame = try body() == first
      #expect(isSame, "\(String(cString: ck_isa_name(isa)))", sourceLocation: sourceLocation)
    }
    return first
  }
}

/// Uniform numbers in [−1, 1).
func sample(_ count: Int, seed: UInt64) -> [Float] {
  var out = [Float](repeating: 0, count: count)
  ck_fill_uniform(0x7465_7374, seed, Int64(count), -1, 1, &out)
  return out
}

/// The bytes, so that −0 and 0 differ and a NaN equals itself.
func bits(_ values: [Float]) -> [UInt32] { values.map(\.bitPattern) }
func floats(_ bits: [UInt32]) -> [Float] { bits.map { Float(bitPattern: $0) } }

/// max |got − want| / (|want| + floor)
func largestError(_ got: [Float], _ want: [Float], floor: Double = 1e-3) -> Double {
  guard got.count == want.count else { return .infinity }
  var largest = 0.0
  for (g, w) in zip(got, want) where g != w {
    let error = abs(Double(g) - Double(w)) / (abs(Double(w)) + floor)
    largest = error.isNaN ? .infinity : max(largest, error)
  }
  return largest
}

func makePool(_ threads: Int32) throws -> OpaquePointer { try #require(ck_pool_create(threads)) }
