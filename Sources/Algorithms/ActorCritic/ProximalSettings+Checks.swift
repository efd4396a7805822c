import Environments
import Neural
import Support

/// What is known of a run before it starts.
extension ProximalSettings {
  /// Why these agents cannot learn a task; nil where they can.
  package func misfit(_ task: EnvironmentDescription) -> String? { DynamicsModels.misfit(task) }

  /// Warns of settings that nothing reads, and of runs in which nothing will be learned.
  package func warn(_ task: EnvironmentDescription, lanes: Int, steps: Int, _ fields: Fields) {
    func unused(_ names: String..., because reason: String) {
      for name in names { fields.unused("agent.\(name)", because: reason) }
    }
    if task.specification.observationSpace.isImage {
      unused("normalizesObservations", "observationLimit", because: "pictures are seen as shares of 255")
    } else if !normalizesObservations {
      unused("observationLimit", because: "agent.normalizesObservations is false")
    }
    if !normalizesRewards { unused("rewardLimit", because: "agent.normalizesRewards is false") }
    if network.start == .uniform {
      unused("hiddenGain", "policyGain", "valueGain", because: "agent.initialization is not \"orthogonal\"")
    }
    network.convolutions.warn(task, fields)
    let plan = ActorCriticPlan(network, task.specification.observationSpace)
    if !plan.convolutions.isEmpty {
      unused("hiddenSizes", "activation", because: "pictures are seen through agent.convolutions")
    } else if network.hiddenSizes.isEmpty {
      unused("activation", "hiddenGain", because: "there is no hidden layer")
    }
    if task.specification.actionSpace.isDiscrete {
      unused("logDeviation", "exploration", "explorationEvery", because: "discrete actions have no deviation")
    } else if network.exploration == .independent {
      unused("explorationEvery", because: "agent.exploration is \"independent\"")
    }
    if steps / lanes < rolloutLength {
      let each = lanes > 1 ? " steps of each of the \(lanes) environments" : ""
      fields.warn(
        "agent.rolloutLength",
        "nothing will be learned: the run ends at step \(steps), before the first \(rolloutLength)\(each)")
    } else if learningRate.isZero {
      fields.warn("agent.learningRate", "nothing will be learned: it is 0 from the first step to the last")
    }
  }

  /// What a rollout, the networks and their updates hold in memory.
  package func memory(_ task: EnvironmentDescription, lanes: Int) -> MemoryNeed {
    let (space, actions) = (task.specification.observationSpace, task.specification.actionSpace.columns)
    let plan = ActorCriticPlan(network, space)
    let parameters = plan.parameterCount(actions: actions)
    let row = ObservationRows.bytes(1, of: space) + 4 * (actions + 8)
    var need = MemoryNeed()
    need.add(
      "rollout: agent.rolloutLength \(rolloutLength) × training.environments \(lanes)",
      bytes: rolloutLength, lanes, row)
    need.add("the rollout once more while a checkpoint is written", bytes: rolloutLength, lanes, row)
    let source = plan.convolutions.isEmpty ? "agent.hiddenSizes" : "agent.convolutions"
    // Values, gradients, two moments, and all but the gradients in a checkpoint.
    need.add("policy and values: \(parameters) parameters (\(source))", bytes: parameters, 7, 4)
    let rows = min(batchSize, MemoryNeed.product(rolloutLength, lanes))
    need.add(
      "updates: agent.batchSize \(rows) × all layers", bytes: rows, plan.numbersPerRow(actions: actions), 4)
    return need
  }
}
