import Neural
import Support
import Testing

struct AdamTests {
  @Test func decaysOfSingleParametersAreTheGlobalOneWhereEqual() {
    func run(_ step: (Adam, ParameterStore) -> Void, coupledDecay: Float) -> [Float] {
      var random = RandomStream(seed: 1)
      let store = ParameterStore()
      store.add("w", rows: 3, columns: 4, initializer: .uniform(1), random: &random)
      store.addVector("b", count: 5, initializer: .uniform(1), random: &random)
      let adam = Adam(learningRate: 0.01, coupledDecay: coupledDecay)
      for _ in 0..<5 {
        for parameter in store.parameters { random.fillNormal(store.gradients(of: parameter)) }
        step(adam, store)
      }
      return Array(store.values)
    }
    let global = run({ $0.step($1) }, coupledDecay: 0.05)
    #expect(run({ $0.step($1, coupledDecays: [0.05, 0.05]) }, coupledDecay: 0) == global)
    let weightsOnly = run({ $0.step($1, coupledDecays: [0.05, 0]) }, coupledDecay: 0.5)
    #expect(Array(weightsOnly[0..<12]) == Array(global[0..<12]) && weightsOnly != global)
  }

  /// Steps, writes, reads into fresh objects, steps on: the same bytes as without the interruption.
  @Test func archiveRoundTripContinuesExactly() throws {
    var random = RandomStream(seed: 5)
    func make(_ random: inout RandomStream) -> (ParameterStore, MLP, GaussianHead) {
      let store = ParameterStore()
      let network = MLP(
        name: "members.{member}", sizes: [2, 9, 4], members: 3, activation: .silu, store: store, random: &random)
      return (store, network, GaussianHead(name: "", size: 2, store: store, random: &random))
    }
    func step(_ store: ParameterStore, _ network: MLP, _ head: GaussianHead, _ adam: Adam) {
      let tape = Tape()
      let x = tape.constant((0..<8).map { Float($0) * 0.1 }, rows: 4, columns: 2)
      let (mean, logVariance) = head(network(x, on: tape), on: tape)
      store.clearGradients()
      tape.backward(tape.gaussianNLL(mean: mean, logVariance: logVariance, target: tape.square(x)))
      adam.step(store)
    }
    let (store, network, head) = make(&random)
    let adam = Adam(learningRate: 0.01, maximumNorm: 1)
    for _ in 0..<3 { step(store, network, head, adam) }
    let written = Archive()
    try written.scope("model") { try store.archive(written) }
    try written.scope("optimiser") { try adam.archive(written, of: store) }

    let names = written.tensors.filter(\.tensor.isWeight).map(\.name)
    #expect(names.contains("model.members.2.layers.0.weight") && names.contains("model.max_logvar"))
    #expect(names.count == 3 * 4 + 2)
    func shape(_ name: String) -> [Int]? { written.tensors.first { $0.name == name }?.tensor.shape }
    #expect(shape("model.members.0.layers.1.weight") == [4, 9])
    #expect(shape("model.members.0.layers.1.bias") == [4])
    #expect(shape("model.min_logvar") == [2])
    #expect(shape("optimiser.first_moment.members.1.layers.0.weight") == [9, 2])

    let reading = Archive(scalars: written.scalars, tensors: written.tensors)
    let (otherStore, otherNetwork, otherHead) = make(&random)  // other values
    #expect(Array(otherStore.values) != Array(store.values))
    let otherAdam = Adam(learningRate: 0.01, maximumNorm: 1)
    try reading.scope("model") { try otherStore.archive(reading) }
    try reading.scope("optimiser") { try otherAdam.archive(reading, of: otherStore) }
    #expect(Array(otherStore.values) == Array(store.values) && otherAdam.steps == 3)
    for _ in 0..<3 {
      step(store, network, head, adam)
      step(otherStore, otherNetwork, otherHead, otherAdam)
    }
    #expect(Array(otherStore.values) == Array(store.values))
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
