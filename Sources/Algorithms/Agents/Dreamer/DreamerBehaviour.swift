import Neural
import Support

/// A policy and its critic, the dreams that they learn in, and how they learn from them: the task's, or an explorer's.
package final class DreamerBehaviour: ArchivableObject {
  /// The defaults are DreamerV3's.
  package struct Settings: Sendable {
    /// H: steps of a dream.
    package var horizon = 15
    /// λ of all returns.
    package var lambda: Float = 0.95
    /// η: weight of the policy's entropy.
    package var entropyScale: Float = 3e-4
    /// Share of REINFORCE in what moves the policy; the rest is the gradient of the returns through the dynamics.
    package var reinforceShare: Float = 1
    /// Whether returns are divided by their range.
    package var normalizesReturns = true
    /// Share of the new percentiles in that range.
    package var returnRate = 0.01
    /// What returns are divided by at least.
    package var smallestRange = 1.0
    /// Every so many updates the slow critic takes on this share of the critic.
    package var slowPeriod = 1
    package var slowRate: Float = 0.02
    /// Whether returns end in the slow critic's values.
    package var bootstrapsSlowly = false
    /// Whether the critic learns what the slow one says, too.
    package var staysNearSlow = true

    package init() {}
  }

  package let settings: Settings
  package let actor: DreamerActor
  package let critic: DreamerMLP
  package let slowCritic: Target<DreamerMLP>
  package var returnRange: ReturnRange
  package let dreams: Dreams
  /// Draws of an update: prior latents [H·N, latents], actions [(H+1)·N, columns].
  package let priorDraws, actionDraws: RowBuffer
  private let learner: BehaviourLearner
  private let straight: StraightGradients?

  /// For dreams from `starts` states.
  /// - Parameter name: what the names of its parameters begin with.
  package init(
    _ settings: Settings, _ sizes: DreamerSizes, name: String = "", actions: Int, isDiscrete: Bool, starts: Int,
    random: RandomStream, pool: ComputePool?
  ) {
    self.settings = settings
    actor = DreamerActor(
      sizes, name: name + "actor", actions: actions, isDiscrete: isDiscrete, random: random.stream("actor"))
    var criticRandom = random.stream("critic")
    critic = DreamerMLP(
      name: name + "critic", inputs: sizes.features, units: sizes.units, layers: 3, heads: [("head", sizes.bins)],
      outputScale: 0, in: ParameterStore(), random: &criticRandom)
    slowCritic = Target(of: critic)
    // Sealed before threads meet it.
    _ = Tape().parameter(slowCritic.network.store.parameters[0], of: slowCritic.network.store)
    returnRange = ReturnRange(rate: settings.returnRate, smallest: settings.smallestRange)
    dreams = Dreams(starts: starts, sizes, actions: actions, settings, pool: pool)
    priorDraws = RowBuffer(settings.horizon * starts, sizes.latents)
    actionDraws = RowBuffer((settings.horizon + 1) * starts, actor.drawColumns)
    learner = BehaviourLearner(actor, critic, horizon: settings.horizon, pool: pool)
    straight = settings.reinforceShare < 1 ? StraightGradients(actor, starts: starts, settings, pool: pool) : nil
  }

  /// Parameters that an optimiser moves.
  package var stores: [ParameterStore] { [actor.store, critic.store] }
  /// What returns are divided by.
  package var scale: Float { settings.normalizesReturns ? returnRange.scale : 1 }

  /// Draws anew what the next dreams need.
  package func draw(_ dynamics: RecurrentStateSpace, _ random: inout RandomStream) {
    dynamics.fillDraws(priorDraws.memory, &random)
    if actor.isDiscrete { random.fillUniform(actionDraws.memory, 0, 1) } else { random.fillNormal(actionDraws.memory) }
  }

  /// Dreams from `states` [N, features], and adds the gradients of actor and critic on them to their stores.
  /// - Parameter curiosity: rewards of its own for the dreams.
  package func differentiate(
    from states: Rows, _ model: WorldModel, curiosity: LatentDisagreement? = nil
  ) -> BehaviourLearner.Report {
    dreams.imagine(
      from: states, model, actor, critic, slow: slowCritic.network, curiosity: curiosity,
      latentDraws: priorDraws.read, actionDraws: actionDraws.read)
    returnRange.update(dreams.returns.read)
    let report = learner.differentiate(on: dreams, scale: scale, settings, bins: model.bins)
    straight?.addGradients(
      of: dreams, model, settings.bootstrapsSlowly ? slowCritic.network : critic, scale: scale,
      latentDraws: priorDraws.read, actionDraws: actionDraws.read)
    return report
  }

  /// Lets the slow critic follow.
  /// - Parameter update: number of the update that is done, from 1 on.
  package func follow(update: Int) {
    if update % settings.slowPeriod == 0 { slowCritic.follow(rate: settings.slowRate) }
  }

  package func archive(_ archive: Archive) throws {
    try archive.part("slowCritic", slowCritic)
    try archive.part("returnRange", &returnRange)
  }
}
