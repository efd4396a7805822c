import Environments
import Neural
import Support

extension Dreamer {
  /// The defaults are DreamerV3's, apart from `size`.
  package struct Configuration: AgentConfiguration {
    package var size = DreamerSizes.Name.nano
    package var learning = DreamerLearner.Settings()
    /// B: sequences of an update.
    package var batchSize = 16
    /// T: steps of a sequence.
    package var sequenceLength = 64
    /// Replayed steps per environment step.
    package var trainRatio = 32.0
    package var replayCapacity = 1_000_000
    /// 1/(1 − γ) − 1 would be the steps that a return looks ahead; γ itself as the others have it.
    private var discount = 1 - 1 / 333.0
    private var lambda = 0.95
    private var entropyScale = 3e-4
    private var unimix = 0.01
    private var freeNats = 1.0
    private var dynamicsScale = 1.0
    private var representationScale = 0.1
    private var replayValueScale = 0.3
    private var slowRate = 0.02
    private var learningRate = 4e-5
    private var gradientClip = 0.3
    private var latent = LatentSettings()
    private var behaviour = BehaviourSettings()
    private var curiosity = CuriositySettings()

    package init() {}

    package mutating func declare(_ fields: Fields) {
      fields.choice("size", &size, "of all networks; the paper's sizes begin at 1m, parameters in millions")
      fields.integer("batchSize", &batchSize, in: 1...4096, "sequences of an update (B)")
      fields.integer("sequenceLength", &sequenceLength, in: 2...4096, "steps of a sequence (T)")
      fields.number(
        "trainRatio", &trainRatio, in: 0...1e6, "replayed steps per environment step: B·T/trainRatio steps an update")
      fields.integer("replayCapacity", &replayCapacity, in: 2...100_000_000, "most observations kept")
      fields.integer("imaginationLength", &learning.behaviour.horizon, in: 1...1000, "steps of a dream (H)")
      fields.number("discount", &discount, in: 0...1, "γ: the weight of the next step's value")
      fields.number("lambda", &lambda, in: 0...1, "λ of all returns: 0 one step, 1 all rewards")
      fields.number("entropyScale", &entropyScale, in: 0...1e3, "weight of the policy's entropy (η)")
      fields.number("unimix", &unimix, in: 0...1, "share of the uniform distribution in every latent")
      fields.number(
        "freeNats", &freeNats, in: 0...1e3, "KL divergence, in nats, below which nothing is learned from it")
      fields.number("dynamicsScale", &dynamicsScale, in: 0...1e3, "weight of the divergence for the prior")
      fields.number(
        "representationScale", &representationScale, in: 0...1e3, "weight of the divergence for the posterior")
      fields.number(
        "replayValueScale", &replayValueScale, in: 0...1e3, "weight of the critic's loss on what happened")
      fields.number("slowRate", &slowRate, in: 0...1, "share of the critic that its slow copy takes on per update")
      fields.number(
        "returnRate", &learning.behaviour.returnRate, in: 0...1, "share of new percentiles in the range of returns")
      fields.number("learningRate", &learningRate, in: 0...1, aboveLowerBound: true, "LaProp's step size")
      fields.integer("warmup", &learning.warmup, in: 0...1_000_000_000, "updates until the step size is reached")
      fields.number(
        "gradientClip", &gradientClip, in: 0...1e6, "largest ratio of a gradient's norm to its parameter's; 0: none")
      fields.section("latent", &latent, chooser: "type", "what the latent state is made of")
      fields.section("behaviour", &behaviour, "what earlier Dreamers do otherwise with actor and critic")
      fields.section("curiosity", &curiosity, chooser: "type", "a policy that explores, beside that of the task")
      settle()
    }

    /// The learner's settings from what was declared.
    private mutating func settle() {
      learning.model.sizes = latent.applied(to: DreamerSizes(size))
      learning.model.averagesFreeNats = latent.averagesFreeNats
      behaviour.apply(to: &learning.behaviour)
      learning.exploration = curiosity.settings
      learning.model.unimix = Float(unimix)
      learning.model.discount = Float(discount)
      learning.model.freeNats = Float(freeNats)
      (learning.model.dynamicsScale, learning.model.representationScale) = (
        Float(dynamicsScale), Float(representationScale)
      )
      (learning.behaviour.lambda, learning.behaviour.entropyScale) = (Float(lambda), Float(entropyScale))
      (learning.behaviour.slowRate, learning.replayValueScale) = (Float(slowRate), Float(replayValueScale))
      (learning.learningRate, learning.gradientClip) = (Float(learningRate), Float(gradientClip))
    }

    package func misfit(_ task: EnvironmentDescription) -> String? {
      let specification = task.specification
      if case .box(let low, let high) = specification.actionSpace, !(low + high).allSatisfy(\.isFinite) {
        return "this agent needs actions within bounds; those of \(specification.id) have none"
      }
      if let picture = DreamerObservation(specification.observationSpace).picture, picture.levels == 0 {
        return "this agent halves pictures: their sides have to be even and at least 8 pixels long, those of "
          + "\(specification.id) are \(picture.height)×\(picture.width)"
      }
      return nil
    }

    package func warn(_ task: EnvironmentDescription, lanes: Int, steps: Int, _ fields: Fields) {
      if trainRatio == 0 {
        fields.warn("agent.trainRatio", "nothing will be learned")
      } else if steps < firstLearningStep {
        fields.warn(
          "agent.batchSize",
          "nothing will be learned: the run ends at step \(steps), before there are \(firstLearningStep) for an update")
      } else if updates(in: steps - stepsPerUpdate) == 0 {
        fields.warn(
          "agent.trainRatio", "nothing will be learned: the run ends at step \(steps), before an update is due")
      }
      curiosity.warn(fields)
      if latent.kind == .gaussian {
        fields.unused("agent.unimix", because: "agent.latent.type is \"gaussian\"")
      }
      if !behaviour.normalizesReturns {
        fields.unused("agent.returnRate", because: "agent.behaviour.normalizesReturns is false")
      }
      if replayCapacity < 2 * stepsPerUpdate {
        fields.warn(
          "agent.replayCapacity",
          "\(replayCapacity) observations are hardly more than the \(stepsPerUpdate) of an update")
      }
    }

    package func memory(_ task: EnvironmentDescription, lanes: Int, steps: Int) -> MemoryNeed {
      let (specification, sizes) = (task.specification, learning.model.sizes)
      let observation = DreamerObservation(specification.observationSpace)
      let (seen, actions) = (observation.columns, specification.actionSpace.columns)
      let rows = MemoryNeed.product(batchSize, sequenceLength)
      var need = MemoryNeed()
      let parameters = parameterCount(sizes, seen: observation.width, actions: actions)
      need.add("networks: \(parameters) parameters (agent.size)", bytes: parameters, 8, 4)
      let kept = min(replayCapacity, steps + steps / 8)
      let bytes = (specification.observationSpace.isImage ? seen : 4 * seen) + 4 * (actions + sizes.deterministic)
      let latents = sizes.latents * (sizes.latent == .gaussian ? 4 : 1)
      need.add("replay: \(kept) observations with their latent states", bytes: kept, bytes + latents + 16)
      let horizon = learning.behaviour.horizon
      need.add(
        "dreams: agent.batchSize × agent.sequenceLength \(rows) × agent.imaginationLength",
        bytes: MemoryNeed.product(learning.exploration == nil ? 1 : 2, rows), horizon + 1,
        sizes.features + 3 * actions + sizes.latents + 6 * sizes.units + sizes.bins + 8, 4)
      if learning.behaviour.reinforceShare < 1 {
        // Of the tape: the layers of the dynamics and of the heads, and their gradients.
        need.add(
          "dreams' gradients: agent.batchSize × agent.sequenceLength \(rows) × agent.imaginationLength", bytes: rows,
          horizon, 2 * (8 * sizes.deterministic + 8 * sizes.hidden + 20 * sizes.units + 3 * sizes.bins), 4)
      }
      if let picture = observation.picture {
        let channels = sizes.channels(of: picture)
        var numbers = 8 * picture.size
        for (level, count) in channels.enumerated() {
          numbers += 14 * count * ((picture.height * picture.width) >> (2 * level))
        }
        need.add("pictures: agent.batchSize × agent.sequenceLength \(rows)", bytes: rows, numbers, 4)
      }
      need.add(
        "updates: agent.batchSize × agent.sequenceLength \(rows) × all layers", bytes: rows,
        12 * sizes.deterministic + 8 * sizes.stochastic + 60 * sizes.units + 4 * sizes.bins, 4)
      return need
    }

    private func parameterCount(_ sizes: DreamerSizes, seen: Int, actions: Int) -> Int {
      let (deter, units, hidden) = (sizes.deterministic, sizes.units, sizes.hidden)
      let dynamics =
        deter * (5 * hidden + 4 * deter / sizes.blocks + 9) + hidden * (sizes.stochastic * 3 + actions + 2 * hidden)
      let heads = units * (5 * (sizes.features + 3 * units) + 2 * sizes.bins + seen + 2 * actions)
      return dynamics + heads + units * (seen + 2 * units)
    }

    /// Replayed steps of an update, B·T.
    var stepsPerUpdate: Int { batchSize * sequenceLength }
    /// Environment steps before the first update can come.
    var firstLearningStep: Int { stepsPerUpdate + 1 }

    /// Updates that belong to so many environment steps.
    func updates(in steps: Int) -> Int { Int(trainRatio * Double(steps) / Double(stepsPerUpdate)) }

    package func makeAgent(_ context: AgentContext) throws -> any Agent { Dreamer(self, context) }
  }
}
