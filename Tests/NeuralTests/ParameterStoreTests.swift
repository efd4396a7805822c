import Neural
import Support
import Testing

struct ParameterStoreTests {
  @Test func slicesAreAlignedAndDoNotOverlap() {
    var random = RandomStream(seed: 1)
    let store = ParameterStore()
    let sizes = [1, 5, 16, 17, 200]
    let parameters = sizes.enumerated().map { index, size in
      store.addVector("p\(index)", count: size, initializer: .constant(Float(index + 1)), random: &random)
    }
    for (index, parameter) in parameters.enumerated() {
      #expect(store.values(of: parameter).allSatisfy { $0 == Float(index + 1) })
      #expect(UInt(bitPattern: store.values(of: parameter).baseAddress) % 64 == 0)
      #expect(UInt(bitPattern: store.gradients(of: parameter).baseAddress) % 64 == 0)
    }
    let total = sizes.enumerated().reduce(Float(0)) { $0 + Float(($1.offset + 1) * $1.element) }
    #expect(store.values.reduce(0, +) == total)
  }

  @Test func truncatedNormalStatistics() {
    var random = RandomStream(seed: 2)
    let store = ParameterStore()
    let deviation: Float = 0.25
    let parameter = store.add(
      "w", rows: 400, columns: 500, initializer: .truncatedNormal(deviation: deviation), random: &random)
    let values = store.values(of: parameter)
    let mean = values.reduce(0) { $0 + Double($1) } / Double(values.count)
    let variance = values.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / Double(values.count)
    // A standard normal cut at ±2 has variance 1 − 4φ(2)/(2Φ(2) − 1) = 0.77374; 200,000 draws.
    #expect(abs(mean) < 4 * 0.25 * 0.88 / 447)
    #expect(abs(variance / 0.0625 - 0.77374) < 0.01)
    #expect(values.allSatisfy { abs($0) <= 2 * deviation } && values.contains { abs($0) > 1.98 * deviation })
    // Redrawn, not clamped: nothing piles up at the limits.
    #expect(values.filter { abs($0) == 2 * deviation }.count <= 2)
  }

  @Test func fanInScalesTheDefaultOfANetwork() {
    var random = RandomStream(seed: 2)
    let network = MLP(name: "", sizes: [100, 300, 1], activation: .relu, random: &random)
    let store = network.store
    let first = store.values(of: network.layers[0].weight)
    let variance = first.reduce(0) { $0 + Double($1) * Double($1) } / Double(first.count)
    #expect(abs(variance / (0.25 / 100) - 0.77374) < 0.03)
    #expect(store.values(of: network.layers[0].bias).allSatisfy { $0 == 0 })
  }

  @Test(arguments: [(5, 8), (8, 5), (6, 6), (1, 4)])
  func orthogonalMatrices(rows: Int, columns: Int) {
    var random = RandomStream(seed: 3)
    let store = ParameterStore()
    let parameter = store.add(
      "w", batch: 2, rows: rows, columns: columns, initializer: .orthogonal(gain: 2), random: &random)
    let values = store.values(of: parameter)
    for member in 0..<2 {
      func at(_ row: Int, _ column: Int) -> Float { values[(member * rows + row) * columns + column] }
      let (vectors, length) = (min(rows, columns), max(rows, columns))
      for i in 0..<vectors {
        for j in 0...i {
          let product = (0..<length).reduce(Float(0)) {
            $0 + (rows <= columns ? at(i, $1) * at(j, $1) : at($1, i) * at($1, j))
          }
          #expect(abs(product - (i == j ? 4 : 0)) < 1e-5)
        }
      }
    }
    #expect(Array(values[0..<rows * columns]) != Array(values[rows * columns..<2 * rows * columns]))
  }

  @Test func uniformInitializersStayInTheirBounds() {
    var random = RandomStream(seed: 4)
    for (initializer, bound) in [
      (Initializer.kaimingUniform, Float(1) / 10), (.xavierUniform, (6.0 / 400 as Float).squareRoot()),
      (.uniform(0.3), 0.3),
    ] {
      let store = ParameterStore()
      let parameter = store.add("w", rows: 300, columns: 100, initializer: initializer, random: &random)
      let largest = store.values(of: parameter).map { abs($0) }.max()!
      #expect(largest <= bound && largest > 0.99 * bound)
    }
  }

  @Test func aTargetFollowsItsNetwork() throws {
    var random = RandomStream(seed: 5)
    let network = MLP(name: "q", sizes: [3, 8, 1], members: 2, activation: .relu, random: &random)
    let (store, target) = (network.store, Target(of: network))
    let copy = target.network.store
    #expect(Array(copy.values) == Array(store.values) && copy.parameters == store.parameters)
    for index in store.values.indices { store.values[index] += 1 }
    let before = Array(copy.values)
    target.follow(rate: 0.25)
    for index in before.indices {
      #expect(abs(copy.values[index] - (0.25 * store.values[index] + 0.75 * before[index])) < 1e-6)
    }
    func values(_ network: MLP) -> [Float] {
      let tape = Tape()
      return Array(tape.values(network(tape.constant([1, 2, 3], columns: 3), on: tape)))
    }
    #expect(values(network) != values(target.network))
    let written = Archive()
    try written.part("target", target)
    #expect(written.tensors.map(\.name).contains("target.q.layers.0.weight"))
    target.follow(rate: 1)
    #expect(values(target.network) == values(network))
    try Archive(scalars: [], tensors: written.tensors).part("target", target)
    #expect(values(target.network) != values(network))
  }

  @Test func networksShareAStore() {
    var random = RandomStream(seed: 5)
    let store = ParameterStore()
    let networks = ["actor", "critic"].map {
      MLP(name: $0, sizes: [3, 4, 1], activation: .relu, in: store, random: &random)
    }
    #expect(networks.allSatisfy { $0.store === store })
    let biases = store.parameters.map(\.name).filter { $0.hasSuffix("0.bias") }
    #expect(biases == ["actor.layers.0.bias", "critic.layers.0.bias"])
  }

  @Test func nonfiniteNumbersAreFound() {
    var random = RandomStream(seed: 6)
    let store = ParameterStore()
    _ = store.addVector("a", count: 20, initializer: .zeros, random: &random)
    let b = store.addVector("members.{member}.b", batch: 3, count: 20, initializer: .zeros, random: &random)
    #expect(store.firstNonfinite() == nil)
    // Named as in a checkpoint: the member whose number it is.
    store.gradients(of: b)[20] = .infinity
    #expect(store.firstNonfinite() == "the gradient of members.1.b")
    store.values(of: b)[59] = .nan
    #expect(store.firstNonfinite(prefix: "model.") == "model.members.2.b")
  }
}
