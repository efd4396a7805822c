import Support

/// Bump allocation of float32 memory that is all given back at once.
///
/// Blocks never move while they are in use, so pointers stay valid until `reset`. Where one chunk did not suffice,
/// `reset` replaces all of them by a single one of the total size: after a few rounds of the same work nothing is
/// allocated any more.
struct Arena: ~Copyable {
  /// A position to return to.
  struct Mark {
    fileprivate let chunk, offset: Int
  }

  private var chunks: [UnsafeMutableBufferPointer<Float>] = []
  private var chunk = 0
  private var offset = 0

  init() {}

  deinit {
    for chunk in chunks { deallocateFloats(chunk.baseAddress) }
  }

  /// Floats held, used or not.
  var capacity: Int { chunks.reduce(0) { $0 + $1.count } }

  /// Uninitialised, 64-byte-aligned memory.
  mutating func allocate(_ count: Int) -> UnsafeMutablePointer<Float> {
    let padded = paddedCount(count)
    while chunk < chunks.count {
      if offset + padded <= chunks[chunk].count {
        defer { offset += padded }
        return chunks[chunk].baseAddress! + offset
      }
      chunk += 1
      offset = 0
    }
    let size = max(padded, 2 * capacity, 1 << 14)
    chunks.append(UnsafeMutableBufferPointer(start: allocateFloats(size), count: size))
    offset = padded
    return chunks[chunk].baseAddress!
  }

  var mark: Mark { Mark(chunk: chunk, offset: offset) }

  /// Gives back everything allocated since `mark`.
  mutating func release(to mark: Mark) {
    chunk = mark.chunk
    offset = mark.offset
  }

  /// Gives back everything.
  mutating func reset() {
    if chunks.count > 1 {
      let size = capacity
      for chunk in chunks { deallocateFloats(chunk.baseAddress) }
      chunks = [UnsafeMutableBufferPointer(start: allocateFloats(size), count: size)]
    }
    chunk = 0
    offset = 0
  }
}
