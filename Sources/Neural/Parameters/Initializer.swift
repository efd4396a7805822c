import Support

/// How a parameter starts. "Fan-in" is the number of inputs that one output element sums over.
package enum Initializer: Sendable {
  case zeros
  case constant(Float)
  /// Normal of that deviation, redrawn outside ±2 deviations.
  case truncatedNormal(deviation: Float)
  /// Truncated normal of deviation gain/√fan-in. PETS uses gain ½ (Chua et al. 2018, the authors' code).
  case truncatedNormalFanIn(gain: Float)
  /// Normal of deviation gain/√fan-in (He et al. 2015 with gain √2).
  case normalFanIn(gain: Float)
  /// Uniform in ±bound.
  case uniform(Float)
  /// Rows (or columns, where there are fewer) orthonormal, times `gain` (Saxe et al. 2014).
  case orthogonal(gain: Float)
  /// Uniform in ±√(6/(fan-in + fan-out)) (Glorot & Bengio 2010).
  case xavierUniform
  /// Uniform in ±1/√fan-in: PyTorch's default for the weights and biases of a dense layer.
  case kaimingUniform

  /// Fills [batch, rows, columns]; every member gets draws of its own.
  func fill(
    _ values: UnsafeMutableBufferPointer<Float>, batch: Int, rows: Int, columns: Int, fanIn: Int,
    random: inout RandomStream
  ) {
    switch self {
    case .zeros: values.update(repeating: 0)
    case .constant(let value): values.update(repeating: value)
    case .truncatedNormal(let deviation): fillTruncated(values, deviation, &random)
    case .truncatedNormalFanIn(let gain): fillTruncated(values, gain / Float(fanIn).squareRoot(), &random)
    case .normalFanIn(let gain):
      random.fillNormal(values)
      let deviation = gain / Float(fanIn).squareRoot()
      for index in values.indices { values[index] *= deviation }
    case .uniform(let bound): random.fillUniform(values, -bound, bound)
    case .xavierUniform:
      let bound = (6 / Float(fanIn + rows)).squareRoot()
      random.fillUniform(values, -bound, bound)
    case .kaimingUniform:
      let bound = 1 / Float(fanIn).squareRoot()
      random.fillUniform(values, -bound, bound)
    case .orthogonal(let gain):
      random.fillNormal(values)
      for member in 0..<batch {
        let start = member * rows * columns
        orthogonalize(
          UnsafeMutableBufferPointer(rebasing: values[start..<start + rows * columns]), rows, columns, gain)
      }
    }
  }

  private func fillTruncated(
    _ values: UnsafeMutableBufferPointer<Float>, _ deviation: Float, _ random: inout RandomStream
  ) {
    random.fillTruncatedNormal(values, bound: 2)
    for index in values.indices { values[index] *= deviation }
  }
}

/// Gram–Schmidt in double precision, applied twice to each vector, over the shorter of the two sides.
private func orthogonalize(_ matrix: UnsafeMutableBufferPointer<Float>, _ rows: Int, _ columns: Int, _ gain: Float) {
  let byRows = rows <= columns
  let (vectors, length) = byRows ? (rows, columns) : (columns, rows)
  func position(_ vector: Int, _ element: Int) -> Int {
    byRows ? vector * columns + element : element * columns + vector
  }
  withUnsafeTemporaryAllocation(of: Double.self, capacity: vectors * length) { basis in
    for vector in 0..<vectors {
      let own = basis.baseAddress! + vector * length
      for element in 0..<length { own[element] = Double(matrix[position(vector, element)]) }
      for _ in 0..<2 {
        for earlier in 0..<vector {
          let other = basis.baseAddress! + earlier * length
          let product = dotProduct(own, other, length)
          for element in 0..<length { own[element] -= product * other[element] }
        }
      }
      let squares = dotProduct(own, own, length)
      let scale = squares > 0 ? 1 / squares.squareRoot() : 0
      for element in 0..<length {
        own[element] *= scale
        matrix[position(vector, element)] = gain * Float(own[element])
      }
    }
  }
}

/// Σ left·right, in order; of long vectors in eight sums side by side, or the layer behind a picture would take seconds
/// to begin.
private func dotProduct(_ left: UnsafePointer<Double>, _ right: UnsafePointer<Double>, _ count: Int) -> Double {
  var (sum, first) = (0.0, 0)
  if count >= 1024 {
    var sums = SIMD8<Double>()
    let (a, b) = (UnsafeRawPointer(left), UnsafeRawPointer(right))
    while first + 8 <= count {
      sums +=
        a.loadUnaligned(fromByteOffset: 8 * first, as: SIMD8<Double>.self)
        * b.loadUnaligned(fromByteOffset: 8 * first, as: SIMD8<Double>.self)
      first += 8
    }
    sum = sums.sum()
  }
  while first < count {
    sum += left[first] * right[first]
    first += 1
  }
  return sum
}
