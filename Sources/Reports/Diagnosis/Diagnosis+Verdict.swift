import Algorithms
import Support

/// What a diagnosis comes to, in sentences with the setting to try next.
extension Diagnosis {
  package struct Finding: Sendable, Equatable {
    /// What is wrong, if anything.
    package enum Cause: String, Sendable {
      /// Errors are large where the model has learned, too.
      case underfit
      /// Likewise, but because of a few transitions that are unlike the others.
      case abrupt
      /// Errors are much larger where the policy goes than where data came from.
      case mismatch
      /// Errors are much larger on new episodes of the kind that was learned from.
      case overfit
      /// The reward is taken for noise: its error is about as large as if nothing were known of it.
      case unlearnedReward
      /// One network: nothing says where it errs.
      case alone
      /// Members disagree elsewhere than where they err.
      case blind
      /// Things happen outside of the predictions' spread more often, or less often, than they say.
      case overconfident, underconfident
      /// The policy is promised far more than it gets.
      case exploited
      /// Errors of single steps are small, but too many steps are put together.
      case compounding
    }
    package var cause: Cause
    /// A sentence or two.
    package var text: String
  }

  private static func short(_ value: Double) -> String { NumberText.short(value) }
  private static func percent(_ value: Double) -> String { "\(NumberText.fixed(100 * value, 1)) %" }

  /// The first of these settings that the experiment has, with what to do about it.
  private func advice(_ choices: (setting: String, text: String)...) -> String {
    choices.first { has($0.setting) }.map { "; try \($0.text)" } ?? ""
  }

  /// Of these changes those of settings that the experiment has and that are not so already; one without a setting is
  /// none.
  private func advice(changes: [(setting: String, not: JSON?, text: String)]) -> String {
    let open = changes.filter { change in
      guard !change.setting.isEmpty, let value = value(change.setting) else { return false }
      return value != change.not
    }.map(\.text)
    return open.isEmpty ? "" : "; try \(open.alternatives)"
  }

  /// What is wrong, the cause that explains most first; empty: nothing that was looked at.
  package var findings: [Finding] {
    [
      underfit, mismatch, unlearnedReward, isAlone, isBlind, miscalibration, exploitation, compounding,
    ].compactMap { $0 }
  }

  /// Of how far states move; above it, a model has not learned the dynamics that it has seen.
  private static let largeRelativeError = 0.25
  /// Of how much rewards vary; above it, a model knows little of them.
  private static let largeRewardError = 0.5
  /// How many times as large errors have to be elsewhere to be called so.
  private static let largeRatio = 3.0

  private var underfit: Finding? {
    guard let relativeTraining, relativeTraining > Diagnosis.largeRelativeError else { return nil }
    let much =
      "On the very transitions that it was fitted to, one step is wrong by \(Diagnosis.percent(relativeTraining)) "
      + "of how far states move"
    if let worstShare, worstShare > 0.5 {
      return Finding(
        cause: .abrupt,
        text: "\(much), but a hundredth of them makes \(Diagnosis.percent(worstShare)) of the squared error"
          + (worstColumn.map { ", most of it in \(name($0))" } ?? "")
          + ": something abrupt, a stop or a contact, say, that smooth networks learn late; it matters as far as the "
          + "policy goes there.")
    }
    return Finding(
      cause: .underfit,
      text: "\(much): the networks are too small or were trained too little, or the task is noisy"
        + advice(
          ("model.hiddenSizes", "larger model.hiddenSizes, more model.epochs or a larger model.learningRate")) + ".")
  }

  private var mismatch: Finding? {
    guard let policyError, let trainingError, let newestError, trainingError > 0, let relativePolicy,
      relativePolicy > 0.05
    else { return nil }
    let ratio = policyError / trainingError
    guard ratio > Diagnosis.largeRatio else { return nil }
    // States that are new to the model, or the same kind of states in episodes that it has not seen.
    let isNew = (novelty ?? 1) > 2 || newestError > policyError / Diagnosis.largeRatio
    let much =
      "Where the policy goes, one step is wrong by \(Diagnosis.short(ratio)) times as much as on what the model "
      + "has learned from"
    if isNew {
      let far =
        novelty.map {
          ", and its states are \(Diagnosis.short($0)) times as far from known ones as those are "
            + "from each other"
        } ?? ""
      return Finding(
        cause: .mismatch,
        text: "\(much)\(far): it was trained on other states than it is used in"
          + advice(changes: [moreFits]) + ".")
    }
    return Finding(
      cause: .overfit,
      text: "\(much), although such states are known to it: it has learned them by heart"
        + advice(("model.holdout", "model.holdout with early stopping, more model.weightDecay or fewer model.epochs"))
        + ".")
  }

  private var unlearnedReward: Finding? {
    // On what was learned from, too: elsewhere it may be new states that are not known.
    guard let rewardError, let knownRewardError, rewardDeviation > 0,
      min(rewardError, knownRewardError) > Diagnosis.largeRewardError * rewardDeviation
    else { return nil }
    return Finding(
      cause: .unlearnedReward,
      text: "The reward is not learned: its error is \(Diagnosis.percent(rewardError / rewardDeviation)) of how much "
        + "rewards vary"
        + (losesRareRewards
          ? ", and where few rows have one the likelihood takes it for noise; try model.varianceExponent=0.5"
          : advice(changes: [
            ("model.epochs", nil, "more model.epochs"),
            ("model.hiddenSizes", nil, "larger model.hiddenSizes"), moreFits,
          ]))
        + ".")
  }

  /// Whether the loss lets rows of little likelihood go: networks with a variance, all terms weighed by it.
  private var losesRareRewards: Bool {
    // Runs from before it could be set do not name it.
    value("model.kind")?.string == "probabilistic" && (value("model.varianceExponent")?.double ?? 0) == 0
  }

  private var isAlone: Finding? {
    guard members == 1 else { return nil }
    let isChosen = (value("model.ensembleSize")?.integer ?? 1) > 1
    return Finding(
      cause: .alone,
      text: "One network predicts, so that nothing warns of where it errs"
        + advice(isChosen ? ("model.elites", "model.elites=0") : ("model.ensembleSize", "model.ensembleSize=5")) + ".")
  }

  /// To refit the model more often, or at all; without a setting where nothing does.
  private var moreFits: (setting: String, not: JSON?, text: String) {
    let (every, most) = (value("agent.fitEvery")?.integer, value("agent.mostFits")?.integer ?? 0)
    let text = every.flatMap { ModelLearner.Settings.moreFits(every: $0, most: most).first }
    return (text == nil ? "" : "agent.fitEvery", nil, text ?? "")
  }

  /// Whether the policy learns from imagined rows, of which some may be trusted less, where the agent has such.
  private var learnsFromRows: Bool {
    (value("agent.rolloutStarts")?.integer ?? 1) > 0 && (value("agent.realRatio")?.double ?? 0) < 1
  }

  private var isBlind: Finding? {
    guard let rankCorrelation, let relativePolicy, relativePolicy > 0.02, rankCorrelation < 0.2 else { return nil }
    return Finding(
      cause: .blind,
      text: "The members' disagreement says little about their error (rank correlation "
        + "\(Diagnosis.short(rankCorrelation)))"
        + advice(changes: [
          ("model.bootstrap", true, "model.bootstrap=true"), ("model.warmStart", false, "model.warmStart=false"),
          ("model.ensembleSize", nil, "a larger model.ensembleSize"),
        ]) + ".")
  }

  private var miscalibration: Finding? {
    guard let calibration else { return nil }
    if calibration.coverage < 0.7 {
      return Finding(
        cause: .overconfident,
        text: "The model is too sure: \(Diagnosis.percent(calibration.coverage)) of what happens lies in the middle "
          + "90 % of its predictions"
          + advice(changes: [
            ("model.ensembleSize", nil, "more networks (model.ensembleSize)"),
            (learnsFromRows && members != 1 ? "agent.trust" : "", nil, "to trust it less (agent.trust)"),
          ]) + ".")
    }
    // Where it is little beside the moves, it does no harm.
    guard calibration.error > 0.1, calibration.coverage > 0.97, let relativeDeviation, relativeDeviation > 0.1 else {
      return nil
    }
    return Finding(
      cause: .underconfident,
      text: "The model is less sure than it could be: \(Diagnosis.percent(calibration.coverage)) of what happens lies "
        + "in the middle 90 % of its predictions, whose deviation is \(Diagnosis.percent(relativeDeviation)) of how "
        + "far states move; rollouts that draw from them are noisier than the task"
        + advice(changes: [
          ("model.learnsVarianceBounds", true, "model.learnsVarianceBounds=true"),
          ("model.normalizesTargets", true, "model.normalizesTargets=true"),
          ("model.epochs", nil, "longer fits (model.epochs)"),
        ]) + ".")
  }

  private var exploitation: Finding? {
    guard let promised, promised.excess > 0.1 else { return nil }
    return Finding(
      cause: .exploited,
      text: "The policy lives on the model's errors: it is promised \(Diagnosis.short(promised.said)) in "
        + "\(promised.steps) steps and gets \(Diagnosis.short(promised.real))"
        + advice(changes: [
          (
            learnsFromRows && members != 1 ? "agent.trust.penalty" : "", .string("disagreement"),
            "agent.trust.penalty=disagreement"
          ),
          (
            learnsFromRows && reach?.steps != 1 ? "agent.rolloutLength" : "", nil, "a shorter agent.rolloutLength"
          ),
          moreFits,
          ("model.ensembleSize", nil, "more networks (model.ensembleSize)"),
          ("planner.horizon", .integer(1), "a shorter planner.horizon"),
        ])
        + ".")
  }

  private var compounding: Finding? {
    guard let errorPasses, let reach, errorPasses <= reach.steps, reach.steps > 1,
      (relativeTraining ?? 0) <= Diagnosis.largeRelativeError
    else { return nil }
    return Finding(
      cause: .compounding,
      text: "Errors add up: after \(errorPasses) steps forecasts are wrong by more than "
        + "\(Diagnosis.short(settings.tolerance)) deviations, but the agent looks \(reach.steps) steps ahead; try a "
        + "smaller \(reach.setting), or a better model.")
  }

  /// What is said at the end: the findings, or that there are none.
  package var verdict: [String] {
    let findings = findings.map(\.text)
    return findings.isEmpty ? ["Nothing that was looked at is wrong with this model."] : findings
  }
}
