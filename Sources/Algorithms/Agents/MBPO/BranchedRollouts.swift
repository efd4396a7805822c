import Environments
import Support

/// Rollouts that branch off real states and follow the present policy through the model, for a buffer that a policy
/// learns from (Janner et al. 2019, "When to trust your model").
final class BranchedRollouts {
  /// Rows that go through policy and model together: few enough to stay near, many enough for the kernels.
  private static let chunk = 1024

  /// What one round of rollouts came to.
  struct Report {
    /// Imagined transitions that were stored.
    var stored = 0
    /// Mean of their rewards.
    var reward = 0.0
    /// Share of the rollouts in which the task has ended.
    var ended = 0.0
  }

  private let model: any DynamicsModel
  private let space: ActionSpace
  private let step: ImaginedStep
  private let observations: RowBuffer
  private let actions: RowBuffer
  private var sources: [Int32] = []
  private var alive: [Int32] = []

  init(_ model: any DynamicsModel, _ specification: EnvironmentSpecification) {
    self.model = model
    space = specification.actionSpace
    let size = specification.observationSpace.size
    step = ImaginedStep(
      capacity: BranchedRollouts.chunk, observationSize: size, actionColumns: space.columns)
    observations = RowBuffer(BranchedRollouts.chunk, size)
    actions = RowBuffer(BranchedRollouts.chunk, space.columns)
  }

  /// Begins `starts` rollouts at states of `real`, drawn with replacement, carries them over at most `length` steps and
  /// appends every transition to `buffer`. A rollout in which the task ends goes no further; its last step is stored as
  /// that end, the last step of all others is not.
  func run(
    starts: Int, length: Int, from real: Replay, by policy: any RowPolicy, into buffer: Replay, random: RandomStream
  ) -> Report {
    var report = Report()
    for chunk in 0..<(starts + BranchedRollouts.chunk - 1) / BranchedRollouts.chunk {
      let stream = random.stream(UInt64(chunk))
      var (drawing, acting) = (stream.stream("states"), stream.stream("actions"))
      step.count = min(BranchedRollouts.chunk, starts - chunk * BranchedRollouts.chunk)
      real.sample(step.count, &drawing, into: &sources)
      real.gather(sources, real.observation, into: step.state)
      for time in 0..<length where step.count > 0 {
        act(policy, &acting)
        model.advance(step, by: .drawn, noise: stream.stream("dynamics").stream(UInt64(time)))
        let batch = step.batch(0..<step.count)
        buffer.append(
          batch.observations, batch.actions, rewards: batch.rewards, terminated: batch.terminated, next: batch.next)
        alive.removeAll(keepingCapacity: true)
        for row in 0..<step.count {
          report.reward += Double(step.reward[row, 0])
          if step.ended[row, 0] == 0 { alive.append(Int32(row)) } else { report.ended += 1 }
        }
        report.stored += step.count
        step.carryOn(alive)
      }
    }
    report.reward /= Double(max(report.stored, 1))
    report.ended /= Double(max(starts, 1))
    return report
  }

  private func act(_ policy: any RowPolicy, _ random: inout RandomStream) {
    let seen = observations.rows.slice(0..<step.count)
    let chosen = actions.rows.slice(0..<step.count)
    seen.copy(Rows(step.state.slice(0..<step.count)))
    policy.act(Rows(seen), into: ActionRows(chosen, space), isStochastic: true, &random)
    step.action.slice(0..<step.count).copy(Rows(chosen))
  }
}
