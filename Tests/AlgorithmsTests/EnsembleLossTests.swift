import Algorithms
import Neural
import Support
import Testing

/// The loss of an ensemble's training against the same formulas on a tape, in every bit.
@Suite struct EnsembleLossTests {
  /// Loss, gradient of the outputs, gradients of the bounds.
  private struct Result: Equatable {
    var value: UInt32
    var output, minimum, maximum: [UInt32]
  }

  private struct Case {
    let form: EnsembleLoss.Form
    let rows: Int
    let output, target, minimum, maximum: [Float]

    init(_ form: EnsembleLoss.Form, rows: Int) {
      (self.form, self.rows) = (form, rows)
      var random = RandomStream(seed: UInt64(rows))
      func numbers(_ count: Int, _ low: Double, _ high: Double) -> [Float] {
        (0..<count).map { _ in Float(low + (high - low) * random.uniform()) }
      }
      output = numbers(form.members * rows * form.outputs, -12, 4)
      minimum = numbers(form.targets, -10, -8)
      maximum = numbers(form.targets, 0, 1)
      // Some targets are met exactly, so that zeros of both signs come up; ends are 0 or 1.
      var target = numbers(form.members * rows * form.targets, -3, 3)
      for row in 0..<form.members * rows {
        if row % 5 == 0 { target[row * form.targets] = output[row * form.outputs] }
        if form.terminationWeight != nil { target[(row + 1) * form.targets - 1] = row % 3 == 0 ? 1 : 0 }
      }
      self.target = target
    }

    func memberByMember() -> Result {
      let loss = EnsembleLoss(form, rows: rows + 3)
      loss.begin(rows: rows)
      var gradient = [Float](repeating: .nan, count: output.count)
      let (outputs, targets) = (rows * form.outputs, rows * form.targets)
      for member in (0..<form.members).reversed() {
        gradient.withUnsafeMutableBufferPointer { gradient in
          output.withUnsafeBufferPointer { output in
            target.withUnsafeBufferPointer { target in
              minimum.withUnsafeBufferPointer { minimum in
                maximum.withUnsafeBufferPointer { maximum in
                  loss.differentiate(
                    member, output: output.baseAddress! + member * outputs,
                    target: target.baseAddress! + member * targets,
                    bounds: form.isProbabilistic ? (minimum.baseAddress!, maximum.baseAddress!) : nil,
                    gradient: gradient.baseAddress! + member * outputs)
                }
              }
            }
          }
        }
      }
      var (low, high) = ([Float](repeating: .nan, count: form.targets), [Float](repeating: .nan, count: form.targets))
      low.withUnsafeMutableBufferPointer { low in
        high.withUnsafeMutableBufferPointer { high in
          if form.isProbabilistic { loss.differentiateBounds(minimum: low, maximum: high) }
        }
      }
      return Result(
        value: loss.value.bitPattern, output: gradient.map(\.bitPattern),
        minimum: form.isProbabilistic ? low.map(\.bitPattern) : [],
        maximum: form.isProbabilistic ? high.map(\.bitPattern) : [])
    }

    func onTape() -> Result {
      let tape = Tape()
      let all = form.targets
      let regression = 0..<form.regressionTargets
      let y = tape.variable(output, batch: form.members, rows: rows, columns: form.outputs)
      let t = tape.constant(target, batch: form.members, rows: rows, columns: all)
      let low = tape.variable(minimum, columns: all)
      let high = tape.variable(maximum, columns: all)
      let mean = tape.columns(y, regression)
      let wanted = tape.columns(t, regression)
      var sum: Tensor
      var penalty: Tensor?
      if form.isProbabilistic {
        let logVariance = tape.boundedLogVariance(
          tape.columns(y, all..<all + form.regressionTargets), minimum: tape.columns(low, regression),
          maximum: tape.columns(high, regression))
        sum = tape.gaussianNLL(mean: mean, logVariance: logVariance, target: wanted)
        penalty = tape.scale(tape.subtract(tape.sum(high), tape.sum(low)), by: 0.01)
      } else {
        sum = tape.meanSquaredError(mean, wanted)
      }
      if let weight = form.terminationWeight {
        // Binary cross-entropy with logits, averaged over rows and summed over members.
        let logit = tape.columns(y, form.regressionTargets..<all)
        let ended = tape.columns(t, form.regressionTargets..<all)
        let entropy = tape.subtract(tape.activation(logit, .softplus), tape.multiply(logit, ended))
        sum = tape.add(sum, tape.scale(tape.mean(entropy), by: Float(weight * Double(form.members))))
      }
      tape.backward(penalty.map { tape.add(sum, $0) } ?? sum)
      func gradient(_ tensor: Tensor) -> [UInt32] { tape.gradient(tensor).map(\.bitPattern) }
      return Result(
        value: tape.scalar(sum).bitPattern, output: gradient(y), minimum: form.isProbabilistic ? gradient(low) : [],
        maximum: form.isProbabilistic ? gradient(high) : [])
    }
  }

  @Test(arguments: [true, false], [nil, 1, 0.3]) func equalsTheTape(isProbabilistic: Bool, terminationWeight: Double?) {
    for (members, rows, targets) in [(1, 1, 2), (3, 5, 2), (5, 32, 5), (7, 33, 18)] {
      let form = EnsembleLoss.Form(
        members: members, targets: targets, isProbabilistic: isProbabilistic, terminationWeight: terminationWeight)
      let numbers = Case(form, rows: rows)
      #expect(numbers.memberByMember() == numbers.onTape(), "\(members) members, \(rows) rows, \(targets) targets")
    }
  }
}
