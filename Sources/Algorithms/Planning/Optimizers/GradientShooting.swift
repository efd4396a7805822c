import CKernels
import Environments
import Foundation
import Support

/// Gradient-based shooting: improve several action sequences by ascending the imagined return's gradient through the
/// model.
///
/// 1. Start from the shifted last plan and `restarts` − 1 noisy copies of it (at an episode's start: around mid-range).
/// 2. `iterations` times: backpropagate the return through the model to the actions; Adam's step on an unbounded
///    parameter u with action = middle + half range·tanh(u), so that actions stay within the bounds.
/// 3. The plan is the best sequence seen.
///
/// Discrete actions: u are logits and the model sees their softmax; the plan is the most probable category per step.
///
/// Source: the standard shooting method through a differentiable model (e.g. Bharadhwaj et al. 2020, "Model-predictive
/// control via cross-entropy and gradient-based optimization").
package final class GradientShooting: PlanOptimizer {
  package struct Configuration: PlanOptimizerConfiguration {
    /// Sequences improved side by side.
    package var restarts = 16
    package var iterations = 20
    /// Adam's step on the unbounded parameters.
    package var learningRate = 0.1
    /// Standard deviation of the restarts' noise on the unbounded parameters.
    package var noise = 0.5

    package init() {}
    package mutating func declare(_ fields: Fields) {
      fields.integer("restarts", &restarts, in: 1...100_000, "sequences improved side by side")
      fields.integer("iterations", &iterations, in: 1...10_000, "gradient steps per plan")
      fields.number("learningRate", &learningRate, in: 0...100, aboveLowerBound: true, "Adam's step size")
      fields.number("noise", &noise, in: 0...100, "deviation of the restarts around the last plan")
    }
    package var sequencesPerPlan: Int? { restarts * iterations }
    package var differentiatedPlans: Int { restarts }
    package func warn(_ space: ActionSpace, _ fields: Fields) {
      if restarts == 1 { fields.unused("planner.noise", because: "one sequence starts from the last plan itself") }
    }
    package func memory(horizon: Int, space: ActionSpace) -> MemoryNeed {
      var need = MemoryNeed()
      need.add(
        "plans: planner.restarts \(restarts) × planner.horizon \(horizon)", bytes: restarts, horizon, space.columns, 24)
      return need
    }
    package func makeOptimizer(horizon: Int, space: ActionSpace) -> any PlanOptimizer {
      GradientShooting(self, horizon: horizon, space: space)
    }
  }

  private let configuration: Configuration
  private let space: ActionSpace
  private let bounds: PlanBounds
  private let horizon: Int
  /// u of the kept plan [horizon, columns].
  private let kept: FloatBuffer
  private let parameters: FloatBuffer
  private let plans: FloatBuffer
  private let gradients: FloatBuffer
  /// Of the unbounded parameters, downhill.
  private let slopes: FloatBuffer
  private let firstMoment: FloatBuffer
  private let secondMoment: FloatBuffer
  private let returns: FloatBuffer
  private let best: FloatBuffer

  package init(_ configuration: Configuration, horizon: Int, space: ActionSpace) {
    self.configuration = configuration
    self.space = space
    self.horizon = horizon
    bounds = PlanBounds(space)
    let planSize = horizon * space.columns
    let total = configuration.restarts * planSize
    kept = FloatBuffer(count: planSize)
    best = FloatBuffer(count: planSize)
    parameters = FloatBuffer(count: total)
    plans = FloatBuffer(count: total)
    gradients = FloatBuffer(count: total)
    slopes = FloatBuffer(count: total)
    firstMoment = FloatBuffer(count: total)
    secondMoment = FloatBuffer(count: total)
    returns = FloatBuffer(count: configuration.restarts)
  }

  package func reset() { kept.memory.update(repeating: 0) }

  package func optimize(_ problem: inout PlanProblem, into plan: MutableRows) throws -> Float? {
    let planSize = problem.planSize
    problem.random.fillNormal(parameters.memory)  // step 1
    for index in 0..<parameters.count {
      let noise = index < planSize ? 0 : Float(configuration.noise) * parameters[index]
      parameters[index] = kept[index % planSize] + noise
    }
    firstMoment.memory.update(repeating: 0)
    secondMoment.memory.update(repeating: 0)
    var bestReturn = -Float.infinity
    best.base.update(from: kept.base, count: planSize)
    for iteration in 0..<configuration.iterations {  // step 2
      decode()
      try problem.scorer.differentiate(
        view(plans), iteration: iteration, noise: problem.noise, gradients: view(gradients), into: returns.memory)
      PlanMath.replaceNaN(returns.memory)
      var leader = 0
      for candidate in 1..<max(returns.count, 1) where returns[candidate] > returns[leader] { leader = candidate }
      if returns[leader] > bestReturn {
        bestReturn = returns[leader]
        best.base.update(from: parameters.base + leader * planSize, count: planSize)
      }
      ascend(step: iteration + 1)
    }
    kept.base.update(from: best.base, count: planSize)  // step 3
    parameters.base.update(from: best.base, count: planSize)
    decode()
    if space.isDiscrete {
      PlanMath.mode(probabilities: plans.base, rows: horizon, count: space.columns, into: plan.base)
    } else {
      plan.base.update(from: plans.base, count: planSize)
    }
    return bestReturn
  }

  /// Actions from the unbounded parameters.
  private func decode() {
    let columns = space.columns
    if space.isDiscrete {
      for row in 0..<(parameters.count / columns) {
        let logits = parameters.base + row * columns
        var largest = logits[0]
        for column in 1..<columns { largest = max(largest, logits[column]) }
        var total: Float = 0
        for column in 0..<columns {
          plans[row * columns + column] = exp(logits[column] - largest)
          total += plans[row * columns + column]
        }
        for column in 0..<columns { plans[row * columns + column] /= total }
      }
    } else {
      for index in 0..<parameters.count {
        let column = index % columns
        let half = (bounds.high[column] - bounds.low[column]) / 2
        plans[index] = bounds.clamp(bounds.middle(column) + half * tanh(parameters[index]), column)
      }
    }
  }

  private func view(_ memory: FloatBuffer) -> Plans {
    Plans(memory.base, population: configuration.restarts, horizon: horizon, columns: space.columns)
  }

  /// Adam's step uphill on the unbounded parameters.
  private func ascend(step: Int) {
    let columns = space.columns
    for index in 0..<parameters.count {
      let column = index % columns
      var slope: Float
      if space.isDiscrete {
        let row = index - column
        var inner: Float = 0
        for other in 0..<columns { inner += plans[row + other] * gradients[row + other] }
        slope = plans[index] * (gradients[index] - inner)
      } else {
        let half = (bounds.high[column] - bounds.low[column]) / 2
        let bounded = tanh(parameters[index])
        slope = gradients[index] * half * (1 - bounded * bounded)
      }
      slopes[index] = slope.isFinite ? -slope : 0  // Adam descends
    }
    var adam = ck_adam(
      learning_rate: Float(configuration.learningRate), beta1: 0.9, beta2: 0.999, epsilon: 1e-8, coupled_decay: 0,
      decoupled_decay: 0, gradient_scale: 1, step: Int64(step))
    ck_adam_step(
      &adam, Int64(parameters.count), parameters.base, slopes.base, firstMoment.base, secondMoment.base)
  }

  package func shift(by steps: Int) {
    let columns = space.columns
    PlanMath.shiftRepeatingLast(kept.memory, columns: columns, by: steps)
  }

  package func archive(_ archive: Archive) throws {
    try archive.buffer("kept", kept.memory, shape: [horizon, space.columns])
  }
}
