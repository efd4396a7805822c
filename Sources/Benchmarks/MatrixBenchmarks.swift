import CKernels
import Support

/// Dense layers: product, bias and SiLU.
enum MatrixBenchmarks {
  static let all: [Benchmark] = [
    layer(rows: 20000, inputs: 200, outputs: 200),
    layer(rows: 7000, inputs: 200, outputs: 200),
    layer(rows: 256, inputs: 256, outputs: 256),
    layer(rows: 32, inputs: 200, outputs: 200),
    layer(batch: 5, rows: 256, inputs: 200, outputs: 200),
    layer(rows: 1024, inputs: 512, outputs: 512),
    layer(rows: 1024, inputs: 1536, outputs: 512),
  ]

  private static func layer(batch: Int = 1, rows: Int, inputs: Int, outputs: Int) -> Benchmark {
    let size = "\(rows)x\(inputs)x\(outputs)"
    return Benchmark(
      "matmul-" + (batch > 1 ? "\(batch)x" : "") + size, "product, bias and SiLU",
      operations: 2 * Double(batch * rows * inputs * outputs)
    ) { pool in
      let x = BenchmarkData.normals(batch * rows * inputs)
      let weights = BenchmarkData.normals(batch * inputs * outputs, scale: 1 / Float(inputs).squareRoot())
      let bias = BenchmarkData.normals(batch * outputs)
      let y = FloatBuffer(count: batch * rows * outputs)
      return {
        ck_linear(
          pool.handle, Int64(batch), Int64(rows), Int64(inputs), Int64(outputs), x.base, Int64(rows * inputs),
          weights.base, Int64(inputs * outputs), bias.base, Int64(outputs), Int32(CK_SILU), nil, y.base)
      }
    }
  }
}

/// Numbers to work on, the same in every run.
enum BenchmarkData {
  static func normals(_ count: Int, scale: Float = 1) -> FloatBuffer {
    let buffer = FloatBuffer(count: count)
    ck_fill_normal(20_240_501, UInt64(count), Int64(count), buffer.base)
    for index in 0..<count { buffer[index] *= scale }
    return buffer
  }
}
