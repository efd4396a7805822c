/// SplitMix64 as a counter-based generator: draw n is the finaliser of key + n·γ. One multiplication-rich mix and no
/// memory, for shuffles and draws that must cost less than the work that they serve.
@frozen
@usableFromInline
package struct SplitMix64: Archivable {
  /// key + n·γ after n draws.
  @usableFromInline var state: UInt64

  /// Draws that a number decides.
  @inlinable package init(state: UInt64) { self.state = state }

  /// Draws that three numbers decide.
  @inlinable package init(key: UInt64, _ first: UInt64, _ second: UInt64) {
    state = key ^ first &* 0x9e37_79b9_7f4a_7c15
    state = next() ^ second &* 0xd1b5_4a32_d192_ed03
  }

  /// 64 uniform bits.
  @inlinable package mutating func next() -> UInt64 {
    state = state &+ 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  /// 0..<bound, with a bias of at most bound/2⁶⁴.
  @inlinable package mutating func integer(below bound: UInt64) -> Int {
    Int(truncatingIfNeeded: next().multipliedFullWidth(by: bound).high)
  }

  package mutating func archive(_ archive: Archive) throws { try archive.value("state", &state) }
}
