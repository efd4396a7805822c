/// Floats at a fixed, 64-byte aligned address, owned and zero-filled: scratch memory that kernels may point into.
package final class FloatBuffer {
  package let memory: UnsafeMutableBufferPointer<Float>

  /// `count` ≥ 0 zeros.
  package init(count: Int) {
    memory = UnsafeMutableBufferPointer(start: allocateFloats(count), count: count)
    memory.initialize(repeating: 0)
  }

  deinit { deallocateFloats(memory.baseAddress) }

  package var count: Int { memory.count }
  package var base: UnsafeMutablePointer<Float> { memory.baseAddress! }
  /// The same memory, read only.
  package var readOnly: UnsafeBufferPointer<Float> { UnsafeBufferPointer(memory) }

  package subscript(index: Int) -> Float {
    get { memory[index] }
    set { memory[index] = newValue }
  }
}
