import Algorithms
import Environments
import Neural
import Support

/// Whole updates of Dreamer: world model, dreams, actor and critic, optimiser; batch and draws filled before.
enum DreamerBenchmarks {
  static let all: [Benchmark] = [
    update("nano", .nano, count: 8, length: 32), update("1m", .m1, count: 8, length: 32),
    update("1m", .m1, count: 16, length: 64), update("1m", .m1, count: 4, length: 16, side: 64),
    update("1m", .m1, count: 16, length: 64, side: 64), dreams, encoder, decoder,
  ]

  /// Dreams of an update of 8 sequences of 32 steps by themselves.
  private static let dreams: Benchmark = {
    let (sizes, starts) = (DreamerSizes(.m1), 256)
    return Benchmark(
      "dreamer-dreams-1m", "dreams of 15 steps from \(starts) states, size 1m, 6 actions",
      operations: 2 * Double(starts) * Double(dreamOperations(sizes)), items: Double(starts), unit: "dreams"
    ) { pool in
      let random = RandomStream(seed: 1)
      var settings = WorldModel.Settings()
      settings.sizes = sizes
      let vector = DreamerObservation([.vector(name: "vector", size: seen)])
      let model = WorldModel(settings, vector, actions: actions, random: random.stream("model"))
      let behaviour = DreamerBehaviour(
        DreamerBehaviour.Settings(), sizes, actions: actions, isDiscrete: false, starts: starts, random: random,
        pool: pool)
      let states = RowBuffer(starts, sizes.features)
      var drawing = random.stream("draws")
      drawing.fillUniform(states.memory, 0, 1)
      behaviour.draw(model.dynamics, &drawing)
      return {
        behaviour.dreams.imagine(
          from: states.read, model, behaviour.actor, behaviour.critic, slow: behaviour.slowCritic.network,
          latentDraws: behaviour.priorDraws.read, actionDraws: behaviour.actionDraws.read)
      }
    }
  }()

  /// Pictures of the way in and of the way out by themselves.
  private static let (codecRows, codecSide) = (128, 64)

  /// Convolutions with pooling, norms, activations and all their gradients.
  private static let encoder = codec("encoder", "pictures to numbers and back") { observation, sizes, pool in
    let (store, tape) = (ParameterStore(), Tape(pool: pool))
    var random = RandomStream(seed: 1)
    let encoder = DreamerEncoder(observation, sizes, in: store, random: &random)
    let pictures = RowBuffer(codecRows, observation.columns)
    random.fillUniform(pictures.memory, 0, 255)
    return {
      tape.rewind()
      store.clearGradients()
      tape.backward(tape.sum(encoder(pictures.read, on: tape)))
    }
  }

  /// Dense layers and convolutions with up-sampling, norms, activations, the loss and all their gradients.
  private static let decoder = codec("decoder", "latent states to pictures and back") { observation, sizes, pool in
    let (store, tape) = (ParameterStore(), Tape(pool: pool))
    var random = RandomStream(seed: 1)
    let decoder = DreamerDecoder(observation, sizes, in: store, random: &random)
    let pictures = RowBuffer(codecRows, observation.columns)
    random.fillUniform(pictures.memory, 0, 255)
    let (h, z) = (RowBuffer(codecRows, sizes.deterministic), RowBuffer(codecRows, sizes.stochastic))
    random.fillNormal(h.memory)
    random.fillUniform(z.memory, 0, 1)
    var losses: [Tensor] = []
    return {
      tape.rewind()
      store.clearGradients()
      let h = tape.variable(UnsafeBufferPointer(h.memory), rows: codecRows, columns: sizes.deterministic)
      let z = tape.variable(UnsafeBufferPointer(z.memory), rows: codecRows, columns: sizes.stochastic)
      let features = tape.concatenateColumns(h, z)
      decoder.losses(features, h: h, z: z, pictures.read, on: tape, into: &losses)
      tape.backward(tape.sum(losses[0]))
    }
  }

  private static func codec(
    _ name: String, _ summary: String,
    prepare: @escaping @Sendable (DreamerObservation, DreamerSizes, ComputePool) -> () -> Void
  ) -> Benchmark {
    let sizes = DreamerSizes(.m1)
    let work = pictures(sizes, side: codecSide)
    return Benchmark(
      "dreamer-\(name)-\(codecSide)px", "\(summary): \(codecRows) of \(codecSide) by \(codecSide), size 1m",
      operations: 2 * Double(codecRows) * Double(name == "encoder" ? work.encoder : work.decoder),
      items: Double(codecRows), unit: "pictures"
    ) { pool in
      let part = DreamerObservation.Part.picture(
        name: "picture", .init(height: codecSide, width: codecSide, channels: 3))
      return prepare(DreamerObservation([part]), sizes, pool)
    }
  }

  /// B sequences of T steps of 24 numbers, or of pictures, and 6 actions.
  private static func update(
    _ name: String, _ size: DreamerSizes.Name, count: Int, length: Int, side: Int? = nil
  ) -> Benchmark {
    let seen = side.map { "\($0) by \($0) pixels" } ?? "24 numbers"
    return Benchmark(
      "dreamer-\(name)\(side.map { "-\($0)px" } ?? "")-\(count)x\(length)",
      "an update of size \(name), \(count) sequences of \(length) steps, \(seen), 6 actions",
      operations: operations(DreamerSizes(size), rows: count * length, side: side), unit: "updates"
    ) { pool in
      var settings = DreamerLearner.Settings()
      settings.model.sizes = DreamerSizes(size)
      let part: DreamerObservation.Part =
        if let side {
          .picture(name: "picture", .init(height: side, width: side, channels: 3))
        } else {
          .vector(name: "vector", size: 24)
        }
      let learner = DreamerLearner(
        settings, DreamerObservation([part]), actions: 6, isDiscrete: false, length: length, count: count,
        random: RandomStream(seed: 1), pool: pool)
      var random = RandomStream(seed: 2)
      random.fillNormal(learner.batch.observations.memory)
      if side != nil { random.fillUniform(learner.batch.observations.memory, 0, 255) }
      random.fillUniform(learner.batch.previousActions.memory, -1, 1)
      random.fillNormal(learner.batch.rewards.memory)
      return {
        learner.draw(&random)
        _ = try learner.update()
      }
    }
  }

  /// Numbers that are seen, actions, steps of a dream.
  private static let (seen, actions, horizon) = (24, 6, 15)

  private static func network(_ sizes: DreamerSizes, _ layers: Int, _ outputs: Int) -> Int {
    sizes.units * sizes.features + (layers - 1) * sizes.units * sizes.units + sizes.units * outputs
  }

  /// Of one step by the prior.
  private static func stepOperations(_ sizes: DreamerSizes) -> (core: Int, prior: Int) {
    let (h, z, hidden) = (sizes.deterministic, sizes.stochastic, sizes.hidden)
    let core = hidden * (h + z + actions) + h * h / sizes.blocks + 3 * hidden * h + 3 * h * h / sizes.blocks
    return (core, hidden * (h + hidden + z))
  }

  /// Multiply-adds of one dream.
  private static func dreamOperations(_ sizes: DreamerSizes) -> Int {
    let step = stepOperations(sizes)
    let heads =
      network(sizes, 3, 2 * actions) + network(sizes, 1, sizes.bins) + network(sizes, 1, 1)
      + 2 * network(sizes, 3, sizes.bins)
    return horizon * (step.core + step.prior) + (horizon + 1) * heads
  }

  /// Products only: what is trained counts three times, a dream's way once; the gradients of inputs that nobody reads
  /// are left out.
  private static func operations(_ sizes: DreamerSizes, rows: Int, side: Int?) -> Double {
    let (h, z, hidden, units) = (sizes.deterministic, sizes.stochastic, sizes.hidden, sizes.units)
    let codec = side.map { pictures(sizes, side: $0) }
    let (core, prior) = stepOperations(sizes)
    let posterior = hidden * (h + (codec?.tokens ?? units) + z)
    let encoder = codec?.encoder ?? 3 * units * (seen + 2 * units) - units * seen
    let decoder = codec?.decoder ?? 3 * network(sizes, 3, seen)
    let (reward, continuation) = (network(sizes, 1, sizes.bins), network(sizes, 1, 1))
    let (actor, critic) = (network(sizes, 3, 2 * actions), network(sizes, 3, sizes.bins))
    let world = 3 * (core + prior + posterior + reward + continuation) + encoder + decoder
    let dream = dreamOperations(sizes)
    let behaviour = horizon * (3 * (actor + critic) - 2 * units * sizes.features)
    return 2 * Double(rows) * Double(world + dream + behaviour + 3 * critic)
  }

  /// Multiply-adds of a picture's way in and out with their gradients, and the numbers that the encoder gives. Of the
  /// decoder's convolutions those that are done: 36 of 100, for pixels that stand four times.
  private static func pictures(_ sizes: DreamerSizes, side: Int) -> (encoder: Int, decoder: Int, tokens: Int) {
    var (encoder, decoder, side, channels) = (0, 0, side, 3)
    for multiple in sizes.depthMultiples {
      let outputs = multiple * sizes.depth
      let taps = side * side * channels * outputs
      encoder += (channels == 3 ? 2 : 3) * 25 * taps
      decoder += 3 * 9 * taps
      (side, channels) = (side / 2, outputs)
    }
    let tokens = side * side * channels
    let blocks = sizes.pictureBlocks ?? sizes.blocks
    let dense = sizes.deterministic * tokens / blocks + 2 * sizes.units * (sizes.stochastic + tokens)
    return (encoder, decoder + 3 * dense, tokens)
  }
}
