import CKernels
import CKernelsReference
import Testing

/// One shape of a layer over a batch.
struct LayerShape: CustomTestStringConvertible, Sendable {
  var batch = 1
  var rows, inputs, outputs: Int

  static let all: [LayerShape] =
    [1, 15, 16, 17, 200, 257].flatMap {
      [LayerShape(rows: 13, inputs: 7, outputs: $0), LayerShape(batch: 2, rows: 50, inputs: $0, outputs: 19)]
    } + [
      LayerShape(rows: 1, inputs: 1, outputs: 1), LayerShape(batch: 3, rows: 1, inputs: 200, outputs: 200),
      LayerShape(batch: 5, rows: 32, inputs: 33, outputs: 65), LayerShape(rows: 251, inputs: 300, outputs: 100),
      LayerShape(rows: 40, inputs: 20, outputs: 530), LayerShape(rows: 33, inputs: 530, outputs: 9),
      LayerShape(rows: 530, inputs: 24, outputs: 60), LayerShape(batch: 7, rows: 256, inputs: 30, outputs: 8),
      // Half a vector or less at the end, even and odd numbers of rows.
      LayerShape(rows: 70, inputs: 200, outputs: 200), LayerShape(rows: 75, inputs: 24, outputs: 40),
      LayerShape(rows: 129, inputs: 104, outputs: 56), LayerShape(rows: 131, inputs: 21, outputs: 18),
      LayerShape(batch: 2, rows: 0, inputs: 3, outputs: 5),
    ]

  var testDescription: String { "\(batch)×[\(rows)×\(inputs)×\(outputs)]" }
  var inputCount: Int { batch * rows * inputs }
  var outputCount: Int { batch * rows * outputs }
  var weightCount: Int { batch * outputs * inputs }
}

extension Kernels {
  @Suite struct MatrixProducts {
    /// All results of the three products of a layer on one operand set.
    private func run(
      _ shape: LayerShape, pool: OpaquePointer?, shared: Bool, accumulate: Bool, reference: Bool
    ) -> [[UInt32]] {
      let batch = Int64(shape.batch), rows = Int64(shape.rows)
      let inputs = Int64(shape.inputs), outputs = Int64(shape.outputs)
      let x = sample(shape.inputCount, seed: 1), w = sample(shape.weightCount, seed: 2)
      let bias = sample(shape.batch * shape.outputs, seed: 3), dz = sample(shape.outputCount, seed: 4)
      var z = sample(shape.outputCount, seed: 5), y = z
      var dx = sample(shape.inputCount, seed: 6), dw = sample(shape.weightCount, seed: 7), dbias = bias
      let xStride = shared ? 0 : rows * inputs, wStride = shared ? 0 : outputs * inputs
      let biasStride = shared ? 0 : outputs, flag: Int32 = accumulate ? 1 : 0
      // Identity, so that y, too, is comparable to the bit.
      let identity = Int32(CK_IDENTITY)
      if reference {
        ck_reference_linear(
          batch, rows, inputs, outputs, x, xStride, w, wStride, accumulate ? bias : nil, biasStride, identity, &z, &y)
        ck_reference_linear_input_gradient(batch, rows, inputs, outputs, dz, w, wStride, &dx, xStride, flag)
        ck_reference_linear_weight_gradient(
          batch, rows, inputs, outputs, dz, x, xStride, &dw, wStride, &dbias, biasStride, flag)
      } else {
        ck_linear(
          pool, batch, rows, inputs, outputs, x, xStride, w, wStride, accumulate ? bias : nil, biasStride, identity,
          &z, &y)
        ck_linear_input_gradient(pool, batch, rows, inputs, outputs, dz, w, wStride, &dx, xStride, flag)
        ck_linear_weight_gradient(
          pool, batch, rows, inputs, outputs, dz, x, xStride, &dw, wStride, &dbias, biasStride, flag)
      }
      return [z, y, dx, dw, dbias].map(bits)
    }

    @Test(arguments: LayerShape.all) func sameBytesAsReference(_ shape: LayerShape) throws {
      let pools = try [1, 2, 3].map { try makePool($0) }
      defer { pools.forEach(ck_pool_destroy) }
      for (shared, accumulate) in [(false, false), (false, true), (true, false), (true, true)] {
        let want = run(shape, pool: nil, shared: shared, accumulate: accumulate, reference: true)
        for pool in [nil] + pools.map(Optional.some) {
          let got = sameOnEveryISA {
            run(shape, pool: pool, shared: shared, accumulate: accumulate, reference: false)
          }
          let isSame = zip(got, want).map { $0 == $1 }
          #expect(isSame == [true, true, true, true, true], "shared \(shared), accumulating \(accumulate)")
        }
      }
    }

    @Test(arguments: 0..<Int32(CK_ACTIVATION_COUNT)) func activationFollows(_ kind: Int32) throws {
      let pool = try makePool(2)
      defer { ck_pool_destroy(pool) }
      let shapes = [
        LayerShape(batch: 3, rows: 32, inputs: 40, outputs: 200), LayerShape(rows: 300, inputs: 20, outputs: 33),
        LayerShape(rows: 20, inputs: 300, outputs: 31), LayerShape(rows: 301, inputs: 20, outputs: 40),
      ]
      for shape in shapes {
        let x = sample(shape.inputCount, seed: 1), w = sample(shape.weightCount, seed: 2)
        let bias = sample(shape.batch * shape.outputs, seed: 3)
        let run = { (z: UnsafeMutablePointer<Float>?, y: UnsafeMutablePointer<Float>) in
          ck_linear(
            pool, Int64(shape.batch), Int64(shape.rows), Int64(shape.inputs), Int64(shape.outputs), x,
            Int64(shape.rows * shape.inputs), w, Int64(shape.outputs * shape.inputs), bias, Int64(shape.outputs), kind,
            z, y)
        }
        sameOnEveryISA {
          var z = [Float](repeating: .nan, count: shape.outputCount), y = z, alone = z, elementwise = z
          run(&z, &y)
          run(nil, &alone)
          ck_activation(kind, Int64(z.count), z, &elementwise)
          let isSame = bits(alone) == bits(y) && bits(elementwise) == bits(y)
          #expect(isSame)
          return bits(z + y)
        }
      }
    }

    @Test func aNaNReachesItsRowAlone() {
      var x = sample(40 * 30, seed: 1)
      x[17 * 30 + 3] = .nan
      let w = sample(50 * 30, seed: 2)
      for kind in Activations.all {
        sameOnEveryISA {
          var y = [Float](repeating: 0, count: 40 * 50)
          ck_linear(nil, 1, 40, 30, 50, x, 0, w, 0, nil, 0, kind, nil, &y)
          let isOnlyThere = (0..<2000).allSatisfy { y[$0].isNaN == ($0 / 50 == 17) }
          #expect(isOnlyThere)
          return true
        }
      }
    }
  }
}
