import Foundation

/// Memory for numbers, aligned for the widest vectors.
enum AlignedMemory {
  /// Uninitialised bytes; whoever takes them gives them back by `free`. Where there are none the process ends with a
  /// word and code 1, as it would otherwise with a crash: what a run has stored goes on from there.
  static func take(bytes: Int) -> UnsafeMutableRawPointer {
    var memory: UnsafeMutableRawPointer?
    guard posix_memalign(&memory, 64, max(bytes, 1)) == 0, let memory else { outOfMemory(bytes) }
    return memory
  }
}

/// Ends the process because the system gives it no more memory.
package func outOfMemory(_ bytes: Int) -> Never {
  let size = FileSystem.byteCount(bytes)
  FileHandle.standardError.write(
    Data("error: the system gives no memory for \(size) more; mbrl train --dry-run estimates what a run needs\n".utf8))
  exit(1)
}

/// 64-byte-aligned memory for floats, uninitialised; `deallocateFloats` gives it back.
package func allocateFloats(_ count: Int) -> UnsafeMutablePointer<Float> {
  AlignedMemory.take(bytes: MemoryNeed.product(max(count, 1), 4))
    .bindMemory(to: Float.self, capacity: max(count, 1))
}

/// Gives back what `allocateFloats` gave.
package func deallocateFloats(_ memory: UnsafeMutablePointer<Float>?) { free(memory) }
