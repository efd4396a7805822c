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

  /// Copies rows of `columns` floats, in the order in which `rows` names them, one after another.
  package func copyRows(_ rows: ArraySlice<Int32>, columns: Int, to out: UnsafeMutablePointer<Float>) {
    let base = base
    rows.withUnsafeBufferPointer { rows in
      // Rows are some floats long: less than a call takes.
      for place in rows.indices {
        let to = out + place * columns
        let from = base + Int(rows[place]) * columns
        for column in 0..<columns { to[column] = from[column] }
      }
    }
  }

  package subscript(index: Int) -> Float {
    get { memory[index] }
    set { memory[index] = newValue }
  }
}
