import CKernels
import CKernelsReference
import Foundation
import TestSupport
import Testing

extension Kernels {
  @Suite struct Activations {
    static let named: [(name: String, kind: Int)] = [
      ("relu", CK_RELU), ("tanh", CK_TANH), ("sigmoid", CK_SIGMOID), ("silu", CK_SILU), ("elu", CK_ELU),
      ("gelu_tanh", CK_GELU_TANH), ("gelu_erf", CK_GELU_ERF), ("mish", CK_MISH), ("softplus", CK_SOFTPLUS),
    ]
    static let all = Array(0..<Int32(CK_ACTIVATION_COUNT))

    private func value(_ kind: Int32, _ x: [Float]) -> [Float] {
      var y = [Float](repeating: 0, count: x.count)
      ck_activation(kind, Int64(x.count), x, &y)
      return y
    }

    private func derivative(_ kind: Int32, _ x: [Float]) -> [Float] {
      let ones = [Float](repeating: 1, count: x.count)
      var dx = ones
      ck_activation_gradient(kind, Int64(x.count), x, ones, &dx, 0)
      return dx
    }

    @Test(.golden("neural/activations.json")) func matchesGoldenNumbers() throws {
      let fixture = try Fixture("neural/activations.json")
      let shape = try fixture["inputs/x"].shape(rank: 1)
      let x = try fixture["inputs/x"].floats(shape)
      for (name, kind) in Self.named {
        let want = try fixture["outputs/\(name)"]
        try want["value"].expectClose(value(Int32(kind), x), shape, within: 2e-6, absolute: 1e-6)
        try want["derivative"].expectClose(derivative(Int32(kind), x), shape, within: 2e-6, absolute: 1e-6)
      }
    }

    @Test(arguments: all) func closeToReferenceOnEveryISA(_ kind: Int32) {
      let x = (0..<4099).map { Float($0 - 2050) * 0.01 } + [1e-38, -1e-38, 1e-8, -1e-8, 88.9, -88.9, 120, -120]
      let got = floats(sameOnEveryISA { bits(value(kind, x)) })
      let want = x.map { Float(ck_reference_activation(kind, Double($0))) }
      #expect(largestError(got, want, floor: 0.1) < 1e-6)
      let slope = floats(sameOnEveryISA { bits(derivative(kind, x)) })
      let wantedSlope = x.map { Float(ck_reference_activation_derivative(kind, Double($0))) }
      #expect(largestError(slope, wantedSlope, floor: 0.1) < 1.5e-6)
    }

    @Test(arguments: all) func finiteStaysFiniteAndNaNStaysNaN(_ kind: Int32) {
      let huge = Float.greatestFiniteMagnitude
      let finite: [Float] = [0, -0.0, .leastNonzeroMagnitude, -.leastNonzeroMagnitude, 1e30, -1e30, huge, -huge]
      let odd = [Float](repeating: Float(nan: 77, signaling: false), count: 19)
      sameOnEveryISA {
        #expect(value(kind, finite).allSatisfy { $0.isFinite })
        #expect(derivative(kind, finite).allSatisfy { $0.isFinite })
        #expect(value(kind, odd).allSatisfy { $0.isNaN })
        #expect(derivative(kind, odd).allSatisfy { $0.isNaN })
        return true
      }
    }

    @Test func conventionsAtZero() {
      #expect(derivative(Int32(CK_RELU), [0, -0.0]) == [0, 0])
      #expect(derivative(Int32(CK_ELU), [0]) == [1])
    }

    @Test(arguments: [1, 15, 16, 17, 200, 257]) func gradientScalesAndAccumulates(_ count: Int) {
      let x = sample(count, seed: 1), dy = sample(count, seed: 2), old = sample(count, seed: 3)
      sameOnEveryISA {
        let slope = derivative(Int32(CK_MISH), x)
        var set = old, added = old, inPlace = dy
        ck_activation_gradient(Int32(CK_MISH), Int64(count), x, dy, &set, 0)
        ck_activation_gradient(Int32(CK_MISH), Int64(count), x, dy, &added, 1)
        inPlace.withUnsafeMutableBufferPointer {
          ck_activation_gradient(Int32(CK_MISH), Int64(count), x, $0.baseAddress, $0.baseAddress, 0)
        }
        #expect(set == zip(dy, slope).map { $0 * $1 })
        #expect(added == zip(old, set).map { $0 + $1 })
        #expect(inPlace == set)
        return bits(set)
      }
    }
  }

  @Suite struct Unary {
    private func apply(_ function: Int, _ x: [Float]) -> [Float] {
      floats(
        sameOnEveryISA {
          var y = [Float](repeating: 0, count: x.count)
          ck_unary(Int32(function), Int64(x.count), x, &y)
          return bits(y)
        })
    }

    /// The largest error in units of the last place of the true value.
    private func ulps(_ function: Int, _ x: [Float], _ want: (Double) -> Double) -> Double {
      zip(apply(function, x), x).map { got, x in
        let want = want(Double(x))
        return abs(Double(got) - want) / Double(Float(want).ulp)
      }.max() ?? 0
    }

    @Test func accuracy() {
      let positive = (1..<3001).map { Float($0) * 0.001 }
      let wide = (-4000..<4000).map { Float($0) * 0.02 }
      #expect(ulps(CK_EXP, wide) { Foundation.exp($0) } < 1.5)
      #expect(ulps(CK_LOG, positive) { Foundation.log($0) } < 1.5)
      #expect(ulps(CK_SQRT, positive) { $0.squareRoot() } <= 0.5)
      #expect(ulps(CK_LOG1P, positive) { Foundation.log1p($0) } < 2)
      let turns = wide + (0..<3000).map { Float($0) * 33.3 } + [1e5, -1e5]
      #expect(ulps(CK_SIN, turns) { Foundation.sin($0) } < 2)
      #expect(ulps(CK_COS, turns) { Foundation.cos($0) } < 2)
    }

    @Test func edges() {
      let infinity = Float.infinity
      #expect(apply(CK_EXP, [-infinity, -200, 0, 88.8, infinity]) == [0, 0, 1, infinity, infinity])
      #expect(apply(CK_EXP, [-100])[0] > 0)
      #expect(apply(CK_LOG, [0, 1, infinity]) == [-infinity, 0, infinity])
      #expect(abs(apply(CK_LOG, [0x1p-140])[0] - -97.0406) < 1e-4)
      #expect(apply(CK_LOG1P, [-1, 0, 1e-30, infinity]) == [-infinity, 0, 1e-30, infinity])
      #expect(apply(CK_LOG, [-1])[0].isNaN)
      for function in 0..<CK_UNARY_COUNT {
        #expect(apply(function, [.nan])[0].isNaN)
      }
      for function in [CK_SIN, CK_COS] {
        #expect(apply(function, [1e30, -3e38, 1e7]).allSatisfy { abs($0) < 1.1 })
      }
    }
  }

  @Suite struct Optimiser {
    @Test(.golden("neural/adam.json")) func matchesGoldenNumbers() throws {
      let fixture = try Fixture("neural/adam.json")
      let steps = try fixture["inputs/grads_per_step"].elements()
      let names = try fixture["inputs/params"].keys()
      let shapes = try names.map { try fixture["inputs/params/\($0)"].shape }
      for variant in try fixture["inputs/variants"].elements() {
        let want = try fixture["outputs/\(variant["name"].text)"]
        let decay = try variant["weight_decay"].float
        let isDecoupled = try variant["kind"].choice("Adam", "AdamW") == "AdamW"
        let betas = try variant["betas"].floats([2])
        var parameters = try zip(names, shapes).map { try fixture["inputs/params/\($0)"].floats($1) }
        var means = parameters.map { [Float](repeating: 0, count: $0.count) }
        var squares = means
        let expected = try want["params_after_step"].elements(steps.count)
        for (number, step) in steps.enumerated() {
          _ = try step.keys(among: names)
          let gradients = try zip(names, shapes).map { try step[$0].floats($1) }
          var adam = ck_adam(
            learning_rate: try variant["lr"].float, beta1: betas[0], beta2: betas[1],
            epsilon: try variant["eps"].float, coupled_decay: isDecoupled ? 0 : decay,
            decoupled_decay: isDecoupled ? decay : 0, gradient_scale: 1, step: Int64(number + 1))
          if variant.has("max_norm") || want.has("grad_norm_before_clip") {
            let norm = gradients.map { ck_sum_of_squares(Int64($0.count), $0) }.reduce(0, +).squareRoot()
            try want["grad_norm_before_clip"].elements(steps.count)[number].expectClose([Float(norm)], within: 1e-6)
            adam.gradient_scale = Float(min(1, try variant["max_norm"].double / (norm + 1e-6)))
          }
          for (tensor, name) in names.enumerated() {
            let count = Int64(parameters[tensor].count)
            ck_adam_step(&adam, count, &parameters[tensor], gradients[tensor], &means[tensor], &squares[tensor])
            try expected[number][name].expectClose(parameters[tensor], shapes[tensor], within: 2e-5)
          }
        }
        for (tensor, name) in names.enumerated() {
          try want["exp_avg/\(name)"].expectClose(means[tensor], shapes[tensor], within: 2e-5)
          try want["exp_avg_sq/\(name)"].expectClose(squares[tensor], shapes[tensor], within: 2e-5)
        }
      }
    }

    @Test(arguments: [1, 15, 16, 17, 200, 257]) func closeToReference(_ count: Int) {
      var adam = ck_adam(
        learning_rate: 0.01, beta1: 0.9, beta2: 0.99, epsilon: 1e-8, coupled_decay: 0.1, decoupled_decay: 0.2,
        gradient_scale: 0.5, step: 7)
      let start = sample(count, seed: 1), gradient = sample(count, seed: 2), mean = sample(count, seed: 3)
      let square = sample(count, seed: 4).map { $0 * $0 }
      let got = sameOnEveryISA {
        var p = start, m = mean, v = square
        ck_adam_step(&adam, Int64(count), &p, gradient, &m, &v)
        return bits(p + m + v)
      }
      var p = start, m = mean, v = square
      ck_reference_adam_step(&adam, Int64(count), &p, gradient, &m, &v)
      #expect(largestError(floats(got), p + m + v) < 1e-5)
    }
  }

  @Suite struct Reductions {
    @Test(arguments: [0, 1, 15, 16, 17, 200, 257]) func sums(_ count: Int) {
      let x = sample(count, seed: 9)
      let sum = sameOnEveryISA { ck_sum(Int64(count), x) }
      let squares = sameOnEveryISA { ck_sum_of_squares(Int64(count), x) }
      #expect(abs(sum - x.reduce(0) { $0 + Double($1) }) < 1e-12)
      #expect(abs(squares - x.reduce(0) { $0 + Double($1) * Double($1) }) < 1e-12)
    }

    @Test func firstNonfinite() {
      sameOnEveryISA {
        #expect(ck_first_nonfinite(40, sample(40, seed: 1)) == -1)
        for position in 0..<40 {
          var x = sample(40, seed: 1)
          x[39] = .nan
          x[position] = [.nan, .infinity, -.infinity][position % 3]
          #expect(ck_first_nonfinite(40, x) == Int64(position))
        }
        return ck_first_nonfinite(0, [])
      }
    }

    @Test(arguments: [1, 17, 200]) func polyak(_ count: Int) {
      let source = sample(count, seed: 1), start = sample(count, seed: 2)
      let got = sameOnEveryISA {
        var target = start
        ck_polyak(Int64(count), 0.005, source, &target)
        return target
      }
      #expect(largestError(got, zip(source, start).map { 0.005 * $0 + 0.995 * $1 }) < 1e-6)
      var copy = start
      ck_polyak(Int64(count), 1, source, &copy)
      #expect(copy == source)
    }
  }
}
