import Algorithms
import Foundation
import Neural
import Support
import TestSupport
import Testing

/// The functions that Dreamer's losses are made of, against numbers of DreamerV3.
@Suite(.golden("neural/dreamer_functions.json")) struct DreamerFunctionsGoldenTests {
  let fixture: Fixture
  let tape = Tape()

  init() throws { fixture = try Fixture("neural/dreamer_functions.json") }

  /// [batch, time, …] of the file, time first.
  private func timeFirst(_ fixture: Fixture, _ shape: [Int]) throws -> [Float] {
    AlgorithmsTests.timeFirst(
      try fixture.floats(shape), shape[0], width: shape.dropFirst(2).reduce(1, *))
  }

  private func column(_ values: [Float]) -> RowBuffer { rows(values) }

  @Test(arguments: [255, 41]) func twoHot(count: Int) throws {
    let (inputs, want) = (try fixture["inputs/twohot_\(count)"], try fixture["outputs/twohot_\(count)"])
    let bins = TwoHotBins(count)
    try fixture["outputs/twohot_bins/\(count)"].expectClose(bins.values, [count], within: 1e-5)
    #expect(zip(bins.values, bins.values.reversed()).allSatisfy { $0 == -$1 })
    let rows = try inputs["target"].shape(rank: 1)[0]
    let logits = tape.variable(try inputs["logits"].floats([rows, count]), rows: rows, columns: count)
    let loss = tape.twoHotLoss(
      logits, targets: tape.constant(try inputs["target"].floats([rows]), rows: rows, columns: 1), bins: bins)
    tape.backward(tape.sum(loss))
    try want["loss"].expectClose(tape.values(loss), [rows], within: 2e-4)
    try want["grad_logits_of_loss_sum"].expectClose(tape.gradient(logits), [rows, count], within: 2e-4)
    let mean = Array(tape.values(tape.twoHotMean(logits, bins: bins)))
    let magnitudes = try inputs["logits"].doubles([rows, count])
    for (row, want) in try want["pred"].doubles([rows]).enumerated() {
      var (total, size) = (0.0, 0.0)
      for (bin, value) in bins.values.enumerated() {
        let weight = exp(magnitudes[row * count + bin])
        total += weight
        size += weight * Double(abs(value))
      }
      #expect(abs(Double(mean[row]) - want) <= 1e-4 * size / total)
    }
    let zeros = tape.constant([Float](repeating: 0, count: count), rows: 1, columns: count)
    #expect(tape.values(tape.twoHotMean(zeros, bins: bins)).first == 0)
  }

  @Test func balancedKL() throws {
    let (inputs, want) = (try fixture["inputs/onehot_kl"], try fixture["outputs/onehot_kl"])
    let shape = try inputs["post_logits"].shape(rank: 3)
    let (rows, classes) = (shape[0], shape[2])
    let leaves = try ["post_logits", "prior_logits"].map {
      tape.variable(try inputs[$0].floats(shape), rows: rows, columns: shape[1] * classes)
    }
    let (losses, statistics) = tape.balancedKL(
      posterior: leaves[0], prior: leaves[1], classes: classes, unimix: try inputs["unimix"].float,
      freeNats: try inputs["free_nats"].float)
    let (values, said) = (tape.rows(of: losses), tape.rows(of: statistics))
    for (side, key) in ["dyn_clipped", "rep_clipped"].enumerated() {
      try want[key].expectClose((0..<rows).map { values[$0, side] }, [rows], within: 2e-4)
    }
    try want["kl"].expectClose((0..<rows).map { said[$0, 0] }, [rows], within: 2e-4)
    try want["post_entropy"].expectClose((0..<rows).map { said[$0, 1] }, [rows], within: 2e-4)
    tape.backward(tape.sum(losses))
    try want["grad_dyn_clipped_sum_wrt_prior"].expectClose(tape.gradient(leaves[1]), shape, within: 2e-4)
    try want["grad_rep_clipped_sum_wrt_post"].expectClose(tape.gradient(leaves[0]), shape, within: 2e-4)
  }

  @Test func returns() throws {
    let (inputs, want) = (try fixture["inputs/lambda_return"], try fixture["outputs/lambda_return/returns"])
    let shape = try inputs["reward"].shape(rank: 2)
    let (discount, lambda) = (try inputs["discount"].float, try inputs["lambda"].float)
    let live = column(try flags(inputs["is_terminal"], shape).map { (1 - $0) * discount })
    let keep = column(try flags(inputs["is_last"], shape).map { (1 - $0) * lambda })
    let found = RowBuffer((shape[1] - 1) * shape[0], 1)
    let rewards = column(try timeFirst(inputs["reward"], shape))
    let bootstrap = column(try timeFirst(inputs["bootstrap"], shape))
    withExtendedLifetime((rewards, live, keep, bootstrap)) {
      lambdaReturns(
        rewards: rewards.read, live: live.read, keep: keep.read, values: bootstrap.read, width: shape[0],
        into: found.rows)
    }
    try want.expectClose(batchFirst(found.memory, shape[0]), [shape[0], shape[1] - 1], within: 2e-4)
  }

  private func flags(_ fixture: Fixture, _ shape: [Int]) throws -> [Float] {
    var flags: [Float] = []
    for row in try fixture.elements(shape[0]) {
      for flag in try row.elements(shape[1]) { flags.append(try flag.flag ? 1 : 0) }
    }
    return AlgorithmsTests.timeFirst(flags, shape[0])
  }

  @Test func rangeOfReturns() throws {
    let inputs = try fixture["inputs/return_normaliser"]
    var range = ReturnRange(rate: try inputs["rate"].double)
    let batches = try inputs["batches"].elements()
    for (batch, want) in zip(batches, try fixture["outputs/return_normaliser/as_configured"].elements(batches.count)) {
      let returns = column(try batch.floats(batch.shape(rank: 2)))
      withExtendedLifetime(returns) { range.update(returns.read) }
      try want["lo"].expectClose([Float(range.low)], within: 2e-4)
      try want["hi"].expectClose([Float(range.high)], within: 2e-4)
      try want["scale"].expectClose([range.scale], within: 2e-4)
    }
  }

  @Test(arguments: ["continuous", "discrete"]) func dreamLosses(kind: String) throws {
    let (inputs, want) = (try fixture["inputs/imag_loss"], try fixture["outputs/imag_loss/\(kind)"])
    let shape = try inputs["reward"].shape(rank: 2)
    let (batch, steps) = (shape[0], shape[1])
    let bins = try inputs["value_bins"].floats([inputs["value_bins"].shape(rank: 1)[0]])
    let table = TwoHotBins(values: bins)
    func logits(_ name: String) throws -> Tensor {
      tape.variable(
        try timeFirst(inputs[name], shape + [bins.count]), rows: batch * steps, columns: bins.count)
    }
    let (valueLogits, slowLogits) = (try logits("value_logits"), try logits("slow_value_logits"))
    let values = column(Array(tape.values(tape.twoHotMean(valueLogits, bins: table))))
    let continuations = try timeFirst(inputs["continue_prob"], shape)
    let returns = RowBuffer((steps - 1) * batch, 1)
    let rewards = column(try timeFirst(inputs["reward"], shape))
    let live = column(continuations)
    let keep = column([Float](repeating: try inputs["lambda"].float, count: batch * steps))
    withExtendedLifetime((rewards, live, keep, values)) {
      lambdaReturns(
        rewards: rewards.read, live: live.read, keep: keep.read, values: values.read, width: batch,
        into: returns.rows)
    }
    try want["returns"].expectClose(batchFirst(returns.memory, batch), [batch, steps - 1], within: 2e-4)
    var range = ReturnRange(
      rate: try inputs["retnorm_rate"].double, low: try inputs["retnorm_lo"].double,
      high: try inputs["retnorm_hi"].double)
    range.update(returns.read)
    try want["retnorm_lo_after"].expectClose([Float(range.low)], within: 2e-4)
    try want["retnorm_hi_after"].expectClose([Float(range.high)], within: 2e-4)

    var weights = continuations
    for row in batch..<weights.count { weights[row] *= weights[row - batch] }
    let used = 0..<(steps - 1) * batch
    let (rows, columns) = (used.count, kind == "discrete" ? 4 : 2)
    func constant(_ values: ArraySlice<Float>, columns: Int = 1) -> Tensor {
      tape.constant(Array(values), rows: rows, columns: columns)
    }
    var leaves: [(key: String, leaf: Tensor, width: Int)] = [("grad_value_logits", valueLogits, bins.count)]
    let (distribution, actions): (ActionDistribution, [Float])
    func variable(_ name: String) throws -> Tensor {
      let leaf = tape.variable(
        try timeFirst(inputs[name], shape + [columns]), rows: batch * steps, columns: columns)
      leaves.append(("grad_\(name)", leaf, columns))
      return tape.rows(leaf, used)
    }
    if kind == "discrete" {
      distribution = .categorical(logProbabilities: tape.logSoftmax(try variable("policy_logits")))
      actions = oneHot(try timeFirst(inputs["discrete_action"], shape), columns)
    } else {
      distribution = DreamerActor.normal(mean: try variable("raw_mean"), deviation: try variable("raw_std"), on: tape)
      actions = try timeFirst(inputs["action"], shape + [columns])
    }
    let advantages = zip(returns.memory, values.memory).map { ($0 - $1) / range.scale }
    let (policyLoss, _) = actorLoss(
      distribution, actions: constant(actions[..<(rows * columns)], columns: columns),
      advantages: constant(advantages[...]), weights: constant(weights[used]),
      entropyScale: try inputs["entropy_scale"].float, on: tape)
    try want["policy_loss"].expectClose(
      batchFirst(tape.values(policyLoss), batch), [batch, steps - 1], within: 2e-4)
    let slow = Array(tape.values(tape.twoHotMean(slowLogits, bins: table)))
    let targets = used.flatMap { [returns.memory[$0], slow[$0]] }
    let valueLoss = criticLoss(
      tape.rows(valueLogits, used), targets: constant(targets[...], columns: 2), weights: constant(weights[used]),
      bins: table, on: tape)
    try want["value_loss"].expectClose(batchFirst(tape.values(valueLoss), batch), [batch, steps - 1], within: 2e-4)
    tape.backward(tape.add(tape.mean(policyLoss), tape.mean(valueLoss)))
    for (key, leaf, width) in leaves {
      try want[key].expectClose(
        batchFirst(tape.gradient(leaf), batch, width: width), [batch, steps, width], within: 2e-4)
    }
  }

  @Test(arguments: ["warmup_2", "default", "no_warmup"]) func optimizer(run: String) throws {
    let inputs = try fixture["inputs/optimiser"]
    let store = ParameterStore()
    var random = RandomStream(seed: 1)
    let shapes = ["big": try inputs["params/big"].shape(rank: 2), "small": [3], "zero": [2]]
    let names = ["big", "small", "zero"]
    for name in names {
      let shape = shapes[name]!
      let parameter = store.add(
        name, rows: shape.count > 1 ? shape[0] : 1, columns: shape.last!, initializer: .zeros, random: &random)
      _ = store.values(of: parameter).update(fromContentsOf: try inputs["params/\(name)"].floats(shape))
    }
    let optimizer = LaProp(
      [store], learningRate: try inputs["runs/\(run)/lr"].float, beta1: try inputs["beta1"].float,
      beta2: try inputs["beta2"].float, epsilon: try inputs["eps"].float,
      warmup: try inputs["runs/\(run)/warmup"].integer(in: 0...1_000_000), clip: try inputs["agc"].float)
    let steps = try inputs["grads_per_step"].elements()
    for (gradients, want) in zip(steps, try fixture["outputs/optimiser/\(run)"].elements(steps.count)) {
      for (name, parameter) in zip(names, store.parameters) {
        _ = store.gradients(of: parameter).update(fromContentsOf: try gradients[name].floats(shapes[name]!))
      }
      optimizer.step()
      for (name, parameter) in zip(names, store.parameters) {
        try want["params/\(name)"].expectClose(store.values(of: parameter), shapes[name]!, within: 2e-4)
      }
    }
  }
}
