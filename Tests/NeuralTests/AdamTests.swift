import Neural
import Support
import Testing

struct AdamTests {
  /// A matrix and a vector of random numbers.
  static func store() -> (ParameterStore, Parameter, Parameter) {
    var random = RandomStream(seed: 1)
    let store = ParameterStore()
    let w = store.add("w", rows: 3, columns: 4, initializer: .uniform(1), random: &random)
    let b = store.addVector("b", count: 5, initializer: .uniform(1), random: &random)
    return (store, w, b)
  }

  @Test func everyParameterHasADecayOfItsOwn() {
    func run(_ decays: [Float]?) -> (w: [Float], b: [Float]) {
      let (store, w, b) = Self.store()
      let adam = Adam(store, learningRate: 0.01, decays: decays)
      var random = RandomStream(seed: 2)
      for _ in 0..<5 {
        for parameter in [w, b] { random.fillNormal(store.gradients(of: parameter)) }
        adam.step()
      }
      return (Array(store.values(of: w)), Array(store.values(of: b)))
    }
    let (none, both, first) = (run(nil), run([0.05, 0.05]), run([0.05, 0]))
    #expect(first.w == both.w && first.b == none.b)
    #expect(both.w != none.w && both.b != none.b)
  }

  @Test func aResetForgetsAllSteps() {
    let (store, _, _) = Self.store()
    let (before, adam) = (Array(store.values), Adam(store, learningRate: 0.01))
    func step(_ gradient: Float) -> [Float] {
      _ = store.values.update(fromContentsOf: before)
      store.gradients.update(repeating: gradient)
      adam.step()
      return Array(store.values)
    }
    let first = step(0.5)
    #expect(step(-2) != first && step(0.5) != first)
    adam.reset()
    #expect(adam.steps == 0 && step(0.5) == first)
  }

  /// Steps, writes, reads into fresh objects, steps on: the same bytes as without the interruption.
  @Test func archiveRoundTripContinuesExactly() throws {
    var random = RandomStream(seed: 5)
    func make(_ random: inout RandomStream) -> (Adam, MLP, GaussianHead) {
      let network = MLP(name: "members.{member}", sizes: [2, 9, 4], members: 3, activation: .silu, random: &random)
      let head = GaussianHead(name: "", size: 2, in: network.store, random: &random)
      return (Adam(network.store, learningRate: 0.01, maximumNorm: 1), network, head)
    }
    func step(_ adam: Adam, _ network: MLP, _ head: GaussianHead) {
      let tape = Tape()
      let x = tape.constant((0..<8).map { Float($0) * 0.1 }, rows: 4, columns: 2)
      let (mean, logVariance) = head(network(x, on: tape), on: tape)
      adam.store.clearGradients()
      tape.backward(tape.gaussianNLL(mean: mean, logVariance: logVariance, target: tape.square(x)))
      adam.step()
    }
    let (adam, network, head) = make(&random)
    for _ in 0..<3 { step(adam, network, head) }
    let written = Archive()
    try written.part("model", adam)

    let names = written.tensors.filter(\.tensor.isWeight).map(\.name)
    #expect(names.contains("model.members.2.layers.0.weight") && names.contains("model.max_logvar"))
    #expect(names.count == 3 * 4 + 2)
    func shape(_ name: String) -> [Int]? { written.tensors.first { $0.name == name }?.tensor.shape }
    #expect(shape("model.members.0.layers.1.weight") == [4, 9])
    #expect(shape("model.members.0.layers.1.bias") == [4])
    #expect(shape("model.min_logvar") == [2])
    #expect(shape("model.adam.firstMoment.members.1.layers.0.weight") == [9, 2])

    let reading = Archive(scalars: written.scalars, tensors: written.tensors)
    let (otherAdam, otherNetwork, otherHead) = make(&random)  // other values
    #expect(Array(otherAdam.store.values) != Array(adam.store.values))
    try reading.part("model", otherAdam)
    #expect(Array(otherAdam.store.values) == Array(adam.store.values) && otherAdam.steps == 3)
    for _ in 0..<3 {
      step(adam, network, head)
      step(otherAdam, otherNetwork, otherHead)
    }
    #expect(Array(otherAdam.store.values) == Array(adam.store.values))
  }

  @Test func anArchiveOfAnotherShapeIsRefused() throws {
    var random = RandomStream(seed: 1)
    let (small, large) = (ParameterStore(), ParameterStore())
    _ = small.add("layer.weight", rows: 2, columns: 3, initializer: .zeros, random: &random)
    _ = large.add("layer.weight", rows: 3, columns: 2, initializer: .zeros, random: &random)
    let written = Archive()
    try small.archive(written)
    let reading = Archive(scalars: written.scalars, tensors: written.tensors)
    #expect(throws: ArchiveError.shape("layer.weight", stored: [2, 3], expected: [3, 2])) {
      try large.archive(reading)
    }
  }
}
