import Neural
import Support
import Testing

/// Every operation's backward rule against finite differences: shapes with 1, odd, and wider than a SIMD register.
struct GradientTests {
  static let shapes: [Shape] = [(1, 1, 1), (1, 3, 5), (2, 3, 17), (3, 1, 37)]

  static let unary: [GradientCase] = shapes.flatMap { shape in
    let positive: @Sendable (Int, Float) -> Float = { abs($1) + 0.3 }
    var cases: [GradientCase] = [
      GradientCase("scale", .scale, [shape]) { $0.scale($1[0], by: -1.7) },
      GradientCase("addScalar", .addScalar, [shape]) { $0.addScalar($1[0], 3) },
      GradientCase("exp", .exp, [shape]) { $0.exp($1[0]) },
      GradientCase("log", .log, [shape], prepare: positive) { $0.log($1[0]) },
      GradientCase("sqrt", .sqrt, [shape], prepare: positive) { $0.sqrt($1[0]) },
      GradientCase("square", .square, [shape]) { $0.square($1[0]) },
      GradientCase("sin", .sin, [shape]) { $0.sin($1[0]) },
      GradientCase("cos", .cos, [shape]) { $0.cos($1[0]) },
      GradientCase("clamp", .clamp, [shape]) { $0.clamp($1[0], low: -0.8, high: 0.4) },
      GradientCase("sum", .sum, [shape]) { $0.sum($1[0]) },
      GradientCase("mean", .sum, [shape]) { $0.mean($1[0]) },
      GradientCase("sumColumns", .sumColumns, [shape]) { $0.sumColumns($1[0]) },
      GradientCase("meanRows", .meanRows, [shape]) { $0.meanRows($1[0]) },
      GradientCase("meanBatch", .meanBatch, [shape]) { $0.meanBatch($1[0]) },
      GradientCase("softmax", .softmax, [shape]) { $0.softmax($1[0]) },
      GradientCase("logSoftmax", .logSoftmax, [shape]) { $0.logSoftmax($1[0]) },
      GradientCase("reshape", .reshape, [shape]) { tape, x in
        tape.reshape(x[0], batch: x[0].columns, rows: x[0].batch, columns: x[0].rows)
      },
      GradientCase("columns", .columns, [(shape.batch, shape.rows, shape.columns + 1)]) {
        $0.columns($1[0], 1..<1 + shape.columns)
      },
      GradientCase("rows", .rows, [shape]) { $0.rows($1[0], $1[0].rows / 2..<$1[0].rows) },
      GradientCase("members", .reshape, [shape]) { $0.members($1[0], shape.batch / 2..<shape.batch) },
      GradientCase("gatherRows", .gatherRows, [(1, shape.rows, shape.columns)]) {
        $0.gatherRows($1[0], [0, Int32($1[0].rows - 1), 0])
      },
      GradientCase("normalized", .normalized, [shape]) { $0.normalized($1[0], epsilon: 0.1) },
      GradientCase("broadcastBatch", .broadcastBatch, [(1, shape.rows, shape.columns)]) {
        $0.broadcastBatch($1[0], to: 3)
      },
    ]
    for activation in Activation.allCases where activation != .identity {
      cases.append(GradientCase(activation.rawValue, .activation, [shape]) { $0.activation($1[0], activation) })
    }
    return cases
  }

  static let binary: [GradientCase] = shapes.flatMap { shape in
    let others: [Shape] = [
      shape, (1, 1, shape.columns), (shape.batch, 1, shape.columns), (shape.batch, shape.rows, 1), (1, 1, 1),
      (1, shape.rows, shape.columns), (1, shape.rows, 1), (shape.batch, 1, 1),
    ]
    let awayFromZero: @Sendable (Int, Float) -> Float = { $0 == 0 ? $1 : abs($1) + 0.7 }
    return others.flatMap { other in
      [
        GradientCase("add", .add, [shape, other]) { $0.add($1[0], $1[1]) },
        GradientCase("subtract", .subtract, [shape, other]) { $0.subtract($1[0], $1[1]) },
        GradientCase("multiply", .multiply, [shape, other]) { $0.multiply($1[0], $1[1]) },
        GradientCase("divide", .divide, [shape, other], prepare: awayFromZero) { $0.divide($1[0], $1[1]) },
        GradientCase("minimum", .minimum, [shape, other]) { $0.minimum($1[0], $1[1]) },
        GradientCase("maximum", .maximum, [shape, other]) { $0.maximum($1[0], $1[1]) },
      ]
    }
  }

  static let matrix: [GradientCase] = {
    var cases: [GradientCase] = []
    for (batch, rows, inputs, outputs) in [(1, 1, 1, 1), (2, 3, 5, 7), (3, 1, 17, 3), (1, 18, 3, 37), (2, 33, 4, 2)] {
      for activation in [Activation.identity, .silu, .tanh] {
        // All of their own; then x, weight and bias, or bias, or x and bias shared by the members.
        let sharing = [
          (batch, batch, batch), (1, batch, batch), (batch, 1, 1), (batch, batch, 1), (1, batch, 1), (batch, 1, batch),
        ]
        for (x, weight, bias) in batch == 1 ? [(1, 1, 1)] : sharing {
          cases.append(
            GradientCase(
              "linear \(activation)", .linear, [(x, rows, inputs), (weight, outputs, inputs), (bias, 1, outputs)]
            ) { $0.linear($1[0], weight: $1[1], bias: $1[2], activation: activation) })
          cases.append(
            GradientCase(
              "linear \(activation), weight constant", .linear,
              [(x, rows, inputs), (weight, outputs, inputs), (bias, 1, outputs)], constants: [1]
            ) { $0.linear($1[0], weight: $1[1], bias: $1[2], activation: activation) })
          cases.append(
            GradientCase("linear without bias \(activation)", .linear, [(x, rows, inputs), (weight, outputs, inputs)]) {
              $0.linear($1[0], weight: $1[1], bias: nil, activation: activation)
            })
        }
      }
    }
    for (blocks, rows, inputs, outputs) in [(1, 1, 1, 1), (2, 3, 5, 7), (3, 18, 17, 2), (8, 5, 3, 9)] {
      let (x, weight): (Shape, Shape) = ((1, rows, blocks * inputs), (blocks, outputs, inputs))
      cases += [
        GradientCase("blockLinear", .blockLinear, [x, weight, (1, 1, blocks * outputs)]) {
          $0.blockLinear($1[0], weight: $1[1], bias: $1[2])
        },
        GradientCase("blockLinear without bias", .blockLinear, [x, weight]) { $0.blockLinear($1[0], weight: $1[1]) },
        GradientCase("blockLinear onto a sum", .blockLinear, [x, weight, (1, rows, blocks * outputs)]) {
          // It is consumed, and the check may use its inputs again.
          $0.blockLinear($1[0], weight: $1[1], onto: $0.addScalar($1[2], 0))
        },
      ]
    }
    return cases
  }()

  /// Categorical latents, and the layers of the world model around them.
  static let latent: [GradientCase] = [(1, 1, 1), (3, 5, 2), (2, 17, 3), (5, 4, 8)].flatMap {
    (rows, groups, classes) -> [GradientCase] in
    let logits: Shape = (1, rows, groups * classes)
    @Sendable func balanced(_ tape: Tape, _ x: [Tensor], _ side: Int, free: Float = -1e9) -> Tensor {
      let (losses, _) = tape.balancedKL(posterior: x[0], prior: x[1], classes: classes, unimix: 0.1, freeNats: free)
      return tape.columns(losses, side..<side + 1)
    }
    return [
      GradientCase("concatenateRows", .concatenateRows, [logits, (1, 2, logits.columns), logits]) {
        $0.concatenateRows($1)
      },
      GradientCase("normSiLU", .normSiLU, [logits, (1, 1, logits.columns)]) {
        $0.normSiLU($1[0], scale: $1[1], epsilon: 0.1)
      },
      GradientCase("blockGRU", .blockGRU, [(1, rows, 3 * logits.columns), logits]) {
        $0.blockGRU(gates: $1[0], hidden: $1[1], blocks: groups)
      },
      GradientCase("balancedKL, prior", .columns, [logits, logits], constants: [0]) { balanced($0, $1, 0) },
      GradientCase("balancedKL, posterior", .columns, [logits, logits], constants: [1]) { balanced($0, $1, 1) },
      GradientCase("balancedKL below the free nats", .columns, [logits, logits], constants: [1]) {
        balanced($0, $1, 1, free: 1e9)
      },
      GradientCase("oneHotSample", .add, [logits, (1, rows, groups)], constants: [1], prepare: { $0 == 1 ? 0.5 : $1 }) {
        tape, x in
        let sample = tape.oneHotSample(x[0], draws: x[1], classes: classes, unimix: 0.1)
        let groups = tape.reshape(x[0], batch: 1, rows: sample.count / classes, columns: classes)
        let mixed = tape.addScalar(tape.scale(tape.softmax(groups), by: 0.9), 0.1 / Float(classes))
        let value = tape.reshape(tape.detached(mixed), batch: 1, rows: rows, columns: x[0].columns)
        return tape.add(sample, tape.subtract(value, tape.detached(sample)))
      },
      GradientCase("twoHotMean", .twoHotMean, [(1, rows, 2 * groups + 1)]) {
        $0.twoHotMean($1[0], bins: TwoHotBins(values: (-groups...groups).map { Float($0) }))
      },
      GradientCase("twoHotLoss", .twoHotLoss, [(1, rows, 2 * groups + 1), (1, rows, 2)], constants: [1]) {
        $0.twoHotLoss($1[0], targets: $1[1], bins: TwoHotBins(2 * groups + 1))
      },
    ]
  }

  /// Convolutions patch by patch: one patch of one picture, patches that overlap, and ones that leave pixels over.
  static let patches: [GradientCase] = [(1, 2, 2, 1, 2, 2, 1), (3, 5, 4, 2, 3, 3, 1), (4, 7, 6, 1, 9, 2, 3)].flatMap {
    (count, height, width, channels, outputs, kernel, stride) -> [GradientCase] in
    let shape = PatchConvolution(
      height: height, width: width, channels: channels, outputs: outputs, kernel: kernel, stride: stride)
    return [Activation.identity, .tanh].map { activation in
      GradientCase(
        "convolution of patches, \(activation)", .patchConvolution,
        [(1, count, shape.inputSize), (1, outputs, shape.patchSize), (1, 1, outputs)]
      ) { $0.convolution($1[0], shape, weight: $1[1], bias: $1[2], activation: activation) }
    }
  }

  /// Operations on pictures, of one, of a whole tile and of more.
  static let pictures: [GradientCase] = [(1, 6, 4, 1, 2), (3, 8, 6, 3, 9), (17, 2, 2, 4, 1)].flatMap {
    (count, height, width, channels, outputs) -> [GradientCase] in
    let shape: Shape = (1, count, height * width * channels)
    @Sendable func frames(_ tape: Tape, _ x: Tensor, blocks: Int = 1) -> Frames {
      tape.frames(x, height: height, width: width, channels: channels, blocks: blocks)
    }
    return [
      GradientCase("frames", .frames, [shape]) { frames($0, $1[0]).tensor },
      GradientCase("frames of blocks", .frames, [shape]) { frames($0, $1[0], blocks: channels).tensor },
      GradientCase("rows of frames", .frameRows, [shape]) { $0.rows(frames($0, $1[0])) },
      GradientCase("convolution", .convolution, [shape, (1, outputs, 25 * channels), (1, 1, outputs)]) {
        $0.convolution(frames($0, $1[0]), weight: $1[1], bias: $1[2]).tensor
      },
      GradientCase("upsample", .upsample, [shape]) { $0.upsample(frames($0, $1[0])).tensor },
      GradientCase("normSiLU of channels", .channelNormSiLU, [shape, (1, 1, channels)]) {
        $0.normSiLU(frames($0, $1[0]), scale: $1[1], epsilon: 0.1).tensor
      },
      GradientCase(
        "upsampled convolution", .upsampledConvolution, [shape, (1, outputs, 25 * channels), (1, 1, outputs)]
      ) {
        $0.upsampledConvolution(frames($0, $1[0]), weight: $1[1], bias: $1[2]).tensor
      },
      // The middle tap of one channel sees numbers far apart, which the steps of the differences leave in order.
      GradientCase(
        "pooled convolution", .pooledConvolution, [shape, (1, outputs, 25 * channels), (1, 1, outputs)]
      ) { tape, x in
        let ramp = tape.constant((0..<x[0].count).map { Float($0 * 7 % 13) / 4 }, rows: count, columns: shape.columns)
        let taps = (0..<x[1].count).map { $0 % (25 * channels) == 12 ? 1 : 0 as Float }
        let middle = tape.constant(taps, rows: outputs, columns: 25 * channels)
        return tape.pooledConvolution(
          frames(tape, tape.add(tape.scale(x[0], by: 0.1), ramp)),
          weight: tape.add(tape.scale(x[1], by: 0.01), middle), bias: x[2]
        ).tensor
      },
      // Of few pixels, for the differences of a long sum are coarse.
      GradientCase(
        "pictureLoss", .pictureLoss, [(1, count, 2 * channels), (1, count, 2 * channels)], constants: [1]
      ) { tape, x in
        let said = tape.frames(x[0], height: 1, width: 2, channels: channels)
        return tape.pictureLoss(said, tape.rows(of: tape.scale(x[1], by: 255)))
      },
      // Numbers that differ by more than the steps of the differences.
      GradientCase("maxPool", .maxPool, [shape]) { tape, x in
        let ramp = tape.constant((0..<x[0].count).map { Float($0 * 7 % 13) }, rows: count, columns: shape.columns)
        return tape.maxPool(frames(tape, tape.add(tape.scale(x[0], by: 0.1), ramp))).tensor
      },
    ]
  }

  static let fused: [GradientCase] = shapes.flatMap { shape -> [GradientCase] in
    let row: Shape = (1, 1, shape.columns)
    let own: Shape = (shape.batch, 1, shape.columns)
    let shared: Shape = (1, shape.rows, shape.columns)
    let wide: Shape = (shape.batch, shape.rows, 3 * shape.columns)
    let scalars: Shape = (shape.batch, shape.rows, 1)
    // The weights need not add up to 1 for the gradient of the cross-entropy.
    let weights: @Sendable (Int, Float) -> Float = { $0 == 1 ? abs($1) : $1 }
    let bounds: @Sendable (Int, Float) -> Float = { $0 == 0 ? 2 * $1 : ($0 == 1 ? $1 - 1 : $1 + 1) }
    let half: @Sendable (Int, Float) -> Float = { $0 == 1 ? 0.5 : $1 }
    return [
      GradientCase("concatenateColumns", .concatenateColumns, [shape, wide, shape]) { $0.concatenateColumns($1) },
      GradientCase("boundedLogVariance", .boundedLogVariance, [shape, row, row], prepare: bounds) {
        $0.boundedLogVariance($1[0], minimum: $1[1], maximum: $1[2])
      },
      GradientCase("gaussianNLL", .gaussianNLL, [shape, shape, shape], constants: [2]) {
        $0.gaussianNLL(mean: $1[0], logVariance: $1[1], target: $1[2])
      },
      GradientCase("gaussianNLL, shared target", .gaussianNLL, [shape, shape, shared], constants: [2]) {
        $0.gaussianNLL(mean: $1[0], logVariance: $1[1], target: $1[2])
      },
      GradientCase("meanSquaredError", .meanSquaredError, [shape, shape], constants: [1]) {
        $0.meanSquaredError($1[0], $1[1])
      },
      GradientCase("meanSquaredError, shared target", .meanSquaredError, [shape, shared], constants: [1]) {
        $0.meanSquaredError($1[0], $1[1])
      },
      GradientCase("layerNorm", .layerNorm, [shape, row, own]) {
        $0.layerNorm($1[0], weight: $1[1], bias: $1[2], epsilon: 0.01)
      },
      GradientCase("layerNorm, weights of each member", .layerNorm, [shape, own, row]) {
        $0.layerNorm($1[0], weight: $1[1], bias: $1[2], epsilon: 0.01)
      },
      GradientCase("rmsNorm", .rmsNorm, [shape, row]) { $0.rmsNorm($1[0], weight: $1[1], epsilon: 0.1) },
      GradientCase("rmsNorm, weights of each member", .rmsNorm, [shape, own]) {
        $0.rmsNorm($1[0], weight: $1[1], epsilon: 0.1)
      },
      GradientCase("gruGates", .gruGates, [wide, wide, shape]) {
        $0.gruGates(fromInput: $1[0], fromHidden: $1[1], hidden: $1[2])
      },
      GradientCase("softmaxCrossEntropy", .softmaxCrossEntropy, [shape, shape], constants: [1], prepare: weights) {
        $0.softmaxCrossEntropy(logits: $1[0], targets: $1[1])
      },
      GradientCase("categoricalKL", .categoricalKL, [shape, shape]) { $0.categoricalKL($1[0], $1[1]) },
      GradientCase("categoricalKL, mixed", .categoricalKL, [shape, shape]) {
        $0.categoricalKL($1[0], $1[1], unimix: 0.1)
      },
      GradientCase("categoricalKL, left constant", .categoricalKL, [shape, shape], constants: [0]) {
        $0.categoricalKL($1[0], $1[1])
      },
      GradientCase("categoricalKL, right constant", .categoricalKL, [shape, shape], constants: [1]) {
        $0.categoricalKL($1[0], $1[1], unimix: 0.01)
      },
      // The sample's gradient is that of the mixed softmax, whose value is put in its place here.
      GradientCase("straightThroughSample", .add, [shape, scalars], constants: [1], prepare: half) { tape, x in
        let sample = tape.straightThroughSample(x[0], draws: x[1], unimix: 0.1)
        let mixed = tape.addScalar(tape.scale(tape.softmax(x[0]), by: 0.9), 0.1 / Float(x[0].columns))
        return tape.add(sample, tape.subtract(tape.detached(mixed), tape.detached(sample)))
      },
    ]
  }

  /// With and without a gradient that is already there.
  private func check(_ cases: [GradientCase]) {
    for test in cases {
      checkGradient(test, onTop: false)
      checkGradient(test, onTop: true)
    }
  }

  @Test func ofOneInput() { check(Self.unary) }
  @Test func ofTwoInputs() { check(Self.binary) }
  @Test func ofMatrixProducts() { check(Self.matrix) }
  @Test func ofLatents() { check(Self.latent) }
  @Test func ofPictures() { check(Self.pictures) }
  @Test func ofPatches() { check(Self.patches) }
  @Test func ofFusedOperations() { check(Self.fused) }

  @Test func everyOperationIsChecked() {
    let checked = Set(
      (Self.unary + Self.binary + Self.matrix + Self.latent + Self.pictures + Self.patches + Self.fused).map(
        \.operation))
    // A network is held to its layers, to the bit (NetworkNodeTests).
    let exempt: Set<Neural.Operation> = [
      .constant, .variable, .parameter, .detached, .straightThroughSample, .network,
      // Checked within a sum and by columns.
      .oneHotSample, .balancedKL,
    ]
    #expect(checked.union(exempt) == Set(Neural.Operation.allCases))
  }
}
