import Neural
import Support

/// The recurrent state-space model of DreamerV3: h' = f(h, z, a), prior p(z' | h'), posterior q(z' | h', what is seen).
///
/// z is some categoricals side by side, one-hot, or some normals; every layer of f but the first is block-diagonal.
package struct RecurrentStateSpace {
  package let sizes: DreamerSizes
  package let store: ParameterStore
  /// Columns of what is seen.
  package let tokens: Int
  /// Share of the uniform distribution in every latent.
  package let unimix: Float

  /// Of h, z and a: [rows, ·] → [rows, hidden].
  let inputLayers: [NormedLayer]
  /// The next layer, [rows, deterministic]: each block from its part of h and from all of the three above.
  let mixOwn, mixShared, mixBias, mixScale: Parameter
  /// [rows, deterministic] → reset, candidate and update of every block.
  let gateWeight, gateBias: Parameter
  /// Of h and of what is seen → [rows, hidden], then statistics [rows, statistics].
  let posteriorOwn, posteriorSeen, posteriorBias, posteriorScale: Parameter
  let posteriorLogits: Linear
  let priorLayers: [NormedLayer]
  let priorLogits: Linear

  /// Parameters "name.…"; those whose names differ in ".own" and ".shared" only are parts of one tensor.
  package init(
    name: String, _ sizes: DreamerSizes, actions: Int, tokens: Int, unimix: Float, in store: ParameterStore,
    random: inout RandomStream
  ) {
    (self.sizes, self.store, self.tokens, self.unimix) = (sizes, store, tokens, unimix)
    let (deter, hidden, blocks) = (sizes.deterministic, sizes.hidden, sizes.blocks)
    precondition(deter % blocks == 0, "\(deter) elements in \(blocks) blocks")
    func matrix(_ part: String, blocks: Int = 1, outputs: Int, inputs: Int, fanIn: Int) -> Parameter {
      store.add(
        "\(name).\(part)", batch: blocks, rows: outputs / blocks, columns: inputs / blocks,
        initializer: .truncatedNormalFanIn(gain: dreamerGain), fanIn: fanIn, random: &random)
    }
    func vector(_ part: String, _ count: Int, _ value: Float) -> Parameter {
      store.addVector("\(name).\(part)", count: count, initializer: .constant(value), random: &random)
    }
    func layer(_ part: String, _ inputs: Int) -> NormedLayer {
      NormedLayer(name: "\(name).\(part)", inputs: inputs, outputs: hidden, in: store, random: &random)
    }
    inputLayers = [
      layer("input.deterministic", deter), layer("input.stochastic", sizes.stochastic), layer("input.action", actions),
    ]
    // As if every block had a copy of the three, which is what the authors' scale of the start is made for.
    let mixFanIn = deter + blocks * 3 * hidden
    mixOwn = matrix("mix.weight.own", blocks: blocks, outputs: deter, inputs: deter, fanIn: mixFanIn)
    mixShared = matrix("mix.weight.shared", outputs: deter, inputs: 3 * hidden, fanIn: mixFanIn)
    mixBias = vector("mix.bias", deter, 0)
    mixScale = vector("mix.norm", deter, 1)
    gateWeight = matrix("gates.weight", blocks: blocks, outputs: 3 * deter, inputs: deter, fanIn: deter)
    gateBias = vector("gates.bias", 3 * deter, 0)
    posteriorOwn = matrix("posterior.weight.own", outputs: hidden, inputs: deter, fanIn: deter + tokens)
    posteriorSeen = matrix("posterior.weight.shared", outputs: hidden, inputs: tokens, fanIn: deter + tokens)
    posteriorBias = vector("posterior.bias", hidden, 0)
    posteriorScale = vector("posterior.norm", hidden, 1)
    posteriorLogits = dreamerLinear(
      name: "\(name).posterior.logits", inputs: hidden, outputs: sizes.statistics, in: store, random: &random)
    priorLayers = [layer("prior.0", deter), layer("prior.1", hidden)]
    priorLogits = dreamerLinear(
      name: "\(name).prior.logits", inputs: hidden, outputs: sizes.statistics, in: store, random: &random)
  }

  /// The tensor that a parameter is a part of.
  package static func tensorName(_ parameter: Parameter) -> String {
    for end in [".own", ".shared"] where parameter.name.hasSuffix(end) {
      return String(parameter.name.dropLast(end.count))
    }
    return parameter.name
  }

  // MARK: Pieces

  /// What an action adds to the dynamics, [rows, actions] → [rows, hidden]. An action beyond ±1 counts as ±1.
  /// - Parameter isStraight: whether gradients pass to actions beyond ±1 too, as through a/max(1, |a|) with a constant
  ///   divisor.
  package func actionBranch(_ action: Tensor, isStraight: Bool = false, on tape: Tape) -> Tensor {
    guard isStraight else { return inputLayers[2](tape.clamp(action, low: -1, high: 1), on: tape) }
    let values = tape.values(action)
    let divisors = tape.constant(rows: action.rows, columns: action.columns) { divisors in
      for index in divisors.indices { divisors[index] = max(1, abs(values[index])) }
    }
    return inputLayers[2](tape.divide(action, divisors), on: tape)
  }

  /// What is seen as the posterior takes it in, [rows, tokens] → [rows, hidden].
  package func seenBranch(_ seen: Tensor, on tape: Tape) -> Tensor {
    tape.linear(
      seen, weight: tape.parameter(posteriorSeen, of: store), bias: tape.parameter(posteriorBias, of: store))
  }

  /// h [rows, deterministic], z [rows, stochastic] and the branch of the action that was taken there → the next h.
  package func next(_ h: Tensor, _ z: Tensor, _ actionBranch: Tensor, on tape: Tape) -> Tensor {
    func parameter(_ parameter: Parameter) -> Tensor { tape.parameter(parameter, of: store) }
    let branches = tape.concatenateColumns(inputLayers[0](h, on: tape), inputLayers[1](z, on: tape), actionBranch)
    var mix = tape.linear(branches, weight: parameter(mixShared), bias: parameter(mixBias))
    mix = tape.blockLinear(h, weight: parameter(mixOwn), onto: mix)
    mix = tape.normSiLU(mix, scale: parameter(mixScale))
    let gates = tape.blockLinear(mix, weight: parameter(gateWeight), bias: parameter(gateBias))
    return tape.blockGRU(gates: gates, hidden: h, blocks: sizes.blocks)
  }

  /// Statistics of p(z | h), [rows, statistics].
  package func prior(_ h: Tensor, on tape: Tape) -> Tensor {
    priorLogits(priorLayers.reduce(h) { $1($0, on: tape) }, on: tape)
  }

  /// Statistics of q(z | h, seen), [rows, statistics]; `seenBranch` is consumed.
  package func posterior(_ h: Tensor, _ seenBranch: Tensor, on tape: Tape) -> Tensor {
    let sum = tape.blockLinear(h, weight: tape.parameter(posteriorOwn, of: store), onto: seenBranch)
    return posteriorLogits(tape.normSiLU(sum, scale: tape.parameter(posteriorScale, of: store)), on: tape)
  }

  /// z by draws [rows, latents]: one-hot, with the gradient of its probabilities, or mean + draw·deviation.
  package func sample(_ statistics: Tensor, _ draws: Tensor, on tape: Tape) -> Tensor {
    guard sizes.latent == .gaussian else {
      return tape.oneHotSample(statistics, draws: draws, classes: sizes.classes, unimix: unimix)
    }
    let normals = LatentNormals(statistics, on: tape)
    return tape.add(normals.mean, tape.multiply(normals.deviation, draws))
  }

  /// Draws for `sample`: uniform in [0, 1), or standard normal.
  package func fillDraws(_ draws: UnsafeMutableBufferPointer<Float>, _ random: inout RandomStream) {
    if sizes.latent == .gaussian { random.fillNormal(draws) } else { random.fillUniform(draws, 0, 1) }
  }

  /// KL(posterior ‖ prior) of statistics, see `Tape.balancedKL`; `freeNats` is the least of every row's.
  package func balancedKL(
    posterior: Tensor, prior: Tensor, freeNats: Float, on tape: Tape
  ) -> (losses: Tensor, statistics: Tensor) {
    switch sizes.latent {
    case .categorical:
      return tape.balancedKL(
        posterior: posterior, prior: prior, classes: sizes.classes, unimix: unimix, freeNats: freeNats)
    case .gaussian: return LatentNormals.balancedKL(posterior: posterior, prior: prior, freeNats: freeNats, on: tape)
    }
  }

  // MARK: A sequence

  /// States of a sequence, time first: row t·B + b.
  package struct Sequence {
    /// [T·B, deterministic]
    package let h: Tensor
    /// [T·B, stochastic]
    package let z: Tensor
    /// Statistics of q, [T·B, statistics].
    package let posterior: Tensor
  }

  /// The tensors of every step of a sequence, in lists that keep their memory.
  package final class Steps {
    private(set) var h: [Tensor] = []
    private(set) var z: [Tensor] = []
    private(set) var posterior: [Tensor] = []

    package init() {}

    func clear() {
      h.removeAll(keepingCapacity: true)
      z.removeAll(keepingCapacity: true)
      posterior.removeAll(keepingCapacity: true)
    }

    func append(_ h: Tensor, _ z: Tensor, _ posterior: Tensor) {
      self.h.append(h)
      self.z.append(z)
      self.posterior.append(posterior)
    }
  }

  /// Filters what was seen, from the states before the first step on.
  /// - Parameters:
  ///   - seen: [T·B, tokens], time first as all of them.
  ///   - actions: [T·B, actions]: the action that led to each step.
  ///   - isFirst: [T·B, 1] 1 where an episode begins: there state and action before do not count.
  ///   - draws: [T·B, latents], see `sample`.
  ///   - state: h and z before the first step, [B, ·].
  ///   - list: to be used again.
  package func observe(
    seen: Tensor, actions: Rows, isFirst: Rows, draws: Rows, from state: (h: Tensor, z: Tensor), on tape: Tape,
    _ list: Steps = Steps()
  ) -> Sequence {
    let batch = state.h.rows
    let steps = seen.rows / batch
    let actionBranches = actionBranch(tape.constant(actions, keepingWhereZero: isFirst), on: tape)
    let seenBranches = seenBranch(seen, on: tape)
    let draws = tape.constant(draws)
    var (h, z) = state
    list.clear()
    for step in 0..<steps {
      let rows = step * batch..<(step + 1) * batch
      let firsts = isFirst.slice(rows)
      if (0..<batch).contains(where: { firsts[$0, 0] != 0 }) {
        let keep = tape.constant(rows: batch, columns: 1) { keep in
          for row in 0..<batch { keep[row] = firsts[row, 0] != 0 ? 0 : 1 }
        }
        (h, z) = (tape.multiply(h, keep), tape.multiply(z, keep))
      }
      h = next(h, z, tape.rows(actionBranches, rows), on: tape)
      let logits = posterior(h, tape.rows(seenBranches, rows), on: tape)
      z = sample(logits, tape.rows(draws, rows), on: tape)
      list.append(h, z, logits)
    }
    return Sequence(
      h: tape.concatenateRows(list.h), z: tape.concatenateRows(list.z),
      posterior: tape.concatenateRows(list.posterior))
  }
}

extension Tape {
  /// Rows as a constant, zeros in the rows where `mask` [rows, 1] is not 0.
  func constant(_ rows: Rows, keepingWhereZero mask: Rows) -> Tensor {
    constant(rows: rows.count, columns: rows.columns) { out in
      for row in 0..<rows.count {
        let isMasked = mask[row, 0] != 0
        for column in 0..<rows.columns { out[row * rows.columns + column] = isMasked ? 0 : rows[row, column] }
      }
    }
  }
}
