import Environments
import Support

/// What every agent does that learns a model: it acts at random for a while, keeps what really happened, and fits the
/// model to it again and again.
package final class ModelLearner: ArchivableObject {
  /// Settings that stand in the agent's own section.
  package struct Settings: Sendable {
    /// Environment steps before the first fit.
    package var initialRandomSteps: Int
    /// Environment steps between fits; 0: after every episode.
    package var fitEvery: Int
    /// Most observations kept, an episode's last one included.
    package var replayCapacity: Int
    /// Fits of the model, at most; 0: no limit.
    package var mostFits = 0

    package init(initialRandomSteps: Int, fitEvery: Int, replayCapacity: Int) {
      self.initialRandomSteps = initialRandomSteps
      self.fitEvery = fitEvery
      self.replayCapacity = replayCapacity
    }

    /// Declares them on the agent's fields; `fits`: what is done every `fitEvery` steps.
    package mutating func declare(_ fields: Fields, fits: String = "model fits") {
      fields.integer(
        "initialRandomSteps", &initialRandomSteps, in: 1...1_000_000_000, "random steps before anything is learned")
      fields.integer(
        "fitEvery", &fitEvery, in: 0...1_000_000_000, "environment steps between \(fits); 0: after every episode")
      fields.integer("replayCapacity", &replayCapacity, in: 1...100_000_000, "most observations kept")
    }

    /// See `moreFits(every:most:)`.
    package var moreFits: [String] { Settings.moreFits(every: fitEvery, most: mostFits) }

    /// What makes for more fits than one every so many steps, and so many at most: "a smaller agent.fitEvery"; where
    /// that is 0, which means less often than it sounds, what is less. Empty: nothing does.
    package static func moreFits(every: Int, most: Int = 0) -> [String] {
      if most > 0 { return ["agent.mostFits=0"] }
      return every == 1 ? [] : [every == 0 ? "agent.fitEvery below an episode's length" : "a smaller agent.fitEvery"]
    }

    /// Most transitions of a run that are there at once.
    package func transitions(steps: Int) -> Int { min(replayCapacity, steps) }

    /// What the replay holds in memory at the end of a run.
    package func memory(_ task: EnvironmentDescription, steps: Int) -> MemoryNeed {
      let (specification, rows) = (task.specification, transitions(steps: steps))
      let replay = Replay(of: specification, lanes: 1, capacity: 2)
      var need = MemoryNeed()
      need.add("replay: \(rows) transitions (agent.replayCapacity)", bytes: rows, replay.bytesPerRow)
      return need
    }

    /// Warns of a run that ends before the first fit.
    package func warn(steps: Int, _ fields: Fields) {
      guard steps < initialRandomSteps else { return }
      fields.warn(
        "agent.initialRandomSteps",
        "nothing will be learned: the run ends at step \(steps), before \(initialRandomSteps) random ones are done")
    }
  }

  /// Newest transitions that a declaration is held to.
  private static let watched = 1000

  /// Real transitions.
  package let replay: Replay
  /// nil: only the replay and the cadence are wanted.
  package let model: (any DynamicsModel)?
  /// Environment steps observed.
  package private(set) var steps = 0
  /// Whether the first fit is done.
  package private(set) var isFitted = false
  private let settings: Settings
  private let modelSettings: any DynamicsModelConfiguration
  private let task: EnvironmentDescription
  private var stepsBefore = 0
  private var endedEpisode = false
  /// Counted where they are limited.
  private var fits = 0

  package init(
    _ settings: Settings, _ modelSettings: any DynamicsModelConfiguration, learnsModel: Bool,
    isPrioritised: Bool = false, _ context: AgentContext
  ) {
    self.settings = settings
    self.modelSettings = modelSettings
    task = context.task
    replay = Replay(
      of: task.specification, lanes: context.lanes, capacity: settings.replayCapacity, isPrioritised: isPrioritised)
    model =
      learnsModel
      ? modelSettings.makeModel(DynamicsLayout(task), random: context.random.stream("model"), pool: context.pool) : nil
  }

  /// Columns of progress.csv that `fit` fills.
  package static let metricNames =
    ["model_train_loss", "model_val_loss"] + ModelHealth.metricNames + ["known_mismatch"]

  /// Keeps one step of every lane.
  package func observe(_ steps: Transitions) {
    replay.append(steps)
    stepsBefore = self.steps
    self.steps += steps.count
    endedEpisode = steps.outcomes.contains(where: \.isOver)
  }

  /// Whether the model is to be fitted at this step.
  package var isDue: Bool {
    guard isFitted else { return steps >= settings.initialRandomSteps }
    return settings.fitEvery == 0
      ? endedEpisode : isDue(every: settings.fitEvery)
  }

  /// Whether what comes every so many environment steps comes at this one; 0: never.
  package func isDue(every: Int) -> Bool { Cadence.isDue(every: every, from: stepsBefore, to: steps) }

  /// The steps that what comes every so many makes up for at this one.
  package func span(every: Int) -> Range<Int> { Cadence.span(every: every, from: stepsBefore, to: steps) }

  /// Fits the model where there is one and it may be fitted once more; the first time only after its task's declared
  /// functions were held to what really happened.
  /// - Returns: optimiser steps taken.
  @discardableResult
  package func fit(_ metrics: inout Metrics) throws -> Int {
    var updates = 0
    if let model, settings.mostFits == 0 || fits < settings.mostFits {
      if !isFitted {
        try replay.requireAgreement(
          with: task, reward: modelSettings.reward == .known, termination: modelSettings.termination == .known)
      }
      watchKnownDynamics(&metrics)
      let summary = try model.fit(replay, &metrics)
      metrics.record("model_train_loss", summary.trainLoss)
      if let loss = summary.validationLoss { metrics.record("model_val_loss", loss) }
      summary.health?.record(in: &metrics)
      updates = summary.updates
      fits += 1
    }
    isFitted = true
    return updates
  }

  /// Holds what the task declares to the newest transitions at every fit, for what random steps never saw.
  private func watchKnownDynamics(_ metrics: inout Metrics) {
    let (reward, termination) = (modelSettings.reward == .known, modelSettings.termination == .known)
    guard let known = task.knownDynamics, reward || termination, replay.count > 0 else { return }
    let record = replay.record(task.specification, of: replay.newest(ModelLearner.watched))
    let check = KnownDynamicsCheck(known, on: record)
    let wrong = (rewards: reward ? check.rewards.count : 0, ends: termination ? check.terminations.count : 0)
    metrics.record("known_mismatch", Double(wrong.rewards + wrong.ends) / Double(record.count))
    guard wrong.rewards + wrong.ends > 0 else { return }
    metrics.raise(
      .knownDynamics,
      "what \(task.specification.id) declares is wrong for \(wrong.rewards) rewards and \(wrong.ends) ends of the "
        + "newest \(record.count) transitions; set model.\(wrong.ends > 0 ? "termination" : "reward") to \"learned\" "
        + "or mend the declaration")
  }

  /// The model, once it is fitted.
  package var fittedModel: (any DynamicsModel)? { isFitted ? model : nil }

  package func archive(_ archive: Archive) throws {
    try archive.value("steps", &steps)
    try archive.value("stepsBefore", &stepsBefore)
    try archive.value("isFitted", &isFitted)
    try archive.value("endedEpisode", &endedEpisode)
    try archive.part("replay", replay)
    if settings.mostFits > 0 { try archive.value("fits", &fits) }
    if let model { try archive.part("model", model) }
  }
}
