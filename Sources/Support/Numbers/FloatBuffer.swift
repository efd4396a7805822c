/// Floats at a fixed, 64-byte aligned address, owned and zero-filled: scratch memory that kernels may point into.
package final class FloatBuffer {
  package let memory: UnsafeMutableBufferPointer<Float>

  /// `count` ≥ 0 zeros.
  package init(count: Int) {
    let raw = UnsafeMutableRawPointer.allocate(byteCount: max(count, 1) * 4, alignment: 64)
    memory = UnsafeMutableBufferPointer(start: raw.bindMemory(to: Float.self, capacity: max(count, 1)), count: count)
    memory.initialize(repeating: 0)
  }

  deinit { UnsafeMutableRawPointer(memory.baseAddress!).deallocate() }

  package var count: Int { memory.count }
  package var base: UnsafeMutablePointer<Float> { memory.baseAddress! }
  /// The same memory, read only.
  package var readOnly: UnsafeBufferPointer<Float> { UnsafeBufferPointer(memory) }

  package subscript(index: Int) -> Float {
    get { memory[index] }
    set { memory[index] = newValue }
  }
}
