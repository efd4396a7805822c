import CKernels
import Testing

extension Kernels {
  /// Kernels of world models: the same bytes on every instruction set, and against plain formulas in double precision.
  @Suite struct Latents {
    /// Rows that fill no vector, one, and several with a rest.
    static let sizes: [(rows: Int, columns: Int)] = [(1, 1), (3, 5), (2, 16), (5, 37), (4, 96)]

    private func sum(_ count: Int, _ value: (Int) -> Double) -> Double { (0..<count).reduce(0) { $0 + value($1) } }

    @Test func normAndSiLU() {
      for (rows, columns) in Self.sizes {
        let (x, scale, dy) = (
          sample(rows * columns, seed: 1), sample(columns, seed: 2), sample(rows * columns, seed: 3)
        )
        let found = floats(
          sameOnEveryISA {
            var (inverse, y) = ([Float](repeating: 0, count: rows), [Float](repeating: 0, count: rows * columns))
            var (dx, dscale) = ([Float](repeating: 0, count: rows * columns), [Float](repeating: 0, count: columns))
            ck_norm_silu(Int64(rows), Int64(columns), 1e-4, x, scale, &inverse, &y)
            ck_norm_silu_gradient(Int64(rows), Int64(columns), x, scale, inverse, dy, &dx, 0, &dscale)
            return bits(y + dx + dscale + inverse)
          })
        var want: [Float] = []
        for row in 0..<rows {
          let squares = sum(columns) { Double(x[row * columns + $0]) * Double(x[row * columns + $0]) }
          let inverse = 1 / (squares / Double(columns) + 1e-4).squareRoot()
          for column in 0..<columns {
            let z = Double(x[row * columns + column]) * inverse * Double(scale[column])
            want.append(Float(z / (1 + exponential(-z))))
          }
        }
        #expect(largestError(Array(found[..<(rows * columns)]), want, floor: 0.01) < 1e-5, "\(rows)×\(columns)")
      }
    }

    @Test func blockGRU() {
      for (rows, blocks, size) in [(1, 1, 1), (3, 2, 5), (2, 4, 16), (3, 2, 37)] {
        let count = rows * blocks * size
        let (gates, h, dy) = (sample(3 * count, seed: 4).map { 4 * $0 }, sample(count, seed: 5), sample(count, seed: 6))
        let found = floats(
          sameOnEveryISA {
            var (next, dgates) = ([Float](repeating: 0, count: count), [Float](repeating: 0, count: 3 * count))
            var dh = [Float](repeating: 0, count: count)
            ck_block_gru(Int64(rows), Int64(blocks), Int64(size), gates, h, &next)
            ck_block_gru_gradient(Int64(rows), Int64(blocks), Int64(size), gates, h, dy, &dgates, 0, &dh, 0)
            return bits(next + dgates + dh)
          })
        func sigmoid(_ x: Double) -> Double { 1 / (1 + exponential(-x)) }
        let want = (0..<count).map { place -> Float in
          let (block, index) = (place / size, place % size)
          func gate(_ kind: Int) -> Double { Double(gates[(block * 3 + kind) * size + index]) }
          let candidate = sigmoid(gate(0)) * gate(1)
          let squashed = 2 * sigmoid(2 * candidate) - 1
          let update = sigmoid(gate(2) - 1)
          return Float(update * squashed + (1 - update) * Double(h[place]))
        }
        #expect(largestError(Array(found[..<count]), want, floor: 0.01) < 1e-5, "\(rows), \(blocks), \(size)")
      }
    }

    /// How often each class comes up, by draws that lie evenly.
    @Test func samplesHaveTheMixedFrequencies() {
      let (classes, count) = (4, 4000)
      let logits: [Float] = [0.3, -1, 2, -8]
      let all = (0..<count).flatMap { _ in logits }
      let draws = (0..<count).map { (Float($0) + 0.5) / Float(count) }
      let samples = floats(
        sameOnEveryISA {
          var (p, y) = ([Float](repeating: 0, count: count * classes), [Float](repeating: 0, count: count * classes))
          ck_one_hot_sample(Int64(count), Int64(classes), 0.1, all, draws, &p, &y)
          return bits(y)
        })
      let total = logits.reduce(0) { $0 + exponential(Double($1)) }
      for (index, logit) in logits.enumerated() {
        let frequency = sum(count) { Double(samples[$0 * classes + index]) } / Double(count)
        #expect(abs(frequency - (0.9 * exponential(Double(logit)) / total + 0.1 / 4)) < 1e-3)
      }
      #expect(sum(count * classes) { Double(samples[$0]) } == Double(count))
    }

    @Test func lossesAreTheSameEverywhere() {
      let (rows, bins) = (7, 41)
      let values = (0..<bins).map { Float($0 - 20) * 0.5 }
      let (logits, target) = (sample(rows * bins, seed: 7).map { 3 * $0 }, sample(2 * rows, seed: 8).map { 12 * $0 })
      let (left, right) = (sample(6 * 12, seed: 9).map { 3 * $0 }, sample(6 * 12, seed: 10).map { 3 * $0 })
      sameOnEveryISA {
        var (mean, loss, normalizer) = (
          [Float](repeating: 0, count: rows), [Float](repeating: 0, count: rows), [Float](repeating: 0, count: rows)
        )
        var dlogits = [Float](repeating: 0, count: rows * bins)
        ck_two_hot_mean(Int64(rows), Int64(bins), values, logits, &mean)
        ck_two_hot_loss(Int64(rows), Int64(bins), values, logits, 2, target, &loss, &normalizer)
        ck_two_hot_loss_gradient(
          Int64(rows), Int64(bins), values, logits, 2, target, normalizer, mean, &dlogits, 0)
        var (kl, p, q) = (
          [Float](repeating: 0, count: 6), [Float](repeating: 0, count: 6), [Float](repeating: 0, count: 6)
        )
        var (dleft, dright) = ([Float](repeating: 0, count: 72), [Float](repeating: 0, count: 72))
        ck_latent_kl(6, 3, 4, 0.01, left, right, &kl, &p, &q, &dleft, &dright)
        return bits(mean + loss + normalizer + dlogits + kl + p + q + dleft + dright)
      }
    }

    @Test func convolutionsAreTheSameEverywhere() {
      for (height, width, inputs, outputs) in [(4, 4, 1, 1), (6, 8, 3, 8), (8, 6, 5, 13), (2, 2, 8, 3)] {
        var layer = ck_convolution(
          height: Int64(height), width: Int64(width), inputs: Int64(inputs), outputs: Int64(outputs), taps: 5,
          x_step: 1, y_step: 1, accumulates: 0)
        let pixels = height * width
        let (x, w) = (sample(pixels * inputs * 16, seed: 11), sample(25 * inputs * outputs, seed: 12))
        let (bias, dy) = (sample(outputs, seed: 13), sample(pixels * outputs * 16, seed: 14))
        let found = floats(
          sameOnEveryISA {
            var y = [Float](repeating: 0, count: pixels * outputs * 16)
            var sums = [Float](repeating: 0, count: 25 * inputs * outputs * 16)
            var (bias_sums, folded) = (
              [Float](repeating: 0, count: outputs * 16), [Float](repeating: 0, count: 25 * inputs * outputs)
            )
            ck_convolve(&layer, x, w, bias, &y)
            ck_convolve_weight_gradient(&layer, x, dy, &sums, &bias_sums)
            ck_fold_frames(1, 0, Int64(folded.count), sums, &folded)
            return bits(y + folded + bias_sums)
          })
        var want: [Float] = []
        for (row, column) in (0..<pixels).map({ ($0 / width, $0 % width) }) {
          for output in 0..<outputs {
            for frame in 0..<16 {
              var sum = Double(bias[output])
              for (ky, kx) in (0..<25).map({ ($0 / 5, $0 % 5) }) {
                let (y, x_) = (row + ky - 2, column + kx - 2)
                guard 0..<height ~= y, 0..<width ~= x_ else { continue }
                for input in 0..<inputs {
                  let weight = Double(w[((ky * 5 + kx) * inputs + input) * outputs + output])
                  sum += weight * Double(x[((y * width + x_) * inputs + input) * 16 + frame])
                }
              }
              want.append(Float(sum))
            }
          }
        }
        #expect(largestError(Array(found[..<want.count]), want, floor: 1) < 1e-5, "\(height)×\(width)")
      }
    }

    @Test(arguments: [1, 5, 16, 37]) func framesOfSomePartsAreAdded(count: Int) {
      let (parts, stride) = (3, 16 * count + 8)
      let sums = sample(parts * stride, seed: 15)
      let found = floats(
        sameOnEveryISA {
          var folded = [Float](repeating: .nan, count: count + 1)
          ck_fold_frames(Int64(parts), Int64(stride), Int64(count), sums, &folded)
          return bits(folded)
        })
      let want = (0..<count).map { number in
        Float((0..<parts * 16).reduce(0.0) { $0 + Double(sums[$1 / 16 * stride + number * 16 + $1 % 16]) })
      }
      #expect(largestError(Array(found[..<count]), want, floor: 1) < 1e-5)
      #expect(found[count].isNaN, "written beyond the end")
    }

    /// v of a gradient of 1e-19 is subnormal; flushed to 0 it would move its parameter by 1e-19/1e-20.
    @Test func laPropKeepsSubnormalNumbers() {
      var step = ck_laprop(
        learning_rate: 1, beta1: 0.9, beta2: 0.999, epsilon: 1e-20, gradient_scale: 1, step: 1)
      let g: [Float] = [1e-19, 3e-18, 0.5]
      let moved = floats(
        sameOnEveryISA {
          var (p, m, v): ([Float], [Float], [Float]) = ([0, 0, 0], [0, 0, 0], [0, 0, 0])
          ck_laprop_step(&step, 3, &p, g, &m, &v)
          return bits(p)
        })
      #expect(moved.allSatisfy { abs($0 + 1) < 0.2 }, "\(moved)")
    }

    private func exponential(_ x: Double) -> Double {
      var (term, sum) = (1.0, 1.0)
      for order in 1...14 {
        term *= x / 256 / Double(order)
        sum += term
      }
      for _ in 0..<8 { sum *= sum }
      return sum
    }
  }
}
