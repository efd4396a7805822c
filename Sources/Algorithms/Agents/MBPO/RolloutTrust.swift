import Environments
import Support

/// How far imagined transitions are believed where the members of the model disagree: what they lead to, what is taken
/// off their reward, which of them are learned from and carried on, and what they count for.
package struct RolloutTrust: Configurable, Equatable {
  /// u of the penalty r − λu.
  package enum Penalty: String, CaseIterable, Sendable {
    case none
    /// The largest predicted deviation of any member (MOPO, Yu et al. 2020).
    case deviation
    /// The largest distance of any member's next observation from the mean of all (MOPO's other form).
    case distance
    /// σ = √mean ‖f_k − mean‖² over all predicted quantities.
    case disagreement
    /// How far the member that moved the row diverges from the others (M2AC, there with λ = .001).
    case divergence
  }

  /// Which transitions count.
  package enum Cut: String, CaseIterable, Sendable {
    case none
    /// Where two members are further apart than anywhere on real data, times `coefficient`, the task ends with
    /// `haltReward` (MOReL, Kidambi et al. 2020).
    case halt
    /// Of step h of H, of up to 1,024 rollouts together, the share (H − h)/(2(H + 1)), half of a single one, is kept on
    /// which the member that moved the row diverges least from the others; the rest goes on all the same (M2AC, Pan et
    /// al. 2020).
    case share
    /// A rollout ends before its members' mean divergence reaches `coefficient` times the `percentile` that first steps
    /// of rollouts had so far (MACURA, Frauenknecht et al. 2024).
    case threshold
    /// A rollout ends before a step that loses more bits of any quantity than the `stepQuantile` of real transitions
    /// does, or before its sum is more than its length times their `totalQuantile` (Infoprop, Frauenknecht et al.
    /// 2025).
    case information
  }

  /// What a step leads to.
  package enum Draw: String, CaseIterable, Sendable {
    /// A draw of one elite.
    case member
    /// μ̄ + K(y − μ̄) + N(0, (1 − K)σ̄²) of a draw y of any member: what it says of what the members agree on
    /// (Infoprop; see `FusedPrediction`).
    case conditional
    /// N(μ̄, σ̄²), as Infoprop's port to JAX has it.
    case fused
  }

  /// What a row counts for in the critics' loss.
  package enum Weight: String, CaseIterable, Sendable {
    /// As much as a real one.
    case none
    /// 1/(1 + σ), σ the deviation of the members' rewards plus the mean of those of their next observations' columns
    /// (WIMLE, 2026).
    case spread
  }

  package var penalty = Penalty.none
  /// λ.
  package var penaltyWeight = 1.0
  package var cut = Cut.none
  package var coefficient = 1.0
  package var haltReward = 0.0
  package var percentile = 95.0
  package var stepQuantile = 0.9999
  package var totalQuantile = 0.01
  /// What predicted quantities are told apart to, in their own units.
  package var resolution = 1e-6
  package var draw = Draw.member
  package var weight = Weight.none

  /// Everything is believed.
  package init() {}

  package mutating func declare(_ fields: Fields) {
    fields.choice(
      "penalty", &penalty,
      "what imagined rewards are lowered by (u): MOPO's deviation or distance, disagreement, M2AC's divergence")
    fields.number("penaltyWeight", &penaltyWeight, in: 0...1e6, "λ: the reward becomes r − λu")
    fields.choice(
      "cut", &cut,
      "which imagined transitions are learned from: MOReL's halt, M2AC's share, MACURA's threshold, Infoprop's "
        + "information")
    fields.number(
      "coefficient", &coefficient, in: 0...1e6, aboveLowerBound: true, "factor of the limit of \"halt\", \"threshold\"")
    fields.number("haltReward", &haltReward, in: -1e9...1e9, "reward of a rollout that \"halt\" ends")
    fields.number("percentile", &percentile, in: 0...100, "of the first steps' divergences, for \"threshold\"")
    fields.number(
      "stepQuantile", &stepQuantile, in: 0...1, "of real steps' lost bits: a step's limit, for \"information\"")
    fields.number(
      "totalQuantile", &totalQuantile, in: 0...1, "likewise, times the length: a rollout's limit, for \"information\"")
    fields.number(
      "resolution", &resolution, in: 0...1, aboveLowerBound: true, "least difference that counts, for \"information\"")
    fields.choice("draw", &draw, "a member's draw, or what the members agree on (Infoprop's, or its JAX port's)")
    fields.choice("weight", &weight, "what imagined rows count for in the critics' loss: 1, or 1/(1 + spread), WIMLE's")
  }

  /// Whether members are asked at all.
  package var asksMembers: Bool { penalty != .none || cut != .none || draw != .member || weight != .none }

  /// Settings for which the members have to be normals.
  package var needingVariance: [String] {
    (penalty == .deviation ? ["penalty"] : []) + (cut == .information || cut == .threshold ? ["cut"] : [])
      + (draw != .member ? ["draw"] : [])
  }

  /// Settings for which there have to be two members at least.
  package var needingDisagreement: [String] {
    (penalty != .none && penalty != .deviation ? ["penalty"] : []) + (cut != .none ? ["cut"] : [])
      + (draw != .member ? ["draw"] : []) + (weight != .none ? ["weight"] : [])
  }

  /// "set agent.trust.penalty to "none", agent.trust.draw to "member"".
  package static func remedy(_ settings: [String]) -> String {
    "set " + settings.map { "agent.trust.\($0) to \"\($0 == "draw" ? "member" : "none")\"" }.joined(separator: ", ")
  }

  /// Whether the judge wants to see what is said of real transitions.
  package var surveysReal: Bool { cut == .halt || cut == .information }

  /// Settings that came later: where they are off a run is what it was before there were any.
  package static let later = ["stepQuantile", "totalQuantile", "resolution", "draw", "weight"]

  /// Warns of settings that nothing reads.
  package func warn(_ fields: Fields) {
    if penalty == .none { fields.unused("agent.trust.penaltyWeight", because: "agent.trust.penalty is \"none\"") }
    if cut != .halt { fields.unused("agent.trust.haltReward", because: "only agent.trust.cut \"halt\" pays it") }
    if cut != .threshold {
      fields.unused("agent.trust.percentile", because: "only agent.trust.cut \"threshold\" asks it")
    }
    if cut != .information {
      for name in ["stepQuantile", "totalQuantile", "resolution"] {
        fields.unused("agent.trust.\(name)", because: "only agent.trust.cut \"information\" asks it")
      }
    }
    if cut != .halt && cut != .threshold {
      fields.unused("agent.trust.coefficient", because: "agent.trust.cut \"\(cut.rawValue)\" has no threshold")
    }
  }
}
