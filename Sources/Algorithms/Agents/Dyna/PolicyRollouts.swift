import Environments
import Support

/// Step 4 of neural Dyna: rollouts in imagination that begin at real states and follow the present policy, all carried
/// on by one step at every call.
///
/// A rollout begins anew where the task has ended in it or after `length` steps. Its first action is any one, so that
/// what the policy would not do is imagined as well; later ones are greedy, but for a share of `exploration`. Rollouts
/// reach what the policy is about to do before the real environment does: the replay holds what older policies did.
final class PolicyRollouts: ArchivableObject {
  /// How many batches of rollouts there are.
  let batches: Int
  private let batchSize: Int
  private let model: any DynamicsModel
  private let space: ActionSpace
  private let legal: LegalActions?
  private let length: Int
  private let exploration: Double
  private let step: ImaginedStep
  /// Per rollout: steps since its beginning.
  private var ages: [Int32]
  private var random: RandomStream
  /// Where a rollout begins.
  private var source: [Int32] = []

  /// `batches` × `batchSize` rollouts of at most `length` steps through `model`.
  init(
    _ model: any DynamicsModel, _ specification: EnvironmentSpecification, batches: Int, batchSize: Int, length: Int,
    exploration: Double, random: RandomStream
  ) {
    self.batches = batches
    self.batchSize = batchSize
    self.model = model
    (space, legal) = (specification.actionSpace, specification.legalActions)
    step = ImaginedStep(
      capacity: batches * batchSize, observationSize: specification.observationSpace.size, actionColumns: space.columns)
    self.length = length
    self.exploration = exploration
    self.random = random
    ages = [Int32](repeating: Int32(length), count: batches * batchSize)
  }

  private func rows(_ batch: Int) -> Range<Int> { batch * batchSize..<(batch + 1) * batchSize }

  /// The latest step of one batch of rollouts.
  func transitions(_ batch: Int) -> TransitionBatch { step.batch(rows(batch)) }

  /// Carries every rollout one step on. New ones begin at states of `real`, which has some.
  func advance(from real: Replay, by network: QNetwork) {
    step.carryOn()
    for batch in 0..<batches {
      let rows = rows(batch)
      for row in rows { begin(row, from: real) }
      let actions = ActionRows(step.action.slice(rows), space)
      network.greedyActions(Rows(step.state.slice(rows)), into: actions)
      for row in 0..<batchSize where ages[rows.lowerBound + row] == 1 || random.uniform() < exploration {
        actions.setUniform(row, legal, at: Rows(step.state.slice(rows)), &random)
      }
    }
    model.advance(step, by: .inTurn, noise: random.nextStream())
  }

  /// Puts the beginning of another rollout into this row if the present one is over.
  private func begin(_ row: Int, from real: Replay) {
    if ages[row] >= Int32(length) || step.ended[row, 0] != 0 {
      real.sample(1, &random, into: &source)
      real.gather(source, real.observation, into: step.state.row(row))
      ages[row] = 0
    }
    ages[row] += 1
  }

  /// What the next call goes on from: ends and next observations; everything else is for its update only.
  func archive(_ archive: Archive) throws {
    try archive.part("random", &random)
    let (states, ended) = (RowBuffer(step.count, step.next.columns), RowBuffer(step.count, 1))
    if archive.mode == .writing {
      states.rows.copy(Rows(step.next))
      ended.rows.copy(Rows(step.ended))
    }
    try archive.part("states", states)
    try archive.part("ended", ended)
    try archive.array("ages", &ages)
    guard ages.count == step.count, ages.allSatisfy({ $0 >= 0 }) else {
      throw ArchiveError.malformed("ages", "one number per imagined rollout, none negative")
    }
    step.next.copy(states.read)
    step.ended.copy(ended.read)
  }
}
