import CKernels
import Support

/// A named slice of a parameter store, shape [batch, rows, columns]; `batch` is the ensemble member.
package struct Parameter: Equatable, Sendable {
  /// Name in checkpoints, PyTorch style; "{member}" stands for the member's number.
  package let name: String
  /// Place in the store's list of parameters.
  package let index: Int
  /// First element in the store's flat buffers (a multiple of 16).
  package let offset: Int
  /// Shape; a vector has one row.
  package let batch, rows, columns: Int
  /// Whether checkpoints hold it as [columns] instead of [rows, columns]: biases, scales, bounds.
  package let isVector: Bool

  /// Elements.
  package var count: Int { batch * rows * columns }
}

/// Parameters and their gradients in two contiguous, 64-byte-aligned flat buffers; every parameter is a slice.
///
/// Optimisers, target networks and clipping are each one loop over the flat buffers. Slices start on multiples of 16
/// elements; the padding between them is zero in both buffers.
package final class ParameterStore: ArchivableObject {
  /// In the order in which they were added.
  package private(set) var parameters: [Parameter] = []
  /// Elements of the flat buffers, padding included.
  package private(set) var count = 0
  /// Elements of all parameters.
  package var parameterCount: Int { parameters.reduce(0) { $0 + $1.count } }
  private var valueMemory = FloatBuffer(count: 0)
  /// What backward passes write, unless their tape keeps gradients of its own.
  private(set) var ownGradients = ParameterGradients()
  /// Set by the first use, on a tape or by an optimiser: the buffers must not move from then on.
  private(set) var isSealed = false

  /// A store without parameters.
  package init() {}

  /// A store of the same parameters with the same values (a target network); gradients are zero.
  package convenience init(copying other: ParameterStore) {
    self.init()
    parameters = other.parameters
    valueMemory = FloatBuffer(count: other.count)
    count = other.count
    ownGradients = ParameterGradients(of: self)
    copyValues(from: other)
  }

  // MARK: Building

  /// Adds a matrix per member, [batch, rows, columns] (weights: [members, out, in]), before the store's first use.
  ///
  /// `fanIn` is what the initialiser scales with (default: `columns`).
  @discardableResult
  package func add(
    _ name: String, batch: Int = 1, rows: Int, columns: Int, initializer: Initializer, fanIn: Int? = nil,
    random: inout RandomStream
  ) -> Parameter {
    append(name, batch, rows, columns, isVector: false, initializer, fanIn ?? columns, &random)
  }

  /// Adds a vector per member, [batch, 1, count] (biases, scales, bounds), before the store's first use.
  @discardableResult
  package func addVector(
    _ name: String, batch: Int = 1, count: Int, initializer: Initializer, fanIn: Int? = nil,
    random: inout RandomStream
  ) -> Parameter {
    append(name, batch, 1, count, isVector: true, initializer, fanIn ?? count, &random)
  }

  private func append(
    _ name: String, _ batch: Int, _ rows: Int, _ columns: Int, isVector: Bool, _ initializer: Initializer,
    _ fanIn: Int, _ random: inout RandomStream
  ) -> Parameter {
    precondition(!isSealed, "parameters are added before the store is used: \(name)")
    precondition(batch > 0 && rows > 0 && columns > 0, "empty parameter: \(name)")
    precondition(!parameters.contains { $0.name == name }, "two parameters named \(name)")
    let parameter = Parameter(
      name: name, index: parameters.count, offset: count, batch: batch, rows: rows, columns: columns,
      isVector: isVector)
    reserve(count + paddedCount(parameter.count))
    count += paddedCount(parameter.count)
    parameters.append(parameter)
    ownGradients.addParameter()
    initializer.fill(
      values(of: parameter), batch: batch, rows: rows, columns: columns, fanIn: fanIn, random: &random)
    return parameter
  }

  private func reserve(_ needed: Int) {
    guard needed > valueMemory.count else { return }
    let capacity = max(needed, 2 * valueMemory.count)
    let values = FloatBuffer(count: capacity)
    values.base.update(from: valueMemory.base, count: count)
    valueMemory = values
    ownGradients.grow(to: capacity, keeping: count)
  }

  // MARK: Memory

  /// All values, padding included.
  package var values: UnsafeMutableBufferPointer<Float> { .init(rebasing: valueMemory.memory[..<count]) }

  /// All gradients, padding included.
  package var gradients: UnsafeMutableBufferPointer<Float> {
    ownGradients.settle(parameters)
    return .init(rebasing: ownGradients.memory.memory[..<count])
  }

  /// [batch, rows, columns], row-major.
  package func values(of parameter: Parameter) -> UnsafeMutableBufferPointer<Float> {
    .init(start: valueMemory.base + parameter.offset, count: parameter.count)
  }

  /// [batch, rows, columns], row-major.
  package func gradients(of parameter: Parameter) -> UnsafeMutableBufferPointer<Float> {
    ownGradients.settle(parameter)
    return .init(start: ownGradients.memory.base + parameter.offset, count: parameter.count)
  }

  /// Sets every gradient to zero (lazily: the next backward pass overwrites instead of adding).
  package func clearGradients() { ownGradients.clear() }

  /// From now on the buffers do not move. Written once only: tapes on several threads may share a store.
  func seal() {
    if !isSealed { isSealed = true }
  }

  // MARK: Whole-store operations

  /// Takes the values of a store with the same layout.
  package func copyValues(from other: ParameterStore) {
    precondition(other.count == count, "stores of different layouts")
    valueMemory.base.update(from: other.valueMemory.base, count: count)
  }

  /// values ← rate·other + (1 − rate)·values.
  package func polyak(from other: ParameterStore, rate: Float) {
    precondition(other.count == count, "stores of different layouts")
    ck_polyak(Int64(count), rate, other.valueMemory.base, valueMemory.base)
  }

  /// ‖gradients‖ over all parameters.
  package var gradientNorm: Double { ck_sum_of_squares(Int64(count), gradients.baseAddress!).squareRoot() }

  /// The first tensor, under the name that it has in a checkpoint after `prefix`, that holds a NaN or an infinity; or
  /// where all values are finite, "the gradient of …" the first that has one in its gradient. For alarms.
  package func firstNonfinite(prefix: String = "") -> String? {
    func first(_ memory: UnsafeMutableBufferPointer<Float>) -> String? {
      guard ck_first_nonfinite(Int64(count), memory.baseAddress!) >= 0 else { return nil }
      var found: String?
      forEachStored { name, range, _ in
        guard found == nil else { return }
        if ck_first_nonfinite(Int64(range.count), memory.baseAddress! + range.lowerBound) >= 0 { found = prefix + name }
      }
      return found
    }
    return first(values) ?? first(gradients).map { "the gradient of \($0)" }
  }

  /// Archives all values as weights: PyTorch names, [out, in] for matrices, [out] for vectors.
  package func archive(_ archive: Archive) throws {
    try forEachStored { name, range, shape in
      try archive.buffer(name, UnsafeMutableBufferPointer(rebasing: values[range]), shape: shape, isWeight: true)
    }
  }

  /// Archives an optimiser's moments of every tensor; both lie as the store's values do.
  func archiveMoments(_ archive: Archive, first: FloatBuffer, second: FloatBuffer) throws {
    try forEachStored { name, range, shape in
      for (moment, buffer) in [("firstMoment.", first), ("secondMoment.", second)] {
        try archive.buffer(moment + name, .init(rebasing: buffer.memory[range]), shape: shape)
      }
    }
  }

  /// Visits the tensors of a checkpoint: name, range in the flat buffers, shape. A parameter with "{member}" in its
  /// name is one tensor per member; another one with several members keeps them as first dimension.
  func forEachStored(_ body: (_ name: String, _ range: Range<Int>, _ shape: [Int]) throws -> Void) rethrows {
    for parameter in parameters {
      let shape = parameter.isVector ? [parameter.columns] : [parameter.rows, parameter.columns]
      let size = parameter.rows * parameter.columns
      if parameter.name.contains("{member}") {
        for member in 0..<parameter.batch {
          let start = parameter.offset + member * size
          try body(parameter.name.replacing("{member}", with: String(member)), start..<start + size, shape)
        }
      } else {
        let range = parameter.offset..<parameter.offset + parameter.count
        try body(parameter.name, range, parameter.batch > 1 ? [parameter.batch] + shape : shape)
      }
    }
  }
}

/// Where a gradient goes: set on the first write, added to after.
struct GradientTarget {
  let pointer: UnsafeMutablePointer<Float>
  let accumulates: Bool

  /// The C kernels' flag.
  var accumulate: Int32 { accumulates ? 1 : 0 }
}

/// `count` rounded up to a multiple of 16 elements (64 bytes).
@inline(__always)
func paddedCount(_ count: Int) -> Int { (count + 15) & ~15 }
