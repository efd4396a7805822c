import CKernels
import Testing

/// A training step by the fused kernels and by the separate ones, on the same numbers.
private struct TrainingCase {
  let members: Int, rows: Int, widths: [Int], activation: Int
  private var network = ck_network()
  private var count = 0

  init(members: Int, rows: Int, widths: [Int], activation: Int) {
    (self.members, self.rows, self.widths, self.activation) = (members, rows, widths, activation)
    network.layers = Int32(widths.count - 1)
    network.members = Int32(members)
    network.activation = Int32(activation)
    withUnsafeMutableBytes(of: &network.widths) { bytes in
      for (place, width) in widths.enumerated() { bytes.bindMemory(to: Int32.self)[place] = Int32(width) }
    }
    for layer in 0..<widths.count - 1 {
      withUnsafeMutableBytes(of: &network.weights) { $0.bindMemory(to: Int64.self)[layer] = Int64(count) }
      count += members * widths[layer] * widths[layer + 1]
      withUnsafeMutableBytes(of: &network.biases) { $0.bindMemory(to: Int64.self)[layer] = Int64(count) }
      count += members * widths[layer + 1]
    }
  }

  private func weights(_ layer: Int) -> Int {
    (0..<layer).reduce(0) { $0 + members * (widths[$1] + 1) * widths[$1 + 1] }
  }
  private func biases(_ layer: Int) -> Int { weights(layer) + members * widths[layer] * widths[layer + 1] }

  private var inputs: [Float] { sample(members * rows * widths[0], seed: 1) }
  private var outputGradient: [Float] { sample(members * rows * widths.last!, seed: 2) }
  private var parameters: [Float] { sample(count, seed: 3).map { $0 * 0.3 } }
  private let adam = ck_adam(
    learning_rate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, coupled_decay: 0, decoupled_decay: 0.1,
    gradient_scale: 1, step: 3)
  private func decay(_ layer: Int) -> Float { 0.01 * Float(layer) }

  /// What the kernels ask for: inputs and output gradients of every member, and where their outputs go.
  private struct Batch {
    let x, dy: UnsafePointer<Float>
    let y: UnsafeMutablePointer<Float>
    let inputs, outputs: Int

    static func at(_ context: UnsafeMutableRawPointer?) -> Batch { context!.load(as: Batch.self) }
  }

  /// Output, gradients, then parameters and moments after a step; memory starts with NaN wherever it may.
  func fused(threads: Int) -> [UInt32] {
    var network = network, adam = adam
    let pool = ck_pool_create(Int32(threads))
    defer { ck_pool_destroy(pool) }
    let size = Int(ck_training_memory(pool, &network, Int64(rows)))
    let memory = UnsafeMutableRawPointer.allocate(byteCount: size * 4, alignment: 64).bindMemory(
      to: Float.self, capacity: size)
    defer { UnsafeMutableRawPointer(memory).deallocate() }
    memory.update(repeating: .nan, count: size)
    var y = [Float](repeating: .nan, count: members * rows * widths.last!)
    var p = parameters, g = [Float](repeating: .nan, count: count)
    var m = sample(count, seed: 4), v = sample(count, seed: 5).map { $0 * $0 }
    let decays = (0..<widths.count - 1).map(decay)
    let (x, dy) = (inputs, outputGradient)
    x.withUnsafeBufferPointer { x in
      dy.withUnsafeBufferPointer { dy in
        y.withUnsafeMutableBufferPointer { y in
          var context = Batch(
            x: x.baseAddress!, dy: dy.baseAddress!, y: y.baseAddress!, inputs: rows * widths[0],
            outputs: rows * widths.last!)
          withUnsafeMutablePointer(to: &context) { context in
            var batch = ck_training_batch(
              context: context,
              inputs: { context, member, x in
                let batch = Batch.at(context)
                x!.update(from: batch.x + Int(member) * batch.inputs, count: batch.inputs)
              },
              loss: { context, member, y, dy in
                let batch = Batch.at(context)
                (batch.y + Int(member) * batch.outputs).update(from: y!, count: batch.outputs)
                dy!.update(from: batch.dy + Int(member) * batch.outputs, count: batch.outputs)
              })
            ck_training_gradients(pool, &network, Int64(rows), &batch, p, memory, &g)
            ck_training_step(pool, &network, Int64(rows), &batch, &adam, decays, &p, &m, &v, memory)
          }
        }
      }
    }
    return bits(y + g + p + m + v)
  }

  func separate() -> [UInt32] {
    var values = [inputs], sums: [[Float]] = []
    var p = parameters, g = [Float](repeating: 0, count: count)
    var m = sample(count, seed: 4), v = sample(count, seed: 5).map { $0 * $0 }
    let (batch, rows) = (Int64(members), Int64(self.rows))
    let last = widths.count - 2
    for l in 0...last {
      let (n, o) = (Int64(widths[l]), Int64(widths[l + 1]))
      var z = [Float](repeating: 0, count: Int(batch * rows * o)), y = z
      p.withUnsafeBufferPointer { p in
        ck_linear(
          nil, batch, rows, n, o, values[l], rows * n, p.baseAddress! + weights(l), n * o, p.baseAddress! + biases(l),
          o, l < last ? Int32(activation) : Int32(CK_IDENTITY), &z, &y)
      }
      sums.append(z)
      values.append(y)
    }
    var dz = outputGradient
    for l in (0...last).reversed() {
      let (n, o) = (Int64(widths[l]), Int64(widths[l + 1]))
      if l < last {
        let dy = dz
        ck_activation_gradient(Int32(activation), Int64(dz.count), sums[l], dy, &dz, 0)
      }
      g.withUnsafeMutableBufferPointer { g in
        ck_linear_weight_gradient(
          nil, batch, rows, n, o, dz, values[l], rows * n, g.baseAddress! + weights(l), n * o,
          g.baseAddress! + biases(l), o, 0)
      }
      var dx = [Float](repeating: 0, count: Int(batch * rows * n))
      p.withUnsafeBufferPointer { p in
        ck_linear_input_gradient(
          nil, batch, rows, n, o, dz, p.baseAddress! + weights(l), n * o, &dx, rows * n, 0)
      }
      dz = dx
    }
    for l in 0...last {
      for (start, end, decay) in [(weights(l), biases(l), decay(l)), (biases(l), weights(l + 1), Float(0))] {
        var step = adam
        step.coupled_decay = decay
        p.withUnsafeMutableBufferPointer { p in
          m.withUnsafeMutableBufferPointer { m in
            v.withUnsafeMutableBufferPointer { v in
              g.withUnsafeBufferPointer { g in
                ck_adam_step(
                  &step, Int64(end - start), p.baseAddress! + start, g.baseAddress! + start, m.baseAddress! + start,
                  v.baseAddress! + start)
              }
            }
          }
        }
      }
    }
    return bits(values.last! + g + p + m + v)
  }
}

extension Kernels {
  @Suite struct Training {
    /// Rows around the tiles' heights, widths around the vectors', one layer and several.
    @Test(arguments: [1, 7, 16, 17, 32, 33, 100], [[3, 1], [5, 17, 4], [6, 48, 33, 120, 8]])
    func sameBytesAsTheSeparateKernels(rows: Int, widths: [Int]) {
      for activation in [Int(CK_SILU), Int(CK_RELU), Int(CK_TANH)] {
        let step = TrainingCase(members: 3, rows: rows, widths: widths, activation: activation)
        sameOnEveryISA {
          let want = step.separate()
          // One member for each thread, some for each and one left over, fewer members than threads.
          for threads in [1, 2, 3, 4] {
            let isSame = step.fused(threads: threads) == want
            #expect(isSame, "\(rows) rows, \(widths), \(threads) threads")
          }
          return want
        }
      }
    }
  }
}
