import CKernels
import Support

/// How a convolution of pictures is computed: 5×5, stride 1, zeros beyond the border, on pictures as they are or on
/// pictures of which every pixel stands four times.
///
/// Of the latter a row and a column of pixels are computed from the small picture: in two of three places taps meet the
/// same pixel, so their weights are added beforehand, and 3×3 taps are left. Those are other weights for the even rows
/// than for the odd ones (two `phases`), and other ones for the even columns than for the odd ones, which count as
/// channels: a row of [width][2·outputs] is one of [2·width][outputs]. 36 products instead of 100, exact but for the
/// order of sums.
struct ConvolutionPlan: BitwiseCopyable {
  /// Of the pictures that are there.
  let height, width, inputs: Int
  /// Channels of what comes out.
  let outputs: Int
  let form: Form
  let tiles: Int

  /// Of pictures as they are, of pictures of which every pixel stands four times, or with the largest of every 2×2
  /// pixels kept of what comes out.
  enum Form {
    case plain, upsampled, pooled

    init(_ operation: Operation) {
      self = operation == .upsampledConvolution ? .upsampled : operation == .pooledConvolution ? .pooled : .plain
    }
  }

  private var isUpsampled: Bool { form == .upsampled }
  /// Pixels on a side of which the largest is kept.
  var pooled: Int { form == .pooled ? 2 : 1 }

  /// Kinds of rows.
  var phases: Int { isUpsampled ? 2 : 1 }
  /// On a side, of the kernel.
  var taps: Int { isUpsampled ? 3 : 5 }
  /// Channels of the kernel's results.
  var columns: Int { outputs * phases }
  /// Of one phase.
  var weights: Int { taps * taps * inputs * columns }
  /// Floats of a tile.
  var inputTile: Int { height * width * inputs * Frames.lanes }
  var outputTile: Int { height * width * outputs * phases * phases / (pooled * pooled) * Frames.lanes }
  /// Floats of the weights as the kernel reads them, whole cache lines; and which pixels were kept.
  var packed: Int { (phases * weights + 15) / 16 * 16 }
  var places: Int { form == .pooled ? tiles * outputTile : 0 }
  /// Floats before the first row of a phase.
  func start(of phase: Int) -> Int { phase * width * columns * Frames.lanes }

  var forward: ck_convolution {
    ck_convolution(
      height: Int64(height), width: Int64(width), inputs: Int64(inputs), outputs: Int64(columns), taps: Int64(taps),
      x_step: 1, y_step: Int64(phases), accumulates: 0)
  }

  /// From the gradients of the results to those of the pictures.
  func backward(phase: Int) -> ck_convolution {
    ck_convolution(
      height: Int64(height), width: Int64(width), inputs: Int64(columns), outputs: Int64(inputs), taps: Int64(taps),
      x_step: Int64(phases), y_step: 1, accumulates: phase > 0 ? 1 : 0)
  }

  // MARK: Weights

  /// Calls `body` with the place of every weight in PyTorch's order [outputs, inputs, 5, 5], and with each of the
  /// places [phases][taps, taps, inputs, columns] that it is added to.
  @inline(__always)
  func forEachWeight(_ body: (_ place: Int, _ phase: Int, _ packed: Int) -> Void) {
    for output in 0..<outputs {
      for input in 0..<inputs {
        for tap in 0..<25 {
          let place = (output * inputs + input) * 25 + tap
          for phase in 0..<phases {
            for side in 0..<phases {
              let (down, right) = (self.tap(tap / 5, phase), self.tap(tap % 5, side))
              let packed = (down * taps + right) * inputs + input
              body(place, phase, packed * columns + side * outputs + output)
            }
          }
        }
      }
    }
  }

  /// The kernel's tap that tap `place` of five belongs to, for the even or the odd pixels.
  private func tap(_ place: Int, _ phase: Int) -> Int { isUpsampled ? (place + phase) / 2 : place }

  /// The weights as the kernel reads them.
  func pack(_ weight: UnsafePointer<Float>, into packed: UnsafeMutablePointer<Float>) {
    packed.update(repeating: 0, count: phases * weights)
    forEachWeight { packed[$1 * weights + $2] += weight[$0] }
  }

  /// The same for the way back: turned round, and inputs and columns exchanged.
  func turn(_ packed: UnsafePointer<Float>, into turned: UnsafeMutablePointer<Float>) {
    let all = taps * taps
    for phase in 0..<phases {
      for tap in 0..<all {
        let (from, to) = ((phase * all + tap) * inputs * columns, (phase * all + all - 1 - tap) * inputs * columns)
        for input in 0..<inputs {
          for column in 0..<columns { turned[to + column * inputs + input] = packed[from + input * columns + column] }
        }
      }
    }
  }

  // MARK: Tiles

  /// All tiles, over the pool.
  func convolve(
    _ pool: ComputePool?, _ x: UnsafePointer<Float>, _ packed: UnsafePointer<Float>, bias: UnsafePointer<Float>,
    into y: UnsafeMutablePointer<Float>, places: UnsafeMutablePointer<Float>
  ) {
    var job = ConvolutionJob(plan: self, x: x, w: packed, bias: bias, y: y, places: places)
    run(pool, tiles, &job) { context, tile, _ in
      let job = context!.assumingMemoryBound(to: ConvolutionJob.self).pointee
      var layer = job.plan.forward
      if job.plan.form == .pooled {
        let at = Int(tile) * job.plan.outputTile
        return ck_convolve_pool(
          &layer, job.x + Int(tile) * job.plan.inputTile, job.w, job.bias!, job.y + at, job.places + at)
      }
      for phase in 0..<job.plan.phases {
        ck_convolve(
          &layer, job.x + Int(tile) * job.plan.inputTile, job.w + phase * job.plan.weights, job.bias!,
          job.y + Int(tile) * job.plan.outputTile + job.plan.start(of: phase))
      }
    }
  }

  /// The gradients of the pictures, over the pool.
  func convolveBack(
    _ pool: ComputePool?, _ dy: UnsafePointer<Float>, places: UnsafeMutablePointer<Float>,
    turned: UnsafePointer<Float>, into dx: UnsafeMutablePointer<Float>
  ) {
    var job = ConvolutionJob(plan: self, x: dy, w: turned, bias: nil, y: dx, places: places)
    run(pool, tiles, &job) { context, tile, _ in
      let job = context!.assumingMemoryBound(to: ConvolutionJob.self).pointee
      if job.plan.form == .pooled {
        var layer = job.plan.backward(phase: 0)
        let at = Int(tile) * job.plan.outputTile
        return ck_convolve_unpooled(
          &layer, job.x + at, job.places + at, job.w, job.y + Int(tile) * job.plan.inputTile)
      }
      for phase in 0..<job.plan.phases {
        var layer = job.plan.backward(phase: phase)
        ck_convolve(
          &layer, job.x + Int(tile) * job.plan.outputTile + job.plan.start(of: phase),
          job.w + phase * job.plan.weights, nil, job.y + Int(tile) * job.plan.inputTile)
      }
    }
  }

  /// Parts of the tiles, each with sums of its own: a fixed number, so that they have one order whoever computes them.
  var parts: Int { min(tiles, 2) }
  /// Floats of a part's sums: weights, then biases.
  var sums: Int { phases * (weights + columns) * Frames.lanes }

  /// Each part's sums [phases][weights, then columns][16], over the pool; they are zeros before.
  func sumWeights(
    _ pool: ComputePool?, _ x: UnsafePointer<Float>, _ dy: UnsafePointer<Float>, places: UnsafeMutablePointer<Float>,
    into y: UnsafeMutablePointer<Float>
  ) {
    var job = ConvolutionJob(plan: self, x: x, w: dy, bias: nil, y: y, places: places)
    run(pool, parts, &job) { context, part, _ in
      let job = context!.assumingMemoryBound(to: ConvolutionJob.self).pointee
      let (plan, part) = (job.plan, Int(part))
      var layer = plan.forward
      for tile in part * plan.tiles / plan.parts..<(part + 1) * plan.tiles / plan.parts {
        if plan.form == .pooled {
          let (sums, at) = (job.y + part * plan.sums, tile * plan.outputTile)
          ck_convolve_pool_weight_gradient(
            &layer, job.x + tile * plan.inputTile, job.w + at, job.places + at, sums, sums + plan.weights * Frames.lanes
          )
          continue
        }
        for phase in 0..<plan.phases {
          let sums = job.y + part * plan.sums + phase * (plan.weights + plan.columns) * Frames.lanes
          ck_convolve_weight_gradient(
            &layer, job.x + tile * plan.inputTile, job.w + tile * plan.outputTile + plan.start(of: phase), sums,
            sums + plan.weights * Frames.lanes)
        }
      }
    }
  }

  private func run(
    _ pool: ComputePool?, _ tasks: Int, _ job: inout ConvolutionJob,
    _ body: @convention(c) (UnsafeMutableRawPointer?, Int64, Int32) -> Void
  ) {
    ck_pool_run(tasks > 1 ? pool?.handle : nil, Int64(tasks), body, &job)
  }
}

/// What the tiles of a convolution have in common.
private struct ConvolutionJob: BitwiseCopyable {
  let plan: ConvolutionPlan
  let x, w: UnsafePointer<Float>
  let bias: UnsafePointer<Float>?
  let y, places: UnsafeMutablePointer<Float>
}
