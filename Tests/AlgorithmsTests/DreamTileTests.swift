import Algorithms
import CKernels
import Environments
import Neural
import Support
import TestSupport
import Testing

/// Dreams with the rows in the lanes, against the same dreams layer by layer on a tape: equal to the bit.
@Suite(.serialized) struct DreamTileTests {
  private static let sizes = DreamerSizes(
    deterministic: 36, hidden: 19, units: 21, latents: 5, classes: 3, blocks: 4, bins: 21, depth: 1)
  private static let starts = 77

  /// Everything that a dream says, of networks without a zero.
  private static func dream(isFused: Bool, isDiscrete: Bool, threads: Int) -> [UInt32] {
    var settings = WorldModel.Settings()
    settings.sizes = sizes
    let observation = DreamerObservation([.vector(name: "v", size: 3)])
    let model = WorldModel(settings, observation, actions: 4, random: RandomStream(seed: 1))
    let actor = DreamerActor(sizes, actions: 4, isDiscrete: isDiscrete, random: RandomStream(seed: 2))
    var random = RandomStream(seed: 3)
    func critic() -> DreamerMLP {
      DreamerMLP(
        name: "critic", inputs: sizes.features, units: sizes.units, layers: 3, heads: [("head", sizes.bins)],
        outputScale: 0, in: ParameterStore(), random: &random)
    }
    let (critic, slow) = (critic(), critic())
    for store in [model.store, actor.store, critic.store, slow.store] {
      _ = Tape().parameter(store.parameters[0], of: store)
      random.fillUniform(store.values, -0.4, 0.6)
    }
    var behaviour = DreamerBehaviour.Settings()
    behaviour.horizon = 3
    let dreams = Dreams(
      starts: starts, sizes, actions: 4, behaviour, isFused: isFused, pool: ComputePool(threads: threads))
    let states = RowBuffer(starts, sizes.features)
    random.fillNormal(states.memory)
    let latentDraws = RowBuffer(3 * starts, sizes.latents)
    random.fillUniform(latentDraws.memory, 0, 1)
    let actionDraws = RowBuffer(4 * starts, isDiscrete ? 1 : 4)
    if isDiscrete { random.fillUniform(actionDraws.memory, 0, 1) } else { random.fillNormal(actionDraws.memory) }
    dreams.imagine(
      from: states.read, model, actor, critic, slow: slow, latentDraws: latentDraws.read,
      actionDraws: actionDraws.read)
    let parts = [
      dreams.features, dreams.actions, dreams.rewards, dreams.continuations, dreams.values, dreams.slowValues,
      dreams.weights, dreams.returns,
    ]
    return parts.flatMap { $0.memory.map { $0 == 0 ? 0 : $0.bitPattern } }
  }

  @Test(arguments: [false, true], [1, 2]) func equalsItsLayers(isDiscrete: Bool, threads: Int) {
    let (fused, plain) = (
      Self.dream(isFused: true, isDiscrete: isDiscrete, threads: threads),
      Self.dream(isFused: false, isDiscrete: isDiscrete, threads: 1)
    )
    // All features but the starts' follow from what was sampled: the test is worth little if nothing moves.
    #expect(Set(plain).count > plain.count / 4)
    let isSame = fused == plain
    #expect(isSame, "\(zip(fused, plain).filter { $0 != $1 }.count) of \(plain.count) numbers differ")
  }

  @Test func isTheSameForEveryInstructionSet() {
    holdingInstructionSet {
      let selected = ck_isa_current()
      defer { ck_isa_select(selected) }
      let want = Self.dream(isFused: true, isDiscrete: false, threads: 1)
      for isa in Int32(CK_ISA_PORTABLE)...Int32(CK_ISA_AVX512) where ck_isa_available(isa) != 0 {
        ck_isa_select(isa)
        let isSame = Self.dream(isFused: true, isDiscrete: false, threads: 2) == want
        #expect(isSame, "\(String(cString: ck_isa_name(isa)))")
      }
    }
  }
}
