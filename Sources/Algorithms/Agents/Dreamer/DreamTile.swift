import CKernels
import Neural
import Support

/// Some rows of a dream with the rows in the lanes, which pass through all layers of a step while they are in cache: as
/// the layers on a tape, to the bit. For categorical latents.
final class DreamTile {
  /// Most rows.
  let capacity: Int
  private let sizes: DreamerSizes
  /// Rows of a tile of the kernels that began.
  private var width = Int(ck_tile_width())
  /// Those that hold rows now.
  private var tiles: Int
  /// h and z; the three branches; the layer that mixes them; layers of all other networks, in turns; what they say.
  /// And the draws of latents.
  private let state, branches, mix, first, second, said, draws: Features
  /// What a head says, row-major.
  private let rows: FloatBuffer

  init(_ sizes: DreamerSizes, actions: Int, capacity: Int) {
    (self.sizes, self.capacity) = (sizes, capacity)
    tiles = 0
    // Whole tiles of any kernels.
    let padded = (capacity + 31) / 32 * 32
    func features(_ columns: Int) -> Features { Features(columns, rows: padded) }
    state = features(sizes.features)
    branches = features(3 * sizes.hidden)
    mix = features(sizes.deterministic)
    let layer = max(sizes.units, sizes.hidden, actions)
    (first, second) = (features(layer), features(layer))
    let widest = max(sizes.bins, sizes.stochastic, actions)
    said = features(widest)
    rows = FloatBuffer(count: capacity * widest)
    draws = features(sizes.latents)
  }

  /// Columns of all rows; memory that lives as long as this object.
  private struct Features {
    let columns: Int
    let buffer: FloatBuffer

    init(_ columns: Int, rows: Int) { (self.columns, buffer) = (columns, FloatBuffer(count: columns * rows)) }

    /// From column `first` on.
    func from(_ first: Int, width: Int) -> ck_tiles {
      ck_tiles(values: buffer.base + first * width, stride: Int64(columns))
    }
  }

  private func view(_ features: Features, from first: Int = 0) -> ck_tiles { features.from(first, width: width) }

  private func values(_ parameter: Parameter, _ store: ParameterStore) -> UnsafePointer<Float> {
    UnsafePointer(store.values(of: parameter).baseAddress!)
  }

  // MARK: Layers

  private func linear(_ layer: Linear, _ x: ck_tiles, into y: ck_tiles) {
    var (x, y) = (x, y)
    ck_tile_linear(
      Int64(tiles), Int64(layer.weight.columns), Int64(layer.weight.rows), &x, values(layer.weight, layer.store),
      values(layer.bias, layer.store), &y, 0)
  }

  private func normed(_ layer: NormedLayer, _ x: ck_tiles, into y: ck_tiles) {
    linear(layer.linear, x, into: y)
    normSiLU(layer.scale, layer.linear.store, y)
  }

  private func normSiLU(_ scale: Parameter, _ store: ParameterStore, _ y: ck_tiles) {
    var y = y
    ck_tile_norm_silu(Int64(tiles), Int64(scale.count), 1e-4, values(scale, store), &y)
  }

  /// All layers, one after another; where the last one's values are. Their sums go into some rows of `kept`.
  private func trunk(
    _ layers: [NormedLayer], _ x: ck_tiles, keeping kept: (layers: ComputedLayers, rows: Range<Int>)? = nil
  ) -> ck_tiles {
    var x = x
    for (place, layer) in layers.enumerated() {
      let y = view(place % 2 == 0 ? first : second)
      linear(layer.linear, x, into: y)
      if let kept { rowsOut(y, into: kept.layers.sums[place].rows.slice(kept.rows)) }
      normSiLU(layer.scale, layer.linear.store, y)
      x = y
    }
    return x
  }

  private func rowsIn(_ rows: Rows, _ y: ck_tiles) {
    var y = y
    ck_tile_rows_in(Int64(rows.count), Int64(rows.columns), rows.base, Int64(rows.rowStride), &y)
  }

  private func rowsOut(_ x: ck_tiles, into rows: MutableRows) {
    var x = x
    ck_tile_rows_out(Int64(rows.count), Int64(rows.columns), &x, rows.base, Int64(rows.rowStride))
  }

  // MARK: A step

  /// Takes states [rows, features] in.
  func begin(_ states: Rows) {
    precondition(states.count <= capacity, "\(states.count) rows in a tile for \(capacity)")
    width = Int(ck_tile_width())
    tiles = (states.count + width - 1) / width
    rowsIn(states, view(state))
  }

  /// What every head of a network says of the present states, [rows, outputs], by turns; valid until the next call, or
  /// in some rows of `kept`.
  func say(
    _ network: DreamerMLP, count: Int, keeping kept: (layers: ComputedLayers, rows: Range<Int>)? = nil,
    _ body: (_ head: Int, _ said: MutableRows) -> Void
  ) {
    let seen = trunk(network.layers, view(state), keeping: kept)
    for (number, head) in network.heads.enumerated() {
      linear(head, seen, into: view(said))
      let out =
        kept.map { $0.layers.said[number].rows.slice($0.rows) } ?? MutableRows(rows.base, count, head.weight.rows)
      rowsOut(view(said), into: out)
      body(number, out)
    }
  }

  /// The number that a two-hot network says of every present state, into `means` [rows, 1].
  func mean(
    _ network: DreamerMLP, _ bins: TwoHotBins, into means: MutableRows,
    keeping kept: (layers: ComputedLayers, rows: Range<Int>)? = nil
  ) {
    let seen = trunk(network.layers, view(state), keeping: kept)
    linear(network.heads[0], seen, into: view(said))
    if let kept { rowsOut(view(said), into: kept.layers.said[0].rows.slice(kept.rows)) }
    var logits = view(said)
    bins.values.withUnsafeBufferPointer {
      ck_tile_two_hot_mean(
        Int64(means.count), Int64(network.heads[0].weight.rows), $0.baseAddress!, &logits, means.base)
    }
  }

  /// The probability that a network of one logit says of every present state, into `chances` [rows, 1].
  func probability(_ network: DreamerMLP, into chances: MutableRows) {
    say(network, count: chances.count) { _, logits in
      ck_activation(Int32(CK_SIGMOID), Int64(logits.count), logits.base, chances.base)
    }
  }

  /// The next states by the prior: h and z side by side into `following` [rows, features], and the state of this tile.
  /// - Parameters:
  ///   - actions: [rows, actions], within ±1.
  ///   - draws: [rows, latents].
  func move(_ dynamics: RecurrentStateSpace, actions: Rows, draws: Rows, into following: MutableRows) {
    let (store, deter, hidden, blocks) = (dynamics.store, sizes.deterministic, sizes.hidden, sizes.blocks)
    rowsIn(actions, view(first))
    let layers = dynamics.inputLayers
    normed(layers[0], view(state), into: view(branches))
    normed(layers[1], view(state, from: deter), into: view(branches, from: hidden))
    normed(layers[2], view(first), into: view(branches, from: 2 * hidden))
    var (shared, mixed, h) = (view(branches), view(mix), view(state))
    ck_tile_linear(
      Int64(tiles), Int64(3 * hidden), Int64(deter), &shared, values(dynamics.mixShared, store),
      values(dynamics.mixBias, store), &mixed, 0)
    let size = deter / blocks
    for block in 0..<blocks {
      var (own, part) = (view(state, from: block * size), view(mix, from: block * size))
      ck_tile_linear(
        Int64(tiles), Int64(size), Int64(size), &own, values(dynamics.mixOwn, store) + block * size * size, nil, &part,
        1)
    }
    normSiLU(dynamics.mixScale, store, view(mix))
    ck_tile_block_gru(
      Int64(tiles), Int64(blocks), Int64(size), &mixed, values(dynamics.gateWeight, store),
      values(dynamics.gateBias, store), &h)
    rowsOut(view(state), into: following.columns(0..<deter))
    linear(dynamics.priorLogits, trunk(dynamics.priorLayers, view(state)), into: view(said))
    rowsIn(draws, view(self.draws))
    var (logits, drawn, z) = (view(said), view(self.draws), view(state, from: deter))
    ck_tile_one_hot_sample(
      Int64(tiles), Int64(sizes.latents), Int64(sizes.classes), dynamics.unimix, &logits, &drawn, &z)
    rowsOut(z, into: following.columns(deter..<sizes.features))
  }
}
