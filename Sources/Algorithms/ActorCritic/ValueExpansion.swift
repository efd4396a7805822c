import Environments
import Neural
import Support

/// Value expansion: the target of the critics looks some imagined steps further than the transition that it is for
/// (MVE, Feinberg et al. 2018; STEVE, Buckman et al. 2018; the arithmetic is that of `ExpandedReturns`).
///
/// From the next state of every row each elite of the model carries a trajectory of its own, by its mean prediction,
/// over all H steps; actions are draws of the present policy, with the same noise for all elites, so that what varies
/// is the model, and not the draws. As the value is soft actor-critic's, every imagined reward carries the entropy's
/// −α log π too, and Q is Q' − α log π. The mean is made of the critics' minimum, as without expansion; the variance is
/// that over the elites and the single critics: at horizon 0, where no model is asked, there would be none otherwise.
/// Nothing here has a gradient.
package final class ValueExpansion {
  /// The section `agent.valueExpansion`.
  package struct Settings: Configurable, Equatable {
    package enum Kind: String, CaseIterable, Sendable { case none, fixed, weighted }
    package var kind = Kind.none
    /// H.
    package var horizon = 3

    /// There is none.
    package init() {}

    package mutating func declare(_ fields: Fields) {
      fields.choice(
        "type", &kind, "fixed: all of the horizon (MVE); weighted: horizons from 0 on by their spread (STEVE)")
      fields.integer("horizon", &horizon, in: 1...1000, "imagined steps in a critic's target, at most (H)")
    }

    /// Reports what leaves no spread to weigh horizons by.
    package func check(members: Bool, critics: Int, _ fields: Fields) {
      guard kind == .weighted else { return }
      if !members {
        fields.fault(
          "agent.valueExpansion.type",
          "one network has nobody to disagree with; set agent.valueExpansion.type to \"fixed\"")
      }
      if critics == 1 {
        fields.fault("agent.critics", "one critic has no spread to weigh horizons by; allowed: 2 to 64")
      }
    }

    /// What the states of one horizon, in policy and critics, hold in memory.
    package func memory(
      _ policy: SoftActorCriticSettings, _ model: any DynamicsModelConfiguration, _ task: EnvironmentDescription
    ) -> MemoryNeed {
      var need = MemoryNeed()
      guard kind != .none else { return need }
      let columns =
        policy.hiddenSizes.reduce(0, +) + policy.criticSettings.count * policy.criticSettings.hiddenSizes.reduce(0, +)
      need.add(
        "targets: agent.batchSize \(policy.batchSize) × \(model.networks) networks × all layers",
        bytes: policy.batchSize, model.networks, columns + 4 * task.specification.observationSpace.size + 64, 4)
      return need
    }

    /// Warns of settings that nothing reads.
    package func warn(_ fields: Fields) {
      if kind == .none {
        fields.unused("agent.valueExpansion.horizon", because: "agent.valueExpansion.type is \"none\"")
      }
    }
  }

  /// 1 − mean w_0 of the last minibatch: how far the target trusts the model.
  package private(set) var modelUse = 0.0
  private let settings: Settings
  private let model: any DynamicsModel
  private let space: ActionSpace
  private let returns: ExpandedReturns
  /// Per elite: where its trajectories are.
  private let steps: [ImaginedStep]
  /// [critics + 1, elites · rows]: what each critic says, then their minimum.
  private var values: RowBuffer
  /// [rows, 1]
  private let draws: RowBuffer
  private var capacity = 0

  /// For minibatches of `batchSize`.
  package init(
    _ settings: Settings, _ model: any DynamicsModel, _ specification: EnvironmentSpecification, batchSize: Int,
    critics: Int
  ) {
    (self.settings, self.model, space) = (settings, model, specification.actionSpace)
    let members = model.elites.count
    returns = ExpandedReturns(capacity: batchSize, members: members, horizon: settings.horizon)
    steps = (0..<members).map { [space] _ in
      ImaginedStep(
        capacity: batchSize, observationSize: specification.observationSpace.size, actionColumns: space.columns)
    }
    values = RowBuffer(critics + 1, members * batchSize)
    draws = RowBuffer(batchSize, 1)
  }

  /// Writes the targets of a minibatch [rows, 1].
  /// - Parameters:
  ///   - learner: whose policy acts, and whose slow critics value.
  ///   - critics: whose minimum makes the target.
  package func fillTargets(
    of batch: TransitionBatch, by learner: SoftActorCritic, critics: [Int], temperature alpha: Float, discount: Float,
    _ noise: inout some NoiseSource, on tape: Tape, into targets: MutableRows
  ) {
    for row in 0..<batch.count {
      returns.begin(row, reward: batch.rewards[row, 0], discount: batch.discount(row, discount))
    }
    for step in steps {
      step.count = batch.count
      step.state.copy(batch.next)
    }
    for depth in 0...settings.horizon {
      tape.scope {
        // All elites begin where the minibatch ends.
        let copies = depth == 0 ? 1 : steps.count
        value(copies, batch.count, depth, learner, critics, alpha, discount, &noise, on: tape)
      }
    }
    var trusted = 0.0
    for row in 0..<batch.count {
      let isWeighted = settings.kind == .weighted
      targets[row, 0] = isWeighted ? returns.weightedTarget(row) : returns.mean(row, depth: settings.horizon)
      trusted += isWeighted ? 1 - returns.weight(row, depth: 0) : 1
    }
    modelUse = trusted / Double(batch.count)
  }

  /// Values the states of the first `copies` elites, and, before the last one, carries every trajectory a step on.
  private func value(
    _ copies: Int, _ rows: Int, _ depth: Int, _ learner: SoftActorCritic, _ critics: [Int], _ alpha: Float,
    _ discount: Float, _ noise: inout some NoiseSource, on tape: Tape
  ) {
    let states = tape.constant(rows: copies * rows, columns: steps[0].state.columns) { memory in
      let all = MutableRows(memory.baseAddress!, copies * rows, steps[0].state.columns)
      for copy in 0..<copies {
        all.slice(copy * rows..<(copy + 1) * rows).copy(Rows(steps[copy].state.slice(0..<rows)))
      }
    }
    var shared = SharedNoise(base: noise, copies: copies)
    let draw = learner.policy.draw(states, &shared, on: tape)
    noise = shared.base
    let q = learner.critics.target.network.fused(learner.criticInput(states, draw, on: tape), on: tape)
    let bonus = tape.rows(of: tape.scale(draw.expectation(of: draw.logProbabilities, on: tape), by: -alpha))
    for critic in 0..<q.batch { keep(draw, tape.members(q, critic..<critic + 1), alpha, critic, on: tape) }
    keep(draw, Critics.minimum(q, of: critics, on: tape), alpha, q.batch, on: tape)
    func place(_ member: Int, _ row: Int) -> Int { copies == 1 ? row : member * rows + row }
    for row in 0..<rows {
      returns.estimate(
        row, depth: depth, critics: q.batch, critic: { values.rows[$1, place($0, row)] },
        value: { values.rows[q.batch, place($0, row)] })
    }
    guard depth < settings.horizon else { return }
    if space.isDiscrete { noise.fillUniform(.init(rebasing: draws.memory[..<rows]), 0, 1) }
    for (member, step) in steps.enumerated() {
      act(tape.rows(of: draw.actions).slice(place(member, 0)..<place(member, 0) + rows), in: step)
      model.advance(step, by: .mean(of: model.elites[member]), noise: RandomStream(seed: 0))
      for row in 0..<rows {
        returns.advance(row, member, ended: step.ended[row, 0], discount: discount) { _ in
          step.reward[row, 0] + bonus[place(member, row), 0]
        }
      }
      step.carryOn()
    }
  }

  /// What one critic, or the least of some, says of the states in `draw`.
  private func keep(_ draw: PolicyDraw, _ q: Tensor, _ alpha: Float, _ place: Int, on tape: Tape) {
    let soft = tape.rows(of: draw.softValue(q, temperature: alpha, on: tape))
    for row in 0..<soft.count { values.rows[place, row] = soft[row, 0] }
  }

  /// Actions of the policy, or one by its chances, as the model takes them.
  private func act(_ actions: Rows, in step: ImaginedStep) {
    let taken = step.action.slice(0..<actions.count)
    if space.isDiscrete {
      let taken = ActionRows(taken, space)
      for row in 0..<actions.count { taken.set(row, index: actions.choice(row, at: Double(draws.rows[row, 0]))) }
    } else {
      taken.copy(actions)
      space.unsquash(taken)
    }
  }
}

/// The same normals for every one of some copies of a minibatch.
private struct SharedNoise<Base: NoiseSource>: NoiseSource {
  var base: Base
  let copies: Int

  mutating func fillNormal(_ out: UnsafeMutableBufferPointer<Float>) {
    fill(out) { base.fillNormal($0) }
  }
  mutating func fillTruncatedNormal(_ out: UnsafeMutableBufferPointer<Float>, bound: Float) {
    fill(out) { base.fillTruncatedNormal($0, bound: bound) }
  }
  mutating func fillUniform(_ out: UnsafeMutableBufferPointer<Float>, _ low: Float, _ high: Float) {
    fill(out) { base.fillUniform($0, low, high) }
  }

  private func fill(_ out: UnsafeMutableBufferPointer<Float>, _ body: (UnsafeMutableBufferPointer<Float>) -> Void) {
    let count = out.count / copies
    let first = UnsafeMutableBufferPointer(rebasing: out[..<count])
    body(first)
    for copy in 1..<max(copies, 1) {
      UnsafeMutableBufferPointer(rebasing: out[copy * count..<(copy + 1) * count]).baseAddress!
        .update(from: first.baseAddress!, count: count)
    }
  }
}
