import Environments
import Support

extension MBPO {
  /// The section `agent`, and `model`.
  package struct Configuration: AgentConfiguration {
    package var learning = ModelLearner.Settings(
      initialRandomSteps: 5000, fitEvery: 250, replayCapacity: 1_000_000)
    /// Rollouts of one round (step 3).
    package var rolloutStarts = 100_000
    package var rolloutLength = RolloutLength()
    /// Rounds of rollouts that the buffer holds.
    package var retainedRounds = 4
    package var realRatio = 0.05
    package var trust = RolloutTrust()
    package var updatesPerStep = 20
    package var valueExpansion = ValueExpansion.Settings()
    package var policy = SoftActorCriticSettings()
    /// The section `model`.
    package var model = Variant<DynamicsModels>("ensemble", Configuration.authorsEnsemble)

    private static var authorsEnsemble: EnsembleDynamics.Configuration {
      var model = EnsembleDynamics.Configuration()
      (model.ensembleSize, model.elites, model.hiddenSizes) = (7, 5, [200, 200, 200, 200])
      model.weightDecay = [5e-5]
      (model.batchSize, model.epochs, model.holdout) = (256, 1000, 0.2)
      model.reward = .learned
      return model
    }

    package init() {}

    package mutating func declare(_ fields: Fields) {
      learning.declare(fields)
      fields.integer(
        "mostFits", &learning.mostFits, in: 0...1_000_000_000,
        "model fits of a run, at most; rollouts go on every fitEvery steps; 0: no limit")
      fields.integer(
        "rolloutStarts", &rolloutStarts, in: 0...10_000_000, "imagined rollouts after every fit; 0: only real data")
      fields.section("rolloutLength", &rolloutLength, "imagined steps of a rollout in the course of the run")
      fields.integer(
        "retainedRounds", &retainedRounds, in: 1...10_000,
        "rounds of rollouts that the buffer holds; more, where they end early")
      fields.section("trust", &trust, "what of the imagined is believed where the model's members disagree")
      fields.number("realRatio", &realRatio, in: 0...1, "share of real transitions in every minibatch")
      fields.integer("updatesPerStep", &updatesPerStep, in: 0...1000, "updates of the policy per environment step")
      policy.declare(fields)
      fields.section(
        "valueExpansion", &valueExpansion, chooser: "type", "imagined steps in the critics' targets (MVE, STEVE)")
    }

    package mutating func declareSections(_ experiment: Fields) {
      experiment.section("model", &model, chooser: "type", "the learned model of the dynamics")
    }

    package func misfit(_ task: EnvironmentDescription) -> String? { policy.misfit(task) }

    package func check(_ task: EnvironmentDescription, _ fields: Fields) {
      model.settings.check(task, fields)
      let (rows, overflow) = (rolloutStarts * retainedRounds).multipliedReportingOverflow(by: rolloutLength.longest)
      if !trust.needingDisagreement.isEmpty && !model.settings.hasDisagreement {
        fields.fault(
          "agent.trust",
          "one network has nobody to disagree with; \(RolloutTrust.remedy(trust.needingDisagreement)), or "
            + "\(model.settings.disagreementRemedy), say")
      }
      if !trust.needingVariance.isEmpty && !model.settings.hasVariance {
        fields.fault(
          "agent.trust",
          "a model without variance has no bits to lose, no deviation and no normals to compare; "
            + "\(RolloutTrust.remedy(trust.needingVariance)), or model.kind to \"probabilistic\"")
      }
      valueExpansion.check(
        members: model.settings.hasDisagreement, critics: policy.criticSettings.count, fields)
      if overflow || rows > Int(Int32.max) {
        fields.fault("agent.rolloutStarts", "rollouts × length × rounds retained are more rows than a buffer can hold")
      }
    }

    package func warn(_ task: EnvironmentDescription, lanes: Int, steps: Int, _ fields: Fields) {
      policy.warn(task.specification.actionSpace, replayCapacity: learning.replayCapacity, fields)
      valueExpansion.warn(fields)
      trust.warn(fields)
      if rolloutStarts == 0 {
        for name in ["rolloutLength", "retainedRounds", "realRatio", "trust"] {
          fields.unused("agent.\(name)", because: "with agent.rolloutStarts 0 nothing is imagined to learn from")
        }
      }
      if rolloutStarts > 0 && realRatio == 1 {
        for name in ["rolloutStarts", "rolloutLength", "retainedRounds", "trust"] {
          fields.unused("agent.\(name)", because: "with agent.realRatio 1 nothing imagined is learned from")
        }
      }
      if rolloutLength.from == rolloutLength.to && rolloutLength.first != rolloutLength.last && rolloutLength.to == 0 {
        fields.unused(
          "agent.rolloutLength.first", because: "agent.rolloutLength.to is 0: the length is \"last\" from the start")
      }
      if rolloutLength.first == rolloutLength.last {
        for name in ["from", "to"] {
          fields.unused("agent.rolloutLength.\(name)", because: "the length stays the same")
        }
      }
      model.settings.warn(replayCapacity: learning.replayCapacity, fields)
      if updatesPerStep == 0 { fields.warn("agent.updatesPerStep", "no policy will be learned") }
      learning.warn(steps: steps, fields)
    }

    package func memory(_ task: EnvironmentDescription, lanes: Int, steps: Int) -> MemoryNeed {
      let (size, actions) = (task.specification.observationSpace.size, task.specification.actionSpace.columns)
      let columns = 2 * size + actions + (trust.weight == .none ? 4 : 5)
      var need = learning.memory(task, steps: steps)
      need.add(policy.memory(task))
      need.add(
        model.settings.memory(task, transitions: learning.transitions(steps: steps), differentiatedRows: 0))
      need.add(
        "imagined transitions: agent.rolloutStarts \(rolloutStarts) × agent.retainedRounds \(retainedRounds) × "
          + "agent.rolloutLength \(rolloutLength.longest)",
        bytes: rolloutStarts, retainedRounds, rolloutLength.longest, columns, 4)
      need.add(
        "imagined transitions once more while a checkpoint is written", bytes: rolloutStarts, retainedRounds,
        rolloutLength.longest, columns, 4)
      need.add(valueExpansion.memory(policy, model.settings, task))
      return need
    }

    /// What to try where the policy lives on its model's errors: what there is, and is not so already.
    package var adviceOnPromises: [String] {
      let imagines = rolloutStarts > 0 && realRatio < 1
      return
        (imagines && trust.penalty == .none && model.settings.hasDisagreement
        ? ["agent.trust.penalty=disagreement"] : [])
        + (imagines && rolloutLength.longest > 1 ? ["a shorter agent.rolloutLength"] : [])
        + learning.moreFits + ["more networks (model.ensembleSize)"]
    }

    /// Whether the policy learns from the model at all.
    package var learnsFromModel: Bool {
      rolloutStarts > 0 && realRatio < 1 || valueExpansion.kind != .none
    }

    package func makeAgent(_ context: AgentContext) throws -> any Agent { MBPO(self, context) }
  }
}
