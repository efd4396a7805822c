import CKernels
import Testing

extension Kernels {
  @Suite struct NormalizedRows {
    static let sizes: [(rows: Int, columns: Int)] = [(1, 1), (3, 5), (2, 16), (4, 63), (2, 200), (1, 1029)]

    private func numbers(_ count: Int, _ factor: Int) -> [Float] {
      (0..<count).map { Float(($0 &* factor) % 37 - 18) * 0.11 + Float($0 % 3) }
    }

    @Test(arguments: sizes) func closeToDoublesOnEveryISA(rows: Int, columns: Int) {
      let (x, dy) = (numbers(rows * columns, 7), numbers(rows * columns, 11))
      let epsilon: Float = 0.01
      func all() -> [[Float]] {
        var (y, inverse) = ([Float](repeating: 0, count: x.count), [Float](repeating: 0, count: rows))
        ck_normalize_rows(Int64(rows), Int64(columns), epsilon, x, &y, &inverse)
        var dx = [Float](repeating: 2, count: x.count)
        ck_normalize_rows_gradient(Int64(rows), Int64(columns), y, inverse, dy, &dx, 1)
        return [y, inverse, dx]
      }
      let got = sameOnEveryISA { all().map { bits($0) } }.map { floats($0) }
      for row in 0..<rows {
        let part = x[row * columns..<(row + 1) * columns].map { Double($0) }
        let mean = part.reduce(0, +) / Double(columns)
        let variance = part.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(columns)
        let inverse = 1 / (variance + Double(epsilon)).squareRoot()
        let y = part.map { ($0 - mean) * inverse }
        let g = dy[row * columns..<(row + 1) * columns].map { Double($0) }
        let average = g.reduce(0, +) / Double(columns)
        let projection = zip(g, y).reduce(0) { $0 + $1.0 * $1.1 } / Double(columns)
        #expect(abs(Double(got[1][row]) - inverse) < 2e-6 * inverse)
        for column in 0..<columns {
          let place = row * columns + column
          #expect(abs(Double(got[0][place]) - y[column]) < 1e-5)
          let gradient = 2 + (g[column] - average - y[column] * projection) * inverse
          #expect(abs(Double(got[2][place]) - gradient) < 2e-5 * max(1, inverse))
        }
      }
    }
  }
}
