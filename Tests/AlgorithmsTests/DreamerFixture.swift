import Algorithms
import Neural
import Support
import TestSupport

/// An agent of neural/dreamer_update.json: its sizes, and where every element of the file's tensors stands in the
/// learner's stores.
struct DreamerFixture {
  let name: String
  let inputs: Fixture
  let want: Fixture
  let learner: DreamerLearner
  let discrete: Bool
  let actions: Int
  /// B and T.
  let batch, length: Int
  /// The file's tensors, in its order, with the place of every element, row-major.
  let tensors: [(name: String, store: ParameterStore, places: [Int])]

  init(_ name: String, warmup: Int? = nil) throws {
    let fixture = try Fixture("neural/dreamer_update.json")
    (self.name, inputs, want) = (name, try fixture["inputs/\(name)"], try fixture["outputs/\(name)"])
    let sizes = try inputs["sizes"]
    func size(_ key: String) throws -> Int { try sizes[key].integer(in: 1...10_000) }
    (discrete, actions) = (try sizes["discrete"].flag, try size("actions"))
    var settings = DreamerLearner.Settings()
    settings.model.sizes = DreamerSizes(
      deterministic: try size("deter"), hidden: try size("hidden"), units: try size("units"),
      latents: try size("stoch"), classes: try size("classes"), blocks: try size("blocks"), bins: try size("bins"),
      depth: sizes.has("depth") ? try size("depth") : 1)
    settings.behaviour.horizon = try size("horizon")
    settings.learningRate = try sizes["lr"].float
    settings.warmup = try warmup ?? sizes["warmup"].integer(in: 0...10_000)
    let shape = try inputs["batch/reward"].shape(rank: 2)
    (batch, length) = (shape[0], shape[1])
    var parts = try inputs["vectors"].elements().map {
      DreamerObservation.Part.vector(name: try $0["key"].text, size: try $0["length"].integer(in: 1...1000))
    }
    if sizes.has("image") {
      let sides = try sizes["image"].elements(3).map { try $0.integer(in: 1...1000) }
      parts.append(.picture(name: "image", .init(height: sides[0], width: sides[1], channels: sides[2])))
      settings.model.sizes.depthMultiples = try sizes["mults"].elements().map { try $0.integer(in: 1...1000) }
      settings.model.sizes.pictureBlocks = try size("image_blocks")
    }
    learner = DreamerLearner(
      settings, DreamerObservation(parts), actions: actions, isDiscrete: discrete, length: length, count: batch,
      random: RandomStream(seed: 1), pool: nil)
    let layout = DreamerTensors(learner.optimizer.stores, settings.model.sizes)
    let params = try inputs["params"]
    tensors = try params.keys().map { name in
      let (store, places) = try layout.places(name, try params.member(name).shape)
      return (name, store, places)
    }
    for (name, store, places) in tensors {
      let values = try inputs["params"].flat(name)
      guard values.count == places.count else { throw inputs.fault("\(name) has another size") }
      for (place, value) in zip(places, values) { store.values[place] = value }
    }
    for (name, _, places) in tensors where name.hasPrefix("val/") {
      for (place, value) in zip(places, try inputs["slow_critic"].flat(name)) {
        learner.task.slowCritic.network.store.values[place] = value
      }
    }
    learner.task.returnRange = ReturnRange(
      rate: settings.behaviour.returnRate, low: try inputs["return_normaliser/lo"].double,
      high: try inputs["return_normaliser/hi"].double)
    try fillBatch(parts)
    try fillDraws()
  }

  /// [B, T, width] of the file into rows t·B + b.
  private func set(_ out: MutableRows, _ values: [Float]) {
    let width = out.columns
    for row in 0..<batch {
      for step in 0..<length {
        for column in 0..<width { out[step * batch + row, column] = values[(row * length + step) * width + column] }
      }
    }
  }

  private func fillBatch(_ parts: [DreamerObservation.Part]) throws {
    let (from, to, sizes) = (try inputs["batch"], learner.batch, learner.settings.model.sizes)
    var column = 0
    for part in parts {
      set(
        to.observations.rows.columns(column..<column + part.columns),
        try from.flat(part.name))
      column += part.columns
    }
    set(to.rewards.rows, try from["reward"].floats([batch, length]))
    for (name, buffer) in [("is_first", to.isFirst), ("is_last", to.isLast), ("is_terminal", to.isTerminal)] {
      let flags = try from[name].elements(batch).flatMap {
        try $0.elements(length).map { try $0.flag ? 1 : 0 as Float }
      }
      set(buffer.rows, flags)
    }
    if discrete {
      let indices = try from["previous_action"].floats([batch, length])
      set(to.previousActions.rows, oneHot(indices, actions))
    } else {
      set(to.previousActions.rows, try from["previous_action"].floats([batch, length, actions]))
    }
    _ = to.startH.memory.update(fromContentsOf: try from["carry_deter"].floats([batch, sizes.deterministic]))
    let classes = try from["carry_stoch"].floats([batch, sizes.latents])
    _ = to.startZ.memory.update(fromContentsOf: oneHot(classes, sizes.classes))
  }

  private func fillDraws() throws {
    let sizes = learner.settings.model.sizes
    func asked(_ classes: [Float]) -> [Float] { classes.map { $0 + 2 } }
    set(
      learner.posteriorDraws.rows, asked(try inputs["posterior_samples"].floats([batch, length, sizes.latents])))
    let (horizon, starts) = (learner.settings.behaviour.horizon, batch * length)
    let prior = asked(try inputs["imagined_prior_samples"].floats([horizon, starts, sizes.latents]))
    let action =
      discrete
      ? asked(try inputs["imagined_actions"].floats([horizon + 1, starts]))
      : try inputs["imagined_action_noise"].floats([horizon + 1, starts, actions])
    for (buffer, values) in [(learner.task.priorDraws, prior), (learner.task.actionDraws, action)] {
      for step in 0..<buffer.rows.count / starts {
        let count = starts * buffer.rows.columns
        set(
          buffer.rows.slice(step * starts..<(step + 1) * starts), Array(values[step * count..<(step + 1) * count]))
      }
    }
  }

  /// Rows t·B + b of one column as the file has them: [B, T], or with steps before them [H, B·T] with row b·T + t.
  func fileOrder(_ rows: Rows, steps: Int? = nil) -> [Float] {
    let steps = steps ?? 1
    let perStep = rows.count / steps
    var out: [Float] = []
    for step in 0..<steps {
      out += batchFirst(rows.slice(step * perStep..<(step + 1) * perStep).array, batch, width: rows.columns)
    }
    return out
  }
}

/// [batch, time, width] → rows time·batch + row of `width`.
func timeFirst(_ values: [Float], _ batch: Int, width: Int = 1) -> [Float] {
  let steps = values.count / batch / width
  var out: [Float] = []
  for step in 0..<steps {
    for row in 0..<batch {
      let start = (row * steps + step) * width
      out += values[start..<start + width]
    }
  }
  return out
}

/// Rows time·batch + row of `width` → [batch, time, width].
func batchFirst(_ values: some Sequence<Float>, _ batch: Int, width: Int = 1) -> [Float] {
  let values = Array(values)
  let steps = values.count / batch / width
  var out: [Float] = []
  for row in 0..<batch {
    for step in 0..<steps {
      let start = (step * batch + row) * width
      out += values[start..<start + width]
    }
  }
  return out
}

/// Rows of so many columns.
func rows(_ values: [Float], _ columns: Int = 1) -> RowBuffer {
  let buffer = RowBuffer(values.count / columns, columns)
  _ = buffer.memory.update(fromContentsOf: values)
  return buffer
}

/// One-hot rows of indices.
func oneHot(_ indices: [Float], _ count: Int) -> [Float] {
  var out = [Float](repeating: 0, count: indices.count * count)
  for (row, index) in indices.enumerated() { out[row * count + Int(index)] = 1 }
  return out
}

extension Fixture {
  /// All numbers of the nested lists under one key, which may hold slashes.
  func flat(_ key: String) throws -> [Float] {
    let value = try member(key)
    return try value.floats(value.shape)
  }
}

/// Where danijar/dreamerv3's tensors stand in the learner's stores.
struct DreamerTensors {
  let stores: [ParameterStore]
  let sizes: DreamerSizes

  init(_ stores: [ParameterStore], _ sizes: DreamerSizes) { (self.stores, self.sizes) = (stores, sizes) }

  private func find(_ name: String) throws -> (ParameterStore, Parameter) {
    for store in stores {
      if let parameter = store.parameters.first(where: { $0.name == name }) { return (store, parameter) }
    }
    throw FixtureError(file: "dreamer_update.json", key: name, problem: "is no parameter")
  }

  /// For every element of the file's tensor its place in the store's flat buffer.
  func places(_ name: String, _ shape: [Int]) throws -> (ParameterStore, [Int]) {
    let h = sizes.deterministic
    let block = h / sizes.blocks
    func parts(_ base: String, split: Int) throws -> (ParameterStore, [Int]) {
      let (store, own) = try find("\(base).own")
      let (_, shared) = try find("\(base).shared")
      let (inputs, outputs) = (shape[shape.count - 2], shape[shape.count - 1])
      var places: [Int] = []
      for group in 0..<(shape.count > 2 ? shape[0] : 1) {
        for input in 0..<inputs {
          for output in 0..<outputs {
            let row = group * outputs + output
            let isOwn = input < split
            places.append(
              isOwn ? own.offset + row * split + input : shared.offset + row * (inputs - split) + input - split)
          }
        }
      }
      return (store, places)
    }
    if name == "dyn/dynhid0/kernel" { return try parts("dynamics.mix.weight", split: block) }
    if name == "dyn/obs0/kernel" { return try parts("dynamics.posterior.weight", split: h) }
    let (own, isKernel) = try ownName(name)
    let (store, parameter) = try find(own)
    if shape.count == 4 {
      // [5, 5, inputs, outputs] → [outputs, inputs, 5, 5]
      var places: [Int] = []
      for tap in 0..<25 {
        for input in 0..<shape[2] {
          for output in 0..<shape[3] { places.append(parameter.offset + (output * shape[2] + input) * 25 + tap) }
        }
      }
      return (store, places)
    }
    guard isKernel else { return (store, (0..<parameter.count).map { parameter.offset + $0 }) }
    let (inputs, outputs) = (shape[shape.count - 2], shape[shape.count - 1])
    var places: [Int] = []
    for group in 0..<(shape.count > 2 ? shape[0] : 1) {
      for input in 0..<inputs {
        var column = input
        // The file's decoder sees z before h.
        if name == "dec/mlp/linear0/kernel" {
          column = input < sizes.stochastic ? h + input : input - sizes.stochastic
        }
        for output in 0..<outputs { places.append(parameter.offset + (group * outputs + output) * inputs + column) }
      }
    }
    return (store, places)
  }

  /// "enc/cnn0norm/scale" → "encoder.picture.0".
  private func pictureName(_ name: String) -> String? {
    let part = name.split(separator: "/")[1]
    let level = part.filter(\.isNumber)
    if name.hasPrefix("enc/cnn") { return "encoder.picture.\(level)" }
    guard name.hasPrefix("dec/") else { return nil }
    switch part.replacing("norm", with: "") {
    case "sp0": return "decoder.picture.deterministic"
    case "sp1": return "decoder.picture.stochastic.0"
    case "sp2": return "decoder.picture.stochastic.1"
    case "sp": return "decoder.picture"
    case "imgout": return "decoder.picture.0"
    default: return part.hasPrefix("conv") ? "decoder.picture.\(Int(level)! + 1)" : nil
    }
  }

  /// "rew/mlp/linear0/kernel" → "reward.layers.0.weight".
  private func ownName(_ name: String) throws -> (String, isKernel: Bool) {
    let isKernel = name.hasSuffix("/kernel")
    let end = isKernel ? ".weight" : name.hasSuffix("/bias") ? ".bias" : ".norm"
    if let picture = pictureName(name) { return (picture + end, isKernel) }
    var path = name.split(separator: "/").dropLast().map(String.init)
    let modules = ["rew": "reward", "con": "continuation", "pol": "actor", "val": "critic", "dec": "decoder"]
    if path[0] == "enc" { return ("encoder.\(path[1].filter(\.isNumber))\(end)", isKernel) }
    if path[0] == "dyn" {
      let own = [
        "dynin0": "input.deterministic", "dynin1": "input.stochastic", "dynin2": "input.action", "dynhid0": "mix",
        "dyngru": "gates", "obs0": "posterior", "obslogit": "posterior.logits", "prior0": "prior.0",
        "prior1": "prior.1", "priorlogit": "prior.logits",
      ]
      let part = path[1].hasSuffix("norm") ? String(path[1].dropLast(4)) : path[1]
      return ("dynamics.\(own[part] ?? part)\(end)", isKernel)
    }
    path[0] = modules[path[0]] ?? path[0]
    if path[1] == "mlp" { return ("\(path[0]).layers.\(path[2].filter(\.isNumber))\(end)", isKernel) }
    if path[1] == "vec" { return ("\(path[0]).\(path[2])\(end)", isKernel) }
    let head = path[0] == "actor" ? (path[3] == "stddev" ? "deviation" : path[3]) : "head"
    return ("\(path[0]).\(head)\(end)", isKernel)
  }
}
