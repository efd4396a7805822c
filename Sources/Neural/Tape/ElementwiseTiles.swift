import CKernels
import Support

/// An elementwise pass cut into fixed tiles over the pool. `work` must not let one tile's result depend on another's.
@inline(__always)
func forEachTile<Context: BitwiseCopyable>(
  _ pool: ComputePool?, count: Int, _ context: inout Context,
  _ work: @convention(c) (UnsafeMutableRawPointer?, Int64, Int32) -> Void
) {
  let tiles = (count + elementwiseTile - 1) / elementwiseTile
  ck_pool_run(tiles > 1 ? pool?.handle : nil, Int64(tiles), work, &context)
}

/// Elements of one tile of a parallel elementwise pass: a multiple of every vector width.
let elementwiseTile = 16384
