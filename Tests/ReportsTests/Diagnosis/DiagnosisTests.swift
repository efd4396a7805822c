import Algorithms
import Environments
import Experiments
import Foundation
import Reports
import Support
import Testing

/// Errors of models, against models whose errors are known.
struct DiagnosisTests {
  /// s' = M·s + action·(1, 1) + what each member misses by; reward: the first column of s'.
  private final class LinearModel: DynamicsModel {
    let matrix: [[Float]]
    let misses: [Float]
    let variance: Float
    init(_ matrix: [[Float]], misses: [Float] = [0], variance: Float = 0) {
      (self.matrix, self.misses, self.variance) = (matrix, misses, variance)
    }

    func next(_ state: [Float], _ action: Float) -> [Float] {
      matrix.map { row in zip(row, state).reduce(action) { $0 + $1.0 * $1.1 } }
    }

    var elites: [Int] { Array(misses.indices) }
    func advance(_ step: ImaginedStep, by members: MemberChoice, noise: RandomStream) {
      for row in 0..<step.count {
        let state = (0..<2).map { step.state[row, $0] }
        let member = if case .mean(let member) = members { member } else { row % misses.count }
        let moved = next(state, step.action[row, 0])
        for column in 0..<2 { step.next[row, column] = moved[column] + misses[member] }
        (step.reward[row, 0], step.ended[row, 0]) = (moved[0] + misses[member], 0)
      }
    }
    func makePredictions(rows: Int) -> MemberPredictions? {
      MemberPredictions(
        members: misses.count, targets: 3, quantities: 3, capacity: rows, changes: [true, false, false])
    }
    func predictMembers(_ step: ImaginedStep, into predictions: MemberPredictions) {
      for member in misses.indices {
        for row in 0..<step.count {
          let state = (0..<2).map { step.state[row, $0] }
          let moved = next(state, step.action[row, 0]).map { $0 + misses[member] }
          predictions.set(member, 0, row, mean: moved[0] - state[0], variance: variance)
          predictions.set(member, 1, row, mean: moved[1], variance: variance)
          predictions.set(member, 2, row, mean: moved[0], variance: variance)
        }
      }
    }
    var tables: [TableDeclaration] { [] }
    func fit(_ replay: Replay, _ metrics: inout Metrics) throws -> ModelFitSummary { throw InterruptedError() }
    func makeScorer(_ settings: RolloutSettings) -> any PlanScorer { fatalError("nobody plans here") }
    func meanPredictions(observation: [Float], action: [Float]) -> [[Float]] { [] }
    var facts: [(name: String, value: String)] { [] }
    func archive(_ archive: Archive) throws {}
  }

  private static let specification = EnvironmentSpecification(
    id: "Linear", observationSpace: .box(low: [-9, -9], high: [9, 9]), actionSpace: .box(low: [-1], high: [1]),
    stepLimit: 100, rewardRange: -9...9, framesPerSecond: 1, observationNames: ["left", "right"], summary: "linear")

  private static let matrix: [[Float]] = [[0.9, 0.2], [0, 0.8]]

  /// Episodes of the linear task with random actions, and noise of some deviation on every state.
  private func trajectories(_ count: Int = 4, steps: Int = 50, noise: Float = 0) -> [Trajectory] {
    let world = LinearModel(DiagnosisTests.matrix)
    var random = RandomStream(seed: 3)
    return (0..<count).map { _ in
      var trajectory = Trajectory(DiagnosisTests.specification)
      var state: [Float] = [Float(random.uniform(-1, 1)), Float(random.uniform(-1, 1))]
      trajectory.observations = state
      for _ in 0..<steps {
        let action = Float(random.uniform(-1, 1))
        state = world.next(state, action).map { value in
          withUnsafeTemporaryAllocation(of: Float.self, capacity: 1) {
            random.fillNormal($0)
            return value + noise * $0[0]
          }
        }
        trajectory.observations += state
        trajectory.actions.append(action)
        trajectory.rewards.append(Double(state[0]))
      }
      return trajectory
    }
  }

  private func sample(_ trajectories: [Trajectory]) -> TransitionSample {
    TransitionSample(trajectories, columns: 2, actionColumns: 1)
  }

  /// The seed texts' table for ε = .01 and L = 1.5; they print .15 for H = 5, where ε (1.5⁵ − 1)/.5 is .132 (.15 is
  /// 7.59/.5·.01, the 1 not taken off).
  @Test func boundsOfTheSeedTexts() {
    func bound(_ steps: Int) -> Double { ErrorBound.error(oneStep: 0.01, lipschitz: 1.5, steps: steps) }
    #expect(abs(bound(1) - 0.01) < 1e-12)
    #expect(abs(bound(5) - 0.131875) < 1e-9)
    let asPrinted = 0.01 * pow(1.5, 5) / 0.5
    #expect(abs(asPrinted - 0.15) < 2e-3)
    #expect(abs(bound(10) - 1.13) < 5e-3)
    #expect(abs(bound(20) - 66.5) < 0.05)
    for steps in 1...30 {
      let next = 1.5 * bound(steps) + 0.01
      #expect(abs(bound(steps + 1) - next) < 1e-9 * next)
    }
    #expect(abs(ErrorBound.error(oneStep: 0.01, lipschitz: 1, steps: 7) - 0.07) < 1e-12)
    #expect(abs(ErrorBound.error(oneStep: 0.01, lipschitz: 0.5, steps: 50) - 0.02) < 1e-9)
    #expect(ErrorBound.firstStep(above: 1, oneStep: 0.01, lipschitz: 1.5, most: 100) == 10)
    #expect(ErrorBound.firstStep(above: 1, oneStep: 0.01, lipschitz: 0.5, most: 100) == nil)
    // The reward's bound: the sum is below the loose form L_r ε H L^H/(L − 1).
    let returns = ErrorBound.returnError(oneStep: 0.01, lipschitz: 1.5, rewardSlope: 2, steps: 10)
    let sum = (0..<10).reduce(0) { $0 + 2 * bound($1) }
    #expect(abs(returns - sum) < 1e-9)
    let loose = 2 * 0.01 * 10 * pow(1.5, 10) / 0.5
    #expect(returns < loose)
  }

  @Test func errorsOfOneStep() {
    let table = sample(trajectories())
    let units = Units([table])
    let errors = OneStepErrors(LinearModel(DiagnosisTests.matrix, misses: [0.3, 0.1]), table, units)
    // The mean misses by .2 in both columns, the members are .1 away from it.
    let size = units.deviations.reduce(0) { $0 + 1 / ($1 * $1) }
    #expect(errors.count == 200)
    let unit = (size / 2).squareRoot()
    #expect(errors.errors.allSatisfy { abs($0 - 0.2 * unit) < 1e-5 })
    #expect(errors.disagreements.allSatisfy { abs($0 - 0.1 * unit) < 1e-5 })
    #expect(errors.squared.allSatisfy { abs($0 - 0.04) < 1e-5 })
    #expect(errors.rewardErrors.allSatisfy { abs($0 - 0.2) < 1e-5 } && errors.places.isEmpty)
    // Somebody who says that nothing moves is wrong by all of the move.
    let still = OneStepErrors(LinearModel([[1, 0], [0, 1]]), sample(trajectories().map { $0.withoutActions }), units)
    #expect(abs(still.relative - 1) < 1e-6)
  }

  /// Two rows of 200 hold nearly all of the error, in the right column.
  @Test func fewRowsWithMostOfTheError() throws {
    var jumping = trajectories()
    let width = 2
    for row in [20, 40] { jumping[0].observations[row * width + 1] += 5 }
    let table = sample(jumping)
    let units = Units([table])
    let errors = OneStepErrors(LinearModel(DiagnosisTests.matrix, misses: [0.001]), table, units)
    // A jump is unforeseen, and so is the way back: the second is a row as large as the first.
    #expect(abs(try #require(errors.worstShare) - 0.5) < 0.15)
    #expect(errors.worstColumn == 1)
    let even = OneStepErrors(LinearModel(DiagnosisTests.matrix, misses: [0.1]), sample(trajectories()), units)
    #expect(abs(try #require(even.worstShare) - 0.01) < 1e-6)
    // Of fewer rows a hundredth is none.
    let few = OneStepErrors(LinearModel(DiagnosisTests.matrix, misses: [0.1]), sample([trajectories()[0]]), units)
    #expect((few.worstShare == nil) == (few.count < 100))
  }

  @Test func calibrationOfRightAndWrongVariances() throws {
    let table = sample(trajectories(20, noise: 0.5))
    let units = Units([table])
    func calibration(_ variance: Float) throws -> Calibration {
      try #require(
        Calibration(OneStepErrors(LinearModel(DiagnosisTests.matrix, variance: variance), table, units).places))
    }
    let (right, sure, unsure) = (try calibration(0.25), try calibration(0.01), try calibration(25))
    #expect(right.error < 0.02 && abs(right.coverage - 0.9) < 0.02)
    #expect(sure.coverage < 0.4 && sure.error > 0.15)
    #expect(unsure.coverage == 1 && unsure.error > 0.15)
    #expect(right.expected.first == 0.05 && right.expected.last == 0.95 && right.observed.count == 19)
    #expect(Calibration([]) == nil)
  }

  @Test func jacobiansOfALinearModel() throws {
    let table = sample(trajectories())
    let units = Units([table])
    let local = LocalLipschitz(LinearModel(DiagnosisTests.matrix, misses: [0.4, 0]), table, units)
    let (x, y) = (units.deviations[0], units.deviations[1])
    let (a, b, d) = (0.9, 0.2 * y / x, 0.8)
    // Largest singular value of [[a, b], [0, d]].
    let (sum, product) = (a * a + b * b + d * d, a * d)
    let expected = ((sum + (sum * sum - 4 * product * product).squareRoot()) / 2).squareRoot()
    #expect(local.values.count == 64)
    let high = try #require(local.high)
    #expect(abs(high - expected) < 1e-3)
    #expect(abs(LocalLipschitz.largestSingularValue([[3, 0], [4, 0]]) - 5) < 1e-9)
    #expect(LocalLipschitz.largestSingularValue([[0, 0], [0, 0]]) == 0)
  }

  @Test func openLoopErrorsGrowAsTheDynamicsSay() throws {
    let episodes = trajectories()
    let units = Units([sample(episodes)])
    let model = LinearModel(DiagnosisTests.matrix, misses: [0.1])
    let errors = try #require(
      OpenLoopErrors(
        EnsembleForecaster(model, DiagnosisTests.specification), episodes, units, horizon: 10, most: 30,
        progress: { _, _ in }))
    // e(k + 1) = M e(k) + miss.
    var expected: [Float] = [0, 0]
    for step in 0..<10 {
      expected = LinearModel(DiagnosisTests.matrix).next(expected, 0.1)
      for column in 0..<2 { #expect(abs(errors.columns[step][column] - Double(expected[column])) < 1e-4) }
      #expect(abs(errors.mean[step] - errors.high[step]) < 1e-4)
      #expect(abs(errors.reward[step] - Double(expected[0])) < 1e-4)
    }
    #expect(errors.moments == 30 && errors.returns.count == 30)
    #expect(errors.firstStep(above: errors.mean[3] + 1e-6) == 5 && errors.firstStep(above: 100) == nil)
    #expect(0.7...1.1 ~= (try #require(errors.growth)))
    #expect(
      OpenLoopErrors(
        EnsembleForecaster(model, DiagnosisTests.specification), episodes, units, horizon: 51, most: 30,
        progress: { _, _ in }) == nil)
  }

  /// Of two members that miss by nothing and by .2 half of the errors are 0: their mean is half of what 95 % are below.
  @Test func mostErrorsAreBelowTheHighOnes() throws {
    let episodes = trajectories()
    let model = LinearModel(DiagnosisTests.matrix, misses: [0, 0.2])
    let errors = try #require(
      OpenLoopErrors(
        EnsembleForecaster(model, DiagnosisTests.specification), episodes,
        Units([sample(episodes)]), horizon: 1, most: 30, progress: { _, _ in }))
    #expect(abs(errors.high[0] - 2 * errors.mean[0]) < 1e-6 && errors.mean[0] > 0)
  }

  /// A model that promises 1 a step and ends after three, whatever is done; in truth five steps give a half each.
  private final class CountingModel: DynamicsModel {
    func advance(_ step: ImaginedStep, by members: MemberChoice, noise: RandomStream) {
      for row in 0..<step.count {
        for column in 0..<2 { step.next[row, column] = step.state[row, column] + 1 }
        (step.reward[row, 0], step.ended[row, 0]) = (1, step.next[row, 0] >= 3 ? 1 : 0)
      }
    }
    var tables: [TableDeclaration] { [] }
    func fit(_ replay: Replay, _ metrics: inout Metrics) throws -> ModelFitSummary { throw InterruptedError() }
    func makeScorer(_ settings: RolloutSettings) -> any PlanScorer { fatalError("nobody plans here") }
    func meanPredictions(observation: [Float], action: [Float]) -> [[Float]] { [] }
    var facts: [(name: String, value: String)] { [] }
    func archive(_ archive: Archive) throws {}
  }

  @Test func promisesAndWhatComes() throws {
    let text = """
      {"environment": {"id": "Pendulum-v1"}, "agent": {"type": "random"}, "training": {"environmentSteps": 1}}
      """
    let file = try ExperimentFile.read(try JSONParser.parse(text), name: "random", source: "random")
    let agent = try RunLoop(file.configuration, seed: 0, threads: 1).agent
    func trajectory(_ steps: Int, isTerminated: Bool) -> Trajectory {
      var trajectory = Trajectory(DiagnosisTests.specification)
      trajectory.observations = [Float](repeating: 0, count: 2 * (steps + 1))
      trajectory.actions = [Float](repeating: 0, count: steps)
      trajectory.rewards = [Double](repeating: 0.5, count: steps)
      trajectory.isTerminated = isTerminated
      return trajectory
    }
    func promised(_ trajectory: Trajectory, most: Int = 9) throws -> PromisedReturn? {
      try PromisedReturn(
        agent, CountingModel(), DiagnosisTests.specification, [trajectory], steps: 5, most: most,
        progress: { _, _ in })
    }
    // From each of the four states that are followed by five steps.
    let cut = try #require(try promised(trajectory(8, isTerminated: false)))
    #expect(cut.pairs.count == 4 && cut.said == 3 && cut.real == 2.5 && cut.steps == 5)
    #expect(try promised(trajectory(8, isTerminated: false), most: 2)?.pairs.count == 2)
    // Where the task ended, what is left is all that there was to get: of eight states the last four have 4 to 1 steps.
    let ended = try #require(try promised(trajectory(8, isTerminated: true)))
    #expect(ended.pairs.count == 8 && ended.said == 3 && ended.real == (4 * 2.5 + 2 + 1.5 + 1 + 0.5) / 8)
    #expect(try promised(trajectory(4, isTerminated: false)) == nil)
  }

  @Test func rankCorrelations() throws {
    #expect(rankCorrelation([1, 2, 3, 4], [10, 20, 25, 1000]) == 1)
    #expect(rankCorrelation([1, 2, 3, 4], [4, 3, 2, 1]) == -1)
    // scipy.stats.spearmanr([1, 2, 2, 3, 5], [2, 1, 4, 4, 5])
    let tied = try #require(rankCorrelation([1, 2, 2, 3, 5], [2, 1, 4, 4, 5]))
    #expect(abs(tied - 0.763157894736842) < 1e-12)
    #expect(rankCorrelation([1, 1, 1], [1, 2, 3]) == nil && rankCorrelation([1, 2], [1, 2]) == nil)
  }

  @Test func regionsAndNovelty() throws {
    let episodes = trajectories(8)
    let table = sample(episodes)
    let units = Units([table])
    // All error where the first column is above 0.5.
    let errors = (0..<table.count).map { table.observation($0).first! > 0.5 ? 1.0 : 0.1 }
    let worst = try #require(StateRegions(table, errors, units).worst)
    #expect(worst.column == 0 && worst.high > 0.5 && worst.ratio > 1.5)
    #expect(StateRegions(table, errors.map { _ in 0 }, units).worst == nil)
    #expect(try #require(novelty(of: table, to: table, units)) == 0)
    let far = sample(episodes.map { $0.moved(by: 30) })
    #expect(try #require(novelty(of: far, to: table, units)) > 20)
  }
}

extension Trajectory {
  fileprivate var withoutActions: Trajectory {
    var copy = self
    copy.actions = copy.actions.map { _ in 0 }
    return copy
  }

  fileprivate func moved(by distance: Float) -> Trajectory {
    var copy = self
    copy.observations = copy.observations.map { $0 + distance }
    return copy
  }
}
