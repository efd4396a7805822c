import Support

extension Dreamer {
  /// The section `agent.latent`: what z is made of, and how much of the divergence is free.
  package struct LatentSettings: Configurable {
    package var kind = DreamerSizes.Latent.categorical
    /// 0: as `agent.size` says.
    package var count = 0
    package var averagesFreeNats = false

    /// DreamerV3's.
    package init() {}

    package mutating func declare(_ fields: Fields) {
      fields.choice("type", &kind, "one-hot categoricals (DreamerV2 and V3), or independent normals (V1)")
      fields.integer("count", &count, in: 0...4096, "latents; 0: as agent.size says")
      fields.flag(
        "averagesFreeNats", &averagesFreeNats,
        "whether agent.freeNats is for the mean over all states (V1, V2), not for every state (V3)")
    }

    /// The sizes that agent.size stands for, with these latents.
    package func applied(to sizes: DreamerSizes) -> DreamerSizes {
      var sizes = sizes
      sizes.latent = kind
      if count > 0 { sizes.latents = count }
      return sizes
    }
  }

  /// The section `agent.behaviour`: what the earlier Dreamers do otherwise with actor and critic.
  package struct BehaviourSettings: Configurable {
    private var reinforceShare = 1.0
    package var normalizesReturns = true
    package var slowPeriod = 1
    package var bootstrapsSlowly = false
    package var staysNearSlow = true

    /// DreamerV3's.
    package init() {}

    package mutating func declare(_ fields: Fields) {
      fields.number(
        "reinforceShare", &reinforceShare, in: 0...1,
        "ρ: share of REINFORCE in what moves the actor, the rest goes through the dynamics (V1: 0, V2: 0 to 1)")
      fields.flag("normalizesReturns", &normalizesReturns, "whether returns are divided by their range (V3)")
      fields.integer(
        "slowPeriod", &slowPeriod, in: 1...1_000_000, "updates between steps of the slow critic (V2: 100)")
      fields.flag("bootstrapsSlowly", &bootstrapsSlowly, "whether returns end in the slow critic's values (V2)")
      fields.flag("staysNearSlow", &staysNearSlow, "whether the critic learns the slow one's values, too (V3)")
    }

    func apply(to settings: inout DreamerBehaviour.Settings) {
      settings.reinforceShare = Float(reinforceShare)
      (settings.normalizesReturns, settings.slowPeriod) = (normalizesReturns, slowPeriod)
      (settings.bootstrapsSlowly, settings.staysNearSlow) = (bootstrapsSlowly, staysNearSlow)
    }
  }

  /// The section `agent.curiosity`: a policy of its own that collects data where the model does not know what happens.
  package struct CuriositySettings: Configurable {
    package enum Kind: String, CaseIterable, Sendable { case none, disagreement }
    package var kind = Kind.none
    private var members = 5
    private var layers = 3
    private var weight = 1.0
    private var taskWeight = 0.0

    /// There is none.
    package init() {}

    package mutating func declare(_ fields: Fields) {
      fields.choice(
        "type", &kind,
        "disagreement: of an ensemble about the next latent (Plan2Explore); the task's policy is learned "
          + "beside it, and evaluated")
      fields.integer("members", &members, in: 2...100, "networks of the ensemble")
      fields.integer("layers", &layers, in: 1...10, "hidden layers of each")
      fields.number("weight", &weight, in: 0...1e6, "of the disagreement in the explorer's reward")
      fields.number("taskWeight", &taskWeight, in: 0...1e6, "of the task's reward in it; 0: pure exploration")
    }

    /// nil where there is none.
    var settings: LatentDisagreement.Settings? {
      guard kind == .disagreement else { return nil }
      var settings = LatentDisagreement.Settings()
      (settings.members, settings.layers) = (members, layers)
      (settings.weight, settings.taskWeight) = (Float(weight), Float(taskWeight))
      return settings
    }

    /// Warns of settings that nothing reads.
    func warn(_ fields: Fields) {
      guard kind == .none else { return }
      for name in ["members", "layers", "weight", "taskWeight"] {
        fields.unused("agent.curiosity.\(name)", because: "agent.curiosity.type is \"none\"")
      }
    }
  }
}
