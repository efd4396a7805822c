import CKernels
import Support

/// Gradients of all parameters of a store in one flat buffer, which lie in it as the values do in the store's.
///
/// They are cleared lazily: the first write after that sets instead of adding.
final class ParameterGradients {
  private(set) var memory = FloatBuffer(count: 0)
  /// Parameters whose gradient counts as zero although the memory still holds old numbers.
  private var isCleared: [Bool] = []
  private var hasCleared = false

  /// Without memory, for a store that is being built.
  init() {}

  /// Zeros for every parameter of a store.
  init(of store: ParameterStore) {
    isCleared = [Bool](repeating: false, count: store.parameters.count)
    memory = FloatBuffer(count: store.count)
  }

  /// Zeros for one parameter more.
  func addParameter() { isCleared.append(false) }

  /// Memory for more numbers, of which the first `count` stay.
  func grow(to capacity: Int, keeping count: Int) {
    let grown = FloatBuffer(count: capacity)
    grown.base.update(from: memory.base, count: count)
    memory = grown
  }

  func clear() {
    for index in isCleared.indices { isCleared[index] = true }
    hasCleared = true
  }

  /// Writes the zeros that `clear` promised wherever nobody has written since.
  func settle(_ parameters: [Parameter]) {
    guard hasCleared else { return }
    hasCleared = false
    for parameter in parameters { settle(parameter) }
  }

  func settle(_ parameter: Parameter) {
    guard isCleared[parameter.index] else { return }
    isCleared[parameter.index] = false
    (memory.base + parameter.offset).update(repeating: 0, count: parameter.count)
  }

  /// Where a parameter's gradient is written, and whether the writer has to add to what is there.
  func target(_ parameter: Parameter) -> GradientTarget {
    let accumulates = !isCleared[parameter.index]
    isCleared[parameter.index] = false
    return GradientTarget(pointer: memory.base + parameter.offset, accumulates: accumulates)
  }

  /// The memory, for somebody who writes those of `parameters` over whatever is there.
  func overwriting(_ parameters: [Parameter]) -> UnsafeMutablePointer<Float> {
    for parameter in parameters { isCleared[parameter.index] = false }
    return memory.base
  }

  /// The memory, for somebody who writes those of `parameters` together, and whether he has to add to what is there.
  func target(of parameters: [Parameter]) -> (memory: UnsafeMutablePointer<Float>, accumulates: Bool) {
    let accumulates = parameters.contains { !isCleared[$0.index] }
    for parameter in parameters {
      if accumulates { settle(parameter) }
      isCleared[parameter.index] = false
    }
    return (memory.base, accumulates)
  }

  /// Adds what was written since the last `clear` to the same parameters' gradients of another buffer.
  func add(_ parameters: [Parameter], to other: ParameterGradients) {
    for parameter in parameters where !isCleared[parameter.index] {
      let (from, target) = (memory.base + parameter.offset, other.target(parameter))
      target.write(parameter.count) { from[$0] }
    }
  }
}
