import Algorithms
import Environments
import Foundation
import Neural
import Support
import Testing

/// Which action led from one observation to the next, and what that is good for.
@Suite struct InverseModelTests {
  private func makeModel(_ text: String, for id: String, threads: Int = 1) -> InverseModel {
    InverseModel(
      configured(InverseModel.Settings.self, text), DynamicsLayout(task(id)), task(id).specification.actionSpace,
      random: RandomStream(seed: 0), pool: ComputePool(threads: threads))
  }

  /// Transitions of a task whose episodes are `stepLimit` long.
  private func transitions(
    _ id: String, _ count: Int, stepLimit: Int, lanes: Int = 1, seed: UInt64 = 3
  ) throws -> Replay {
    let configuration = configured(EnvironmentConfiguration.self, #"{"id": "\#(id)", "stepLimit": \#(stepLimit)}"#)
    let group = try configuration.makeGroup(lanes) { seed + UInt64($0) }
    let replay = Replay(of: group.specification, lanes: lanes, capacity: 2 * count + 2)
    var random = RandomStream(seed: seed)
    while replay.count < count {
      try group.begin()
      for lane in 0..<lanes { group.actions.setUniform(lane, &random) }
      try group.step()
      replay.append(group.transitions)
    }
    return replay
  }

  /// Per transition of Pendulum: the torque by the equation of motion; nil where the speed was clipped.
  private func torques(_ observations: Rows, _ next: Rows) -> [Float?] {
    (0..<observations.count).map { row in
      let (sine, before, after) = (observations[row, 1], observations[row, 2], next[row, 2])
      return abs(after) >= 8 ? nil : (after - before - 0.75 * sine) / 0.15
    }
  }

  /// Episodes of five steps: a pair over a reset would show an impossible change, and spoil a fifth of the data.
  @Test(arguments: [1, 3]) func pendulumsTorqueIsFound(lanes: Int) throws {
    let model = makeModel(#"{"epochs": 60, "batchSize": 64, "hiddenSizes": [64, 64]}"#, for: "Pendulum-v1")
    let report = try model.fit(try transitions("Pendulum-v1", 3000, stepLimit: 5, lanes: lanes))
    // Seen to fail with a tanh at the end (0.0035) and where an episode's end and the next one's start are a pair.
    #expect(try #require(report.accuracy) > 0.999 && report.loss < 3e-4, "\(report)")
    #expect(report.updates == 60 * (2700 / 64 + 1))
    let fresh = try transitions("Pendulum-v1", 1000, stepLimit: 5, seed: 1000)
    let (observations, next, taken) = (
      fresh.all(fresh.observation), fresh.all(fresh.next), fresh.all(fresh.action)
    )
    let found = RowBuffer(fresh.count, 1)
    model.actions(from: observations.read, to: next.read, into: found.rows)
    var (total, counted) = (Float(0), 0)
    for (row, torque) in torques(observations.read, next.read).enumerated() {
      guard let torque else { continue }
      #expect(abs(torque - taken.rows[row, 0]) < 1e-3)
      total += abs(found.rows[row, 0] - torque)
      counted += 1
    }
    #expect(counted > 900 && total / Float(counted) < 0.05, "\(total / Float(counted)) of a torque of up to 2")
  }

  @Test func discreteActionsAreFound() throws {
    let model = makeModel(#"{"epochs": 40, "batchSize": 64, "hiddenSizes": [64]}"#, for: "CartPole-v1")
    let report = try model.fit(try transitions("CartPole-v1", 2000, stepLimit: 500))
    #expect(try #require(report.accuracy) > 0.99, "\(report)")
    let fresh = try transitions("CartPole-v1", 200, stepLimit: 500, seed: 99)
    let (observations, next, taken) = (
      fresh.all(fresh.observation), fresh.all(fresh.next), fresh.all(fresh.action)
    )
    let found = RowBuffer(fresh.count, 2)
    model.actions(from: observations.read, to: next.read, into: found.rows)
    let right = (0..<fresh.count).count { found.read.row($0).array == taken.read.row($0).array }
    #expect(right > 195)
  }

  @Test func threadsChangeNothing() throws {
    let replay = try transitions("Pendulum-v1", 300, stepLimit: 20)
    let (one, two) = (
      makeModel(#"{"epochs": 2}"#, for: "Pendulum-v1"), makeModel(#"{"epochs": 2}"#, for: "Pendulum-v1", threads: 2)
    )
    #expect(try one.fit(replay) == two.fit(replay))
    #expect(try stored(one).tensors.elementsEqual(stored(two).tensors) { $0 == $1 })
  }

  /// A second fit goes on with the optimiser of the first, from a checkpoint too.
  @Test func fitsGoOnFromACheckpoint() throws {
    let replay = try transitions("CartPole-v1", 300, stepLimit: 20)
    let (original, restored) = (
      makeModel(#"{"epochs": 2}"#, for: "CartPole-v1"), makeModel(#"{"epochs": 2}"#, for: "CartPole-v1")
    )
    _ = try original.fit(replay)
    try restore(restored, from: stored(original))
    #expect(try original.fit(replay) == restored.fit(replay))
    #expect(try stored(original).tensors.elementsEqual(stored(restored).tensors) { $0 == $1 })
  }

  /// The slope of the whole loss along a random direction of the output.
  @Test(arguments: [false, true]) func theLossHasItsGradient(isDiscrete: Bool) {
    var random = RandomStream(seed: 4)
    let (rows, columns) = (5, 3)
    let output = (0..<rows * columns).map { _ in Float(random.uniform(-1.5, 1.5)) }
    let direction = (0..<rows * columns).map { _ in Float(random.uniform(-1, 1)) }
    let target = (0..<rows * columns).map { isDiscrete ? ($0 % 4 == 0 ? Float(1) : 0) : Float(random.uniform(-1, 1)) }
    let tape = Tape()
    func loss(_ distance: Float) -> (Tensor, Tensor) {
      tape.rewind()
      let moved = zip(output, direction).map { $0 + distance * $1 }
      let leaf = moved.withUnsafeBufferPointer { tape.variable($0, rows: rows, columns: columns) }
      let wanted = target.withUnsafeBufferPointer { tape.constant($0, rows: rows, columns: columns) }
      return (leaf, InverseModel.loss(leaf, wanted, isDiscrete: isDiscrete, on: tape))
    }
    let (leaf, value) = loss(0)
    tape.backward(value)
    let slope = zip(tape.gradient(leaf), direction).reduce(0) { $0 + Double($1.0) * Double($1.1) }
    let step: Float = 0.02
    func at(_ distance: Float) -> Double { Double(tape.scalar(loss(distance).1)) }
    let measured = (8 * (at(step) - at(-step)) - (at(2 * step) - at(-2 * step))) / (12 * Double(step))
    #expect(abs(slope - measured) < 1e-3 * max(0.1, abs(measured)), "\(slope) against \(measured)")
  }

  // MARK: Proposals

  /// A scorer that only proposes.
  private final class Nothing: PlanScorer {
    func begin(in situation: Situation, row: Int) {}
    func score(_ plans: Plans, iteration: Int, noise: RandomStream, into returns: UnsafeMutableBufferPointer<Float>) {}
  }

  /// From the start of a real episode its own actions come back; from elsewhere, others that make up for the difference.
  @Test func proposalsFollowWhatWasDone() throws {
    let replay = try transitions("Pendulum-v1", 3000, stepLimit: 20)
    let inverse = makeModel(
      #"{"epochs": 60, "batchSize": 64, "hiddenSizes": [64, 64], "proposals": 8}"#, for: "Pendulum-v1")
    _ = try inverse.fit(replay)
    let model = AlgorithmsTests.makeModel(
      #"{"kind": "deterministic", "ensembleSize": 1, "hiddenSizes": [64, 64], "epochs": 60}"#, for: "Pendulum-v1")
    try model.fit(replay)
    let proposals = InverseProposals(
      Nothing(), model, inverse, task("Pendulum-v1").specification, horizon: 10, random: RandomStream(seed: 1))
    let memory = FloatBuffer(count: 6 * 10)
    let plans = Plans(memory.base, population: 6, horizon: 10, columns: 1)
    let noise = RandomStream(seed: 2)
    let observation = RowBuffer(1, 3)
    func propose(_ values: [Float]) throws -> Int {
      for (column, value) in values.enumerated() { observation.rows[0, column] = value }
      try proposals.begin(
        in: Situation(observations: observation.read, isFirst: [true], episode: [0]), row: 0)
      return proposals.propose(plans, noise: noise)
    }
    #expect(try propose([1, 0, 0]) == 0, "nothing was done yet")
    proposals.renew(from: replay)

    // From the start of the stretch that was worth most it is followed, and so are those that at most five surpass: the
    // actions that were taken there come back.
    let archive = try stored(proposals)
    let goals = try #require(archive.tensors.first { $0.name == "it.goals" }).tensor
    #expect(goals.shape == [128, 11, 3])
    let values = goals.bytes.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
    func goal(_ index: Int, _ time: Int) -> [Float] {
      Array(values[(index * 11 + time) * 3..<(index * 11 + time + 1) * 3])
    }
    let bytes = try #require(archive.tensors.first { $0.name == "it.returns" }).tensor.bytes
    let returns = bytes.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
    for index in returns.indices.sorted(by: { returns[$0] > returns[$1] }).prefix(6) {
      #expect(try propose(goal(index, 0)) == 6)
      #expect(memory.memory.allSatisfy { abs($0) <= 2 })
      let torques = (0..<10).map { time in
        let (now, next) = (goal(index, time), goal(index, time + 1))
        return (next[2] - now[2] - 0.75 * now[1]) / 0.15
      }
      let errors = (0..<6).map { plan in
        (0..<10).map { abs(plans[plan][$0, 0] - torques[$0]) }.reduce(0, +) / 10
      }
      #expect(errors.min()! < 0.3, "\(errors)")
    }

    // The same question has the same answer, after a restoration too.
    _ = try propose([0.6, 0.8, 1])
    let before = Array(memory.memory)
    let again = InverseProposals(
      Nothing(), model, inverse, task("Pendulum-v1").specification, horizon: 10, random: RandomStream(seed: 1))
    try restore(again, from: archive)
    try again.begin(in: Situation(observations: observation.read, isFirst: [true], episode: [0]), row: 0)
    memory.memory.update(repeating: 0)
    #expect(again.propose(plans, noise: noise) == 6)
    #expect(Array(memory.memory) == before)
  }

  /// Episodes that are shorter than a plan leave nothing to follow.
  @Test func shortEpisodesGiveNoProposals() throws {
    let inverse = makeModel(#"{"epochs": 1, "proposals": 2}"#, for: "Pendulum-v1")
    let model = AlgorithmsTests.makeModel(#"{"ensembleSize": 1, "hiddenSizes": [8]}"#, for: "Pendulum-v1")
    let proposals = InverseProposals(
      Nothing(), model, inverse, task("Pendulum-v1").specification, horizon: 10, random: RandomStream(seed: 1))
    proposals.renew(from: try transitions("Pendulum-v1", 200, stepLimit: 7))
    let (memory, observation) = (FloatBuffer(count: 20), RowBuffer(1, 3))
    try proposals.begin(in: Situation(observations: observation.read, isFirst: [true], episode: [0]), row: 0)
    let plans = Plans(memory.base, population: 2, horizon: 10, columns: 1)
    #expect(proposals.propose(plans, noise: RandomStream(seed: 2)) == 0)
  }

  /// A scorer that proposes the best plan there is: random shooting takes it, and keeps a place for its last plan.
  private final class Oracle: PlanScorer {
    var proposals = 3
    var last: [Float] = []
    func begin(in situation: Situation, row: Int) {}
    func propose(_ plans: Plans, noise: RandomStream) -> Int {
      let count = min(proposals, plans.population)
      for plan in 0..<count { plans[plan].fill(plan == count - 1 ? 1 : 0.5) }
      return count
    }
    func score(_ plans: Plans, iteration: Int, noise: RandomStream, into returns: UnsafeMutableBufferPointer<Float>) {
      for plan in 0..<plans.population {
        returns[plan] = (0..<plans.horizon).reduce(0) { $0 - abs(plans[plan][$1, 0] - 1) }
      }
      last = Array(UnsafeBufferPointer(start: plans.base, count: plans.population * plans.planSize))
    }
  }

  @Test(arguments: [(5, 3), (2, 1), (1, 0)]) func randomShootingTakesProposals(population: Int, taken: Int) throws {
    let space = ActionSpace.box(low: [-2], high: [2])
    let optimizer = configured(RandomShooting.Configuration.self, #"{"population": \#(population)}"#)
      .makeOptimizer(horizon: 4, space: space)
    let (oracle, plan) = (Oracle(), RowBuffer(4, 1))
    for round in 0..<2 {
      if round == 1 { oracle.proposals = 0 }
      var problem = PlanProblem(
        horizon: 4, space: space, random: RandomStream(seed: 1), scorer: oracle, noise: RandomStream(seed: 2))
      _ = try optimizer.optimize(&problem, into: plan.rows)
      if taken > 0 { #expect(plan.read.array == [1, 1, 1, 1]) }
      // In the second round the last plan is what competes.
      if round == 0 && taken > 0 { #expect(Array(oracle.last[(4 * taken - 4)..<4 * taken]) == [1, 1, 1, 1]) }
    }
    #expect(Array(oracle.last[..<4]) == plan.read.array)
  }
}
