import Support

/// SplitMix64 as a counter-based generator: draw n is the finaliser of key + n·γ. One multiplication-rich mix and no
/// memory, so that drawing costs less than the backup that it serves.
struct PlanningDraws: Archivable {
  /// key + n·γ after n draws.
  private var state: UInt64

  /// Draws that the stream decides.
  init(_ stream: RandomStream) {
    var stream = stream
    state = stream.nextBits()
  }

  /// 64 uniform bits.
  @inline(__always) mutating func next() -> UInt64 {
    state = state &+ 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  /// 0..<bound, with a bias of at most bound/2⁶⁴.
  @inline(__always) mutating func integer(below bound: UInt64) -> Int {
    Int(truncatingIfNeeded: next().multipliedFullWidth(by: bound).high)
  }

  mutating func archive(_ archive: Archive) throws { try archive.value("state", &state) }
}
