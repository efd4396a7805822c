import Algorithms
import Foundation
import Neural
import Support
import Testing

/// What an ensemble's training makes small.
@Suite struct EnsembleLossTests {
  /// Against the formula in double precision, and its gradient against differences of that, in which the weights of
  /// `varianceExponent` are constants.
  @Test(arguments: [(true, 0.0), (true, 0.5), (true, 1), (false, 0)], [nil, 1, 0.3])
  func isItsFormula(likelihood: (isProbabilistic: Bool, exponent: Double), terminationWeight: Double?) {
    let termination = terminationWeight.map { #", "termination": "learned", "terminationWeight": \#($0)"# } ?? ""
    let (isProbabilistic, exponent) = likelihood
    let kind = isProbabilistic ? #""probabilistic", "varianceExponent": \#(exponent)"# : #""deterministic""#
    let model = makeModel(#"{"hiddenSizes": [4], "kind": \#(kind)\#(termination)}"#, for: "CartPole-v1")
    let (rows, targets) = (5, model.targetCount)
    let outputs = isProbabilistic ? 2 * targets : targets
    let regression = terminationWeight == nil ? targets : targets - 1
    var random = RandomStream(seed: 3)
    var output = (0..<rows * outputs).map { _ in Double(Float(random.uniform(-6, 2))) }
    var target = (0..<rows * targets).map { _ in Double(Float(random.uniform(-3, 3))) }
    if terminationWeight != nil { for row in 0..<rows { target[(row + 1) * targets - 1] = row % 3 == 0 ? 1 : 0 } }

    func softplus(_ x: Double) -> Double { log1p(exp(x)) }
    func logVariance(_ output: [Double], _ row: Int, _ column: Int) -> Double {
      -10 + softplus(0.5 - softplus(0.5 - output[row * outputs + targets + column]) + 10)
    }
    let start = output
    func formula() -> Double {
      var (sum, entropy) = (0.0, 0.0)
      for row in 0..<rows {
        for column in 0..<regression {
          let error = output[row * outputs + column] - target[row * targets + column]
          if isProbabilistic {
            let now = logVariance(output, row, column)
            sum += exp(exponent * logVariance(start, row, column)) * (error * error * exp(-now) + now)
          } else {
            sum += error * error
          }
        }
        let (logit, ended) = (output[row * outputs + targets - 1], target[(row + 1) * targets - 1])
        entropy += softplus(logit) - ended * logit
      }
      return sum / Double(rows * regression) + (terminationWeight ?? 0) * entropy / Double(rows)
    }

    let tape = Tape()
    let y = tape.variable(rows: rows, columns: outputs) { _ = $0.update(fromContentsOf: output.map { Float($0) }) }
    let wanted = tape.constant(rows: rows, columns: targets) {
      _ = $0.update(fromContentsOf: target.map { Float($0) })
    }
    let loss = model.loss(y, wanted, on: tape)
    tape.backward(loss, keeping: true)
    #expect(abs(Double(tape.scalar(loss)) - formula()) < 1e-5 * abs(formula()))
    for index in output.indices {
      let middle = output[index]
      func at(_ value: Double) -> Double {
        output[index] = value
        return formula()
      }
      let want = (at(middle + 1e-4) - at(middle - 1e-4)) / 2e-4
      output[index] = middle
      let got = Double(tape.gradient(y)[index])
      #expect(abs(got - want) < 1e-4 * abs(want) + 1e-6, "element \(index)")
    }
  }

  /// Learned bounds of the log variance draw together; others stay where they are.
  @Test(arguments: [true, false]) func theBoundsAreLearnedWhereThatIsAskedFor(isLearned: Bool) throws {
    let model = makeModel(
      #"{"hiddenSizes": [8], "ensembleSize": 3, "learnsVarianceBounds": \#(isLearned)}"#, for: "Pendulum-v1")
    var rows: [ModelFitRow] = []
    _ = try model.fit(randomTransitions("Pendulum-v1", count: 100), rows: &rows)
    let archive = try stored(model)
    func bounds(_ name: String) throws -> [Float] {
      try #require(archive.tensors.first { $0.name == "it." + name }).tensor.bytes.withUnsafeBytes {
        Array($0.bindMemory(to: Float.self))
      }
    }
    let (minimum, maximum) = try (bounds("min_logvar"), bounds("max_logvar"))
    #expect(minimum.allSatisfy { isLearned ? $0 > -10 : $0 == -10 })
    #expect(maximum.allSatisfy { isLearned ? $0 < 0.5 : $0 == 0.5 })
  }
}
