import Algorithms
import Neural
import Support
import TestSupport
import Testing

/// The recurrent state-space model against numbers of DreamerV3: single steps, and a sequence with its gradients.
@Suite(.golden("neural/dreamer_rssm.json")) struct DreamerStateSpaceGoldenTests {
  let fixture: Fixture
  let model: RecurrentStateSpace
  let tensors: [(name: String, places: [Int])]
  let tape = Tape()
  private let rows: Int

  init() throws {
    fixture = try Fixture("neural/dreamer_rssm.json")
    let config = try fixture["inputs/config"]
    func size(_ key: String) throws -> Int { try config[key].integer(in: 1...10_000) }
    let sizes = DreamerSizes(
      deterministic: try size("deter"), hidden: try size("hidden"), units: 1, latents: try size("stoch"),
      classes: try size("classes"), blocks: try size("blocks"), depth: 1)
    let store = ParameterStore()
    var random = RandomStream(seed: 1)
    model = RecurrentStateSpace(
      name: "dynamics", sizes, actions: try size("action_dim"), tokens: try size("token_dim"),
      unimix: try config["unimix"].float, in: store, random: &random)
    rows = try fixture["inputs/carry/deter"].shape(rank: 2)[0]
    let layout = DreamerTensors([store], sizes)
    let params = try fixture["inputs/params"]
    tensors = try params.keys().map { ($0, try layout.places($0, try params.member($0).shape).1) }
    for (name, places) in tensors {
      for (place, value) in zip(places, try params.flat(name)) { store.values[place] = value }
    }
  }

  private func constant(_ fixture: Fixture, _ shape: [Int]) throws -> Tensor {
    tape.constant(try fixture.floats(shape), rows: shape[0], columns: shape.dropFirst().reduce(1, *))
  }

  private func carry() throws -> (h: Tensor, z: Tensor) {
    let (from, sizes) = (try fixture["inputs/carry"], model.sizes)
    return (
      try constant(from["deter"], [rows, sizes.deterministic]),
      try constant(from["stoch"], [rows, sizes.latents, sizes.classes])
    )
  }

  private func buffer(_ values: [Float], _ columns: Int) -> RowBuffer { AlgorithmsTests.rows(values, columns) }

  @Test func singleStep() throws {
    let (inputs, want) = (try fixture["inputs/single_step"], try fixture["outputs/single_step"])
    let actions = try inputs["action"].shape(rank: 2)[1]
    let (h, z) = try carry()
    let next = model.next(
      h, z, model.actionBranch(try constant(inputs["action"], [rows, actions]), on: tape), on: tape)
    let sizes = model.sizes
    try want["core_deter"].expectClose(tape.values(next), [rows, sizes.deterministic], within: 2e-4)
    try want["prior_logits_of_core_deter"].expectClose(
      tape.values(model.prior(next, on: tape)), [rows, sizes.latents, sizes.classes], within: 2e-4)

    let reset = try inputs["reset"].elements(rows).map { try $0.flag ? 1 : 0 as Float }
    let (action, first) = (buffer(try inputs["action"].floats([rows, actions]), actions), buffer(reset, 1))
    let draws = RowBuffer(rows, sizes.latents)
    let sequence = model.observe(
      seen: try constant(inputs["tokens"], [rows, model.tokens]), actions: action.read, isFirst: first.read,
      draws: draws.read, from: (h, z), on: tape)
    try want["observe_deter"].expectClose(tape.values(sequence.h), [rows, sizes.deterministic], within: 2e-4)
    try want["observe_posterior_logits"].expectClose(
      tape.values(sequence.posterior), [rows, sizes.latents, sizes.classes], within: 2e-4)
  }

  @Test func sequenceWithGradients() throws {
    let (inputs, want) = (try fixture["inputs/sequence"], try fixture["outputs/sequence"])
    let shape = try inputs["action"].shape(rank: 3)
    let (length, sizes) = (shape[1], model.sizes)
    func timeFirst(_ values: [Float], _ width: Int) -> [Float] {
      AlgorithmsTests.timeFirst(values, rows, width: width)
    }
    func batchFirst(_ values: some Sequence<Float>, _ width: Int) -> [Float] {
      AlgorithmsTests.batchFirst(values, rows, width: width)
    }
    var reset: [Float] = []
    for row in try inputs["reset"].elements(rows) {
      for flag in try row.elements(length) { reset.append(try flag.flag ? 1 : 0) }
    }
    let first = buffer(timeFirst(reset, 1), 1)
    let actions = buffer(timeFirst(try inputs["action"].floats(shape), shape[2]), shape[2])
    let classes = try inputs["posterior_samples"].floats([rows, length, sizes.latents]).map { $0 + 2 }
    let draws = buffer(timeFirst(classes, sizes.latents), sizes.latents)
    let tokens = timeFirst(try inputs["tokens"].floats([rows, length, model.tokens]), model.tokens)
    let sequence = model.observe(
      seen: tape.constant(tokens, rows: rows * length, columns: model.tokens), actions: actions.read,
      isFirst: first.read, draws: draws.read, from: try carry(), on: tape)
    let prior = model.prior(sequence.h, on: tape)
    let logits = [rows, length, sizes.latents, sizes.classes]
    try want["deter"].expectClose(
      batchFirst(tape.values(sequence.h), sizes.deterministic), [rows, length, sizes.deterministic], within: 2e-4)
    try want["posterior_logits"].expectClose(
      batchFirst(tape.values(sequence.posterior), sizes.stochastic), logits, within: 2e-4)
    try want["prior_logits"].expectClose(batchFirst(tape.values(prior), sizes.stochastic), logits, within: 2e-4)
    let (losses, statistics) = tape.balancedKL(
      posterior: sequence.posterior, prior: prior, classes: sizes.classes, unimix: model.unimix,
      freeNats: try fixture["inputs/config/free_nats"].float)
    let (values, said) = (tape.rows(of: losses), tape.rows(of: statistics))
    for (side, key) in ["dyn", "rep"].enumerated() {
      try want[key].expectClose(
        batchFirst((0..<values.count).map { values[$0, side] }, 1), [rows, length], within: 2e-4)
    }
    for (column, key) in [(1, "posterior_entropy_mean"), (2, "prior_entropy_mean")] {
      let mean = (0..<said.count).reduce(Float(0)) { $0 + said[$1, column] } / Float(said.count)
      try want[key].expectClose([mean], within: 2e-4)
    }
    let scales = tape.constant([1, 0.1], rows: 1, columns: 2)
    let loss = tape.mean(tape.sumColumns(tape.multiply(losses, scales)))
    try want["loss"].expectClose([tape.scalar(loss)], within: 2e-4)
    model.store.clearGradients()
    tape.backward(loss)
    for (name, places) in tensors {
      let shape = try fixture["inputs/params"].member(name).shape
      try want["grads"].member(name).expectClose(places.map { model.store.gradients[$0] }, shape, within: 2e-4)
    }
  }
}
