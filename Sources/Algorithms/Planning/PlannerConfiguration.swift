import Environments
import Support

/// The section `planner`: how plans are searched, and how they are imagined.
package struct PlannerConfiguration: Configurable {
  package enum Model: String, CaseIterable, Sendable { case learned, `true` }

  /// "type", and what the search itself needs.
  package var optimizer = Variant<PlanOptimizers>()
  /// What imagines the plans: the learned model, or the environment itself (to tell planner faults from model faults).
  package var model = Model.learned
  package var rollout = RolloutSettings()
  /// A new plan every so many steps; in between the last plan is followed.
  package var replanEvery = 1

  package init() {}

  package mutating func declare(_ fields: Fields) {
    var (model, rollout, replanEvery) = (model, rollout, replanEvery)
    optimizer.declare(fields) {
      fields.choice("model", &model, "what imagines the plans: the learned model or the true environment")
      fields.choice(
        "precision", &rollout.precision,
        "in what imagined networks multiply: bfloat16 is near twice as fast with AVX512_BF16, slower elsewhere, same "
          + "bytes")
      fields.integer("horizon", &rollout.horizon, in: 1...10_000, "steps planned ahead")
      fields.choice(
        "propagation", &rollout.propagation,
        "how particles move: ts1 draws a member at every step, tsinf keeps one, ds draws from one normal with mean and "
          + "variance of all, expectation follows the mean")
      fields.integer("particles", &rollout.particles, in: 1...10_000, "imagined trajectories per plan")
      fields.integer("replanEvery", &replanEvery, in: 1...10_000, "environment steps between plans")
      if replanEvery > rollout.horizon {
        fields.fault("replanEvery", "\(replanEvery) is more than the horizon of \(rollout.horizon)")
      }
      fields.number("pessimism", &rollout.pessimism, in: 0...1e9, "penalty per unit of ensemble disagreement (lambda)")
      fields.number("discount", &rollout.discount, in: 0...1, "discount per imagined step")
    }
    (self.model, self.rollout, self.replanEvery) = (model, rollout, replanEvery)
    let needsGradients = optimizer.settings.needsGradients
    if needsGradients && model == .true {
      fields.fault("model", "the gradient planner needs gradients, so the learned model; use another planner.type")
    }
    if rollout.precision == .bfloat16 && model == .true {
      fields.fault("precision", "with planner.model \"true\" no network imagines; use \"float32\"")
    }
    if rollout.precision == .bfloat16 && needsGradients {
      fields.fault(
        "precision",
        "the gradient planner differentiates through the float32 networks; use \"float32\", or another "
          + "planner.type")
    }
  }

  /// Declares the section on the experiment's fields with its standard settings.
  static func declareSection(_ experiment: Fields, _ name: String) {
    var planner = PlannerConfiguration()
    experiment.section(name, &planner, chooser: "type", help)
  }

  static let help = "how actions are searched in imagination"

  /// Warns of settings that nothing reads.
  func warn(_ task: EnvironmentDescription, _ fields: Fields) {
    if model == .true {
      for name in ["propagation", "particles", "pessimism"] {
        fields.unused("planner.\(name)", because: "planner.model \"true\" imagines with the environment itself")
      }
    } else if optimizer.settings.needsGradients {
      for name in ["propagation", "particles", "pessimism"] {
        fields.unused("planner.\(name)", because: "the gradient planner follows the mean prediction")
      }
    } else if rollout.propagation == .expectation {
      fields.unused("planner.particles", because: "planner.propagation \"expectation\" moves one particle per plan")
    }
    optimizer.settings.warn(task.specification.actionSpace, fields)
  }

  /// Reports what does not suit the task.
  func check(_ task: EnvironmentDescription, _ fields: Fields) {
    if model == .true && !task.canBeCopied {
      fields.fault(
        "planner.model",
        "\(task.specification.id) cannot be copied, so nothing can be imagined with it; use \"learned\"")
    }
  }
}
