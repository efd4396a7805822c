import Algorithms
import Environments
import Foundation
import Neural
import Support
import Testing

/// Errors of a dynamics model as an inverse model sees them.
@Suite struct FeatureLossTests {
  private func inverse(
    _ text: String, _ layout: DynamicsLayout, _ replay: Replay
  ) throws -> InverseModel {
    let model = InverseModel(
      configured(InverseModel.Settings.self, text), layout, layout.actionSpace, random: RandomStream(seed: 5),
      pool: ComputePool(threads: 1))
    _ = try model.fit(replay)
    return model
  }

  /// Hidden values of the inverse model for one observation and change, in double precision.
  private func features(
    _ model: InverseModel, _ layout: DynamicsLayout, _ observation: [Float], _ change: [Double]
  ) -> [Double] {
    let situation = layout.features.map { feature in
      switch feature {
      case .value(let index): Double(observation[index])
      case .sine(let index): sin(Double(observation[index]))
      case .cosine(let index): cos(Double(observation[index]))
      }
    }
    var values = zip(situation + change, zip(model.normalizer.mean, model.normalizer.deviation)).map {
      ($0 - $1.0) / $1.1
    }
    for layer in model.network.layers.dropLast() {
      let (weight, bias) = (model.network.store.values(of: layer.weight), model.network.store.values(of: layer.bias))
      values = bias.indices.map { unit in
        let sum = values.indices.reduce(Double(bias[unit])) {
          $0 + Double(weight[unit * values.count + $1]) * values[$1]
        }
        return sum / (1 + exp(-sum))
      }
    }
    return values
  }

  /// Against the formula in double precision, and its gradient against differences of that: whatever the model predicts,
  /// changes or what is next, standardised or not.
  @Test(arguments: ["Pendulum-v1", "CartPoleSwingUp-v0"], [(true, false), (true, true), (false, true)])
  func isItsFormula(id: String, form: (isChange: Bool, isStandardised: Bool)) throws {
    let (layout, replay) = (DynamicsLayout(task(id)), try randomTransitions(id, count: 60))
    let inverse = try inverse(#"{"epochs": 3, "hiddenSizes": [7, 5]}"#, layout, replay)
    let (size, count) = (layout.observationSize, replay.count)
    var (mean, deviation) = ([Double](repeating: 0, count: size + 1), [Double](repeating: 1, count: size + 1))
    if form.isStandardised {
      for column in 0...size {
        (mean[column], deviation[column]) = (0.1 * Double(column) - 0.2, 0.3 + 0.2 * Double(column))
      }
    }
    let (observations, beta) = (replay.all(replay.observation), 0.7)
    let loss = FeatureLoss(
      inverse, weight: beta, observations: observations.read,
      targets: InputNormalizer(mean: mean, deviation: deviation), isChange: { _ in form.isChange })

    // Five of the transitions, the reward as another column that is none of this loss's business.
    let (rows, width) = ([3, 11, 20, 48, Int32(count) - 1], size + 1)
    var random = RandomStream(seed: 9)
    func numbers() -> [Double] { (0..<rows.count * width).map { _ in Double(Float(random.uniform(-1, 1))) } }
    var output = numbers()
    let target = numbers()
    func seen(_ values: [Double], _ row: Int) -> [Double] {
      let observation = observations.read.row(Int(rows[row])).array
      var change = [Double](repeating: 0, count: size)
      for column in 0..<size {
        change[column] = values[row * width + column] * deviation[column] + mean[column]
        if !form.isChange { change[column] -= Double(observation[column]) }
      }
      return self.features(inverse, layout, observation, change)
    }
    func formula() -> Double {
      var sum = 0.0
      for row in rows.indices {
        sum += zip(seen(output, row), seen(target, row)).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
      }
      return beta / 2 * sum / Double(rows.count * 5)
    }

    let tape = Tape()
    let y = tape.variable(output.map { Float($0) }, rows: rows.count, columns: width)
    let wanted = tape.constant(target.map { Float($0) }, rows: rows.count, columns: width)
    let value = loss(y, wanted, rows: rows[...], on: tape)
    tape.backward(value, keeping: true)
    #expect(abs(Double(tape.scalar(value)) - formula()) < 1e-4 * formula())
    for index in output.indices {
      let middle = output[index]
      func at(_ value: Double) -> Double {
        output[index] = value
        return formula()
      }
      let want = (at(middle + 1e-4) - at(middle - 1e-4)) / 2e-4
      output[index] = middle
      #expect(abs(Double(tape.gradient(y)[index]) - want) < 1e-3 * abs(want) + 1e-5, "element \(index)")
      #expect((index + 1) % width != 0 || tape.gradient(y)[index] == 0)
    }
    #expect(inverse.network.store.gradientNorm == 0, "the inverse model keeps still")
    // What is foreseen costs nothing.
    let right = loss(wanted, wanted, rows: rows[...], on: tape)
    #expect(tape.scalar(right) == 0)
  }

  // MARK: A world of two halves

  /// The first column goes where the action says, a little; the second wherever it wants, and far.
  private static let specification = EnvironmentSpecification(
    id: "Halves", observationSpace: .box(low: [-9, -9], high: [9, 9]), actionSpace: .box(low: [-1], high: [1]),
    stepLimit: nil, rewardRange: -9...9, framesPerSecond: 1, summary: "two halves")

  private static func halves(_ count: Int) -> Replay {
    let replay = Replay(observationSize: 2, actionColumns: 1, capacity: count, layout: .loose, storage: .copied)
    let (state, action, next) = (RowBuffer(count, 2), RowBuffer(count, 1), RowBuffer(count, 2))
    let (reward, end) = (RowBuffer(count, 1), RowBuffer(count, 1))
    defer { withExtendedLifetime((state, action, next, reward, end)) {} }
    var random = RandomStream(seed: 2)
    for row in 0..<count {
      let (x, z, a) = (Float(random.uniform(-1, 1)), Float(random.uniform(-3, 3)), Float(random.uniform(-1, 1)))
      (state.rows[row, 0], state.rows[row, 1], action.rows[row, 0]) = (x, z, a)
      (next.rows[row, 0], next.rows[row, 1]) = (x + 0.1 * a * (1 + x), z + 2 * KernelMath.sine(3 * z))
    }
    replay.append(state.read, action.read, rewards: reward.read, terminated: end.read, next: next.read)
    return replay
  }

  private static var layout: DynamicsLayout { DynamicsLayout(specification, known: nil) }
  private static let settings = #"{"epochs": 30, "batchSize": 32, "hiddenSizes": [32]}"#

  /// The same error, in deviations of the change, costs more where the action has a say: five times as much.
  @Test func countsWhatTheActionMoves() throws {
    let replay = Self.halves(1000)
    let inverse = try inverse(Self.settings, Self.layout, replay)
    let observations = replay.all(replay.observation)
    let deviation = Array(inverse.normalizer.deviation.suffix(2))
    let loss = FeatureLoss(
      inverse, weight: 1, observations: observations.read,
      targets: InputNormalizer(mean: [0, 0], deviation: deviation), isChange: { _ in true })
    let tape = Tape()
    func cost(_ error: [Float]) -> Float {
      tape.rewind()
      let (right, wrong) = (
        tape.constant(rows: 200, columns: 2) { $0.update(repeating: 0) },
        tape.constant(rows: 200, columns: 2) { memory in
          for index in memory.indices { memory[index] = error[index % 2] }
        }
      )
      return tape.scalar(loss(wrong, right, rows: (0..<200).map { Int32($0) }[...], on: tape))
    }
    #expect(cost([0.5, 0]) > 3 * cost([0, 0.5]), "\(cost([0.5, 0])) and \(cost([0, 0.5]))")
  }

  /// Mean squared error of both halves of a network too small for both.
  private func errors(weight: Double) throws -> [Double] {
    let replay = Self.halves(1000)
    let model = EnsembleDynamics(
      configured(
        EnsembleDynamics.Configuration.self,
        """
        {"kind": "deterministic", "ensembleSize": 1, "hiddenSizes": [4], "epochs": 60, "reward": "learned",
         "termination": "never", "learningRate": 0.01}
        """), Self.layout, random: RandomStream(seed: 1), pool: ComputePool(threads: 1))
    if weight > 0 {
      model.judge(byFeaturesOf: try inverse(Self.settings, Self.layout, replay), weight: weight)
    }
    _ = try model.fit(replay)
    let (observations, actions, next) = (
      replay.all(replay.observation), replay.all(replay.action), replay.all(replay.next)
    )
    var errors = [0.0, 0.0]
    for row in 0..<replay.count {
      let said = model.predict(
        observation: observations.read.row(row).array, action: actions.read.row(row).array, member: 0)
      for column in 0..<2 {
        let error = Double(said[column] - next.rows[row, column])
        errors[column] += error * error / Double(replay.count)
      }
    }
    return errors
  }

  /// It is what a network that cannot have both spends itself on.
  @Test func fitsSpendThemselvesOnWhatTheActionMoves() throws {
    let (plain, judged) = (try errors(weight: 0), try errors(weight: 1))
    #expect(judged[0] < 0.3 * plain[0], "\(plain) and \(judged)")
  }

  /// Planning with it: the inverse model learns what it learns without, the ensemble something else.
  @Test func itIsTheAgentsSetting() throws {
    func fitted(_ weight: Double) throws -> (inverse: [[UInt8]], model: [[UInt8]]) {
      let agent = try makeAgent(
        """
        {"agent": {"type": "random-shooting", "initialRandomSteps": 40,
           "inverse": {"epochs": 2, "hiddenSizes": [8], "featureLoss": \(weight)}},
         "model": {"hiddenSizes": [8], "epochs": 2}, "planner": {"population": 4, "horizon": 3}}
        """, for: task("Pendulum-v1"))
      let interaction = Interaction(agent, try group("Pendulum-v1"))
      while interaction.step < 40 { try interaction.advance() }
      let tensors = try stored(agent).tensors
      func weights(_ part: String) -> [[UInt8]] {
        tensors.filter { $0.name.contains(part) && $0.name.contains("weight") }.map { Array($0.tensor.bytes) }
      }
      return (weights("inverse."), weights("members."))
    }
    let (without, with) = (try fitted(0), try fitted(1))
    #expect(!without.inverse.isEmpty && !without.model.isEmpty)
    #expect(without.inverse == with.inverse && without.model != with.model)
  }
}
