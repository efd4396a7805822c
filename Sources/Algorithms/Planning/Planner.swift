import Environments
import Support

/// One kind of planner that a configuration can name.
package struct PlannerEntry: Sendable {
  /// "cem": the value of `planner.type`.
  package var name: String
  package var summary: String
  package var makeConfiguration: @Sendable () -> any PlanOptimizerConfiguration
}

/// Every planner; a new one is one file and one line here.
package enum PlannerRegistry {
  package static let entries: [PlannerEntry] = [
    PlannerEntry(
      name: "cem", summary: "cross-entropy method, truncated normal (PETS)",
      makeConfiguration: { CrossEntropyMethod.Configuration() }),
    PlannerEntry(
      name: "icem", summary: "cross-entropy method with coloured noise and kept elites",
      makeConfiguration: { ImprovedCrossEntropyMethod.Configuration() }),
    PlannerEntry(
      name: "mppi", summary: "path integral control: exponentially weighted sequences",
      makeConfiguration: { PathIntegral.Configuration() }),
    PlannerEntry(
      name: "random-shooting", summary: "uniform sequences, the best one is taken",
      makeConfiguration: { RandomShooting.Configuration() }),
    PlannerEntry(
      name: "gradient", summary: "gradient ascent on the actions through the learned model",
      makeConfiguration: { GradientShooting.Configuration() }),
  ]

  package static func entry(_ name: String) -> PlannerEntry? { entries.first { $0.name == name } }
}

/// How a learned ensemble carries a plan's particles through time.
package enum Propagation: String, CaseIterable, Sendable {
  /// One particle per plan; every step is the mean of all elites' mean predictions.
  case expectation
  /// Trajectory sampling; every particle draws its member anew at every step, members evenly used.
  case ts1
  /// Trajectory sampling; every particle keeps its member for the whole plan (TS∞).
  case tsInfinity = "tsinf"
  /// Distribution sampling: after each step a plan's particles are redrawn from the normal with their mean and variance.
  case distribution = "ds"
}

/// The section `planner`.
package struct PlannerConfiguration: Configurable {
  package enum Model: String, CaseIterable, Sendable { case learned, `true` }
  package enum Precision: String, CaseIterable, Sendable { case float32, bfloat16 }

  package var type = "cem"
  package var optimizer: any PlanOptimizerConfiguration = CrossEntropyMethod.Configuration()
  /// What imagines the plans: the learned model, or the environment itself (to tell planner faults from model faults).
  package var model = Model.learned
  /// In what the learned networks multiply while they imagine. Training and everything else stay in float32.
  package var precision = Precision.float32
  /// Steps planned ahead.
  package var horizon = 25
  package var propagation = Propagation.tsInfinity
  /// Imagined trajectories per plan.
  package var particles = 20
  /// A new plan every so many steps; in between the last plan is followed.
  package var replanEvery = 1
  /// λ in reward − λ·σ, σ the ensemble's disagreement at the state and action.
  package var pessimism = 0.0
  /// Weight of a reward one step later against one now.
  package var discount = 1.0

  package init() {}

  package mutating func declare(_ fields: Fields) {
    let isKnown = fields.choice(
      "type", &type, from: PlannerRegistry.entries.map(\.name), "how action sequences are searched")
    if optimizerType != type {
      optimizer = PlannerRegistry.entry(type)!.makeConfiguration()
      optimizerType = type
    }
    fields.choice("model", &model, "what imagines the plans: the learned model or the true environment")
    fields.choice(
      "precision", &precision,
      "in what imagined networks multiply: bfloat16 is near twice as fast with AVX512_BF16, slower elsewhere, same bytes"
    )
    fields.integer("horizon", &horizon, in: 1...10_000, "steps planned ahead")
    fields.choice("propagation", &propagation, "how particles move through the ensemble")
    fields.integer("particles", &particles, in: 1...10_000, "imagined trajectories per plan")
    fields.integer("replanEvery", &replanEvery, in: 1...10_000, "environment steps between plans")
    if replanEvery > horizon { fields.fault("replanEvery", "\(replanEvery) is more than the horizon of \(horizon)") }
    fields.number("pessimism", &pessimism, in: 0...1e9, "penalty per unit of ensemble disagreement (lambda)")
    fields.number("discount", &discount, in: 0...1, "discount per imagined step")
    if isKnown { optimizer.declare(fields) } else { fields.tolerateUnknownKeys() }
    if type == "gradient" && model == .true {
      fields.fault("model", "the gradient planner needs gradients, so the learned model; use another planner.type")
    }
    if precision == .bfloat16 && model == .true {
      fields.fault("precision", "with planner.model \"true\" no network imagines; use \"float32\"")
    }
    if precision == .bfloat16 && type == "gradient" {
      fields.fault(
        "precision",
        "the gradient planner differentiates through the float32 networks; use \"float32\", or another "
          + "planner.type")
    }
  }

  /// The type that `optimizer` was made for.
  private var optimizerType = "cem"

  /// Chooses a planner type with its default settings.
  package mutating func select(_ name: String) {
    type = name
    optimizerType = name
    optimizer = PlannerRegistry.entry(name)!.makeConfiguration()
  }
}

/// Scores plans by imagining them.
package protocol TrajectoryEvaluator: AnyObject {
  /// Takes in where imagination starts.
  func begin(in situation: Situation)
  /// returns[i] = predicted return of plan i. Plans [population, horizon, columns]; noise comes from `random` and
  /// `iteration` only.
  func evaluate(
    _ plans: UnsafePointer<Float>, population: Int, iteration: Int, random: RandomStream,
    returns: UnsafeMutablePointer<Float>) throws
  /// Whether `differentiate` works.
  var hasGradients: Bool { get }
  /// Also gradients[i] = d(return i)/d(plan i).
  func differentiate(
    _ plans: UnsafePointer<Float>, population: Int, iteration: Int, random: RandomStream,
    gradients: UnsafeMutablePointer<Float>, returns: UnsafeMutablePointer<Float>) throws
}

/// An evaluator as a plan's problem calls it, with the noise of the present plan: made once, for closures that are made
/// for every plan would each take memory.
private final class PlanScoring {
  let evaluator: any TrajectoryEvaluator
  var noise = RandomStream(seed: 0)
  private(set) var evaluate: (UnsafePointer<Float>, Int, Int, UnsafeMutablePointer<Float>) throws -> Void = {
    _, _, _, _ in
  }
  private(set) var differentiate:
    ((UnsafePointer<Float>, Int, Int, UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>) throws -> Void)?

  init(_ evaluator: any TrajectoryEvaluator) {
    self.evaluator = evaluator
    evaluate = { [unowned self] plans, population, iteration, returns in
      try evaluator.evaluate(plans, population: population, iteration: iteration, random: noise, returns: returns)
    }
    guard evaluator.hasGradients else { return }
    differentiate = { [unowned self] plans, population, iteration, gradients, returns in
      try evaluator.differentiate(
        plans, population: population, iteration: iteration, random: noise, gradients: gradients, returns: returns)
    }
  }
}

/// Model-predictive control: plan, execute the first action(s), plan again.
package final class PlanningController: ArchivableObject {
  private let space: ActionSpace
  private let horizon: Int
  private let replanEvery: Int
  private let optimizer: any PlanOptimizer
  private let scoring: PlanScoring
  private let plan: FloatBuffer
  private let action: FloatBuffer
  /// Actions of the present plan that were taken; equal to `replanEvery` when a new plan is due.
  private var taken: Int
  /// Plans made in this episode.
  private var plansMade = 0
  private var random: RandomStream
  /// Predicted return of the last plan.
  package private(set) var plannedReturn: Float?

  package init(
    _ configuration: PlannerConfiguration, space: ActionSpace, evaluator: any TrajectoryEvaluator,
    random: RandomStream
  ) {
    self.space = space
    horizon = configuration.horizon
    replanEvery = configuration.replanEvery
    optimizer = configuration.optimizer.makeOptimizer(horizon: configuration.horizon, space: space)
    scoring = PlanScoring(evaluator)
    self.random = random
    plan = FloatBuffer(count: configuration.horizon * space.columns)
    action = FloatBuffer(count: space.columns)
    taken = configuration.replanEvery
  }

  /// Forgets the last episode: planner state never crosses an episode's end.
  package func beginEpisode(_ random: RandomStream) {
    self.random = random
    optimizer.reset()
    taken = replanEvery
    plansMade = 0
  }

  /// The next action; plans where one is due. A vector stays valid until the next call.
  /// - Throws: `InterruptedError`, with everything as it was before; `DivergedError`.
  package func act(in situation: Situation) throws -> Action {
    if taken >= replanEvery {
      try makePlan(in: situation)
      plansMade += 1
      taken = 0
    }
    let row = plan.base + taken * space.columns
    action.base.update(from: row, count: space.columns)
    taken += 1
    if taken == replanEvery { optimizer.shift(by: replanEvery) }
    switch space {
    case .discrete(let count):
      return .discrete((0..<count).first { action[$0] == 1 } ?? 0)
    case .box:
      return .continuous(action.readOnly)
    }
  }

  private func makePlan(in situation: Situation) throws {
    scoring.evaluator.begin(in: situation)
    scoring.noise = random.stream("imagination").stream(UInt64(plansMade))
    var problem = PlanProblem(
      horizon: horizon, space: space, random: random.stream("proposals").stream(UInt64(plansMade)),
      evaluate: scoring.evaluate, differentiate: scoring.differentiate)
    plannedReturn = try optimizer.optimize(&problem, into: plan.memory)
    guard plan.memory.allSatisfy(\.isFinite), plannedReturn?.isFinite ?? true else {
      throw DivergedError(quantity: "the planned return (every imagined trajectory)")
    }
  }

  package func archive(_ archive: Archive) throws {
    try archive.part("random", &random)
    try archive.value("taken", &taken)
    try archive.value("plans_made", &plansMade)
    try archive.buffer("plan", plan.memory, shape: [horizon, space.columns])
    try archive.part("optimizer", optimizer)
    guard (0...replanEvery).contains(taken) else { throw ArchiveError.malformed("taken", String(taken)) }
  }
}
