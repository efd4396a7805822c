import Environments
import Support

/// Rollouts that branch off real states and follow the present policy through the model, for a buffer that a policy
/// learns from (Janner et al. 2019, "When to trust your model").
package final class BranchedRollouts {
  /// Rows that go through policy and model together: few enough to stay near, many enough for the kernels.
  private static let chunk = 1024

  /// What one round of rollouts came to.
  package struct Report {
    /// Imagined transitions that were stored.
    package var stored = 0
    /// Mean of their rewards.
    package var reward = 0.0
    /// Share of the rollouts in which the task has ended.
    package var ended = 0.0
  }

  private let model: any DynamicsModel
  private let space: ActionSpace
  private let step: ImaginedStep
  private let observations: RowBuffer
  private let actions: RowBuffer
  private let judge: RolloutJudge?
  private let weight: Replay.Column?
  /// nil where nobody asks the members.
  private let predictions: MemberPredictions?
  private var sources: [Int32] = []
  private var alive, stored: [Int32]
  private var goingOn: [Bool] = []

  /// Rollouts through `model`; without a judge all of them are believed. `weight`: the column of the buffer for what a
  /// row counts for.
  package init(
    _ model: any DynamicsModel, _ specification: EnvironmentSpecification, judge: RolloutJudge? = nil,
    weight: Replay.Column? = nil
  ) {
    self.weight = weight
    self.model = model
    self.judge = judge
    (alive, stored) = ([], [])
    predictions = judge == nil ? nil : model.makePredictions(rows: BranchedRollouts.chunk)
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
  package func run(
    starts: Int, length: Int, from real: Replay, by policy: any RowPolicy, into buffer: Replay, random: RandomStream
  ) -> Report {
    var report = Report()
    judgeFirstSteps(starts, from: real, by: policy, random)
    for chunk in 0..<chunks(starts) {
      let stream = random.stream(UInt64(chunk))
      var acting = begin(chunk, of: starts, from: real, stream)
      for time in 0..<length where step.count > 0 {
        act(policy, &acting)
        model.advance(
          step, by: judge?.movers ?? .drawn, noise: stream.stream("dynamics").stream(UInt64(time)))
        if let judge, let predictions {
          model.predictMembers(step, into: predictions)
          if judge.fuse(step, predictions, noise: stream.stream("information").stream(UInt64(time))) {
            model.settle(step)
          }
          judge.judge(step, predictions, time: time, length: length, stored: &stored, goingOn: &goingOn)
          for row in stored { store(Int(row)..<Int(row) + 1, buffer, &report) }
        } else {
          store(0..<step.count, buffer, &report)
        }
        alive.removeAll(keepingCapacity: true)
        for row in 0..<step.count {
          if step.ended[row, 0] != 0 {
            report.ended += 1
          } else if predictions == nil || goingOn[row] {
            alive.append(Int32(row))
          }
        }
        step.carryOn(alive)
        judge?.carryOn(alive)
      }
    }
    report.reward /= Double(max(report.stored, 1))
    report.ended /= Double(max(starts, 1))
    return report
  }

  private func chunks(_ starts: Int) -> Int { (starts + BranchedRollouts.chunk - 1) / BranchedRollouts.chunk }

  /// Puts the rollouts of a chunk at their first states, and returns what their actions are drawn from.
  private func begin(_ chunk: Int, of starts: Int, from real: Replay, _ stream: RandomStream) -> RandomStream {
    var drawing = stream.stream("states")
    step.count = min(BranchedRollouts.chunk, starts - chunk * BranchedRollouts.chunk)
    real.sample(step.count, &drawing, into: &sources)
    real.gather(sources, real.observation, into: step.state)
    return stream.stream("actions")
  }

  /// Shows the judge the first steps of all rollouts before it judges any, where it wants that.
  private func judgeFirstSteps(_ starts: Int, from real: Replay, by policy: any RowPolicy, _ random: RandomStream) {
    guard let judge, let predictions, judge.settings.cut == .threshold else { return }
    for chunk in 0..<chunks(starts) {
      var acting = begin(chunk, of: starts, from: real, random.stream(UInt64(chunk)))
      act(policy, &acting)
      model.predictMembers(step, into: predictions)
      judge.observeFirstSteps(predictions, count: step.count)
    }
    judge.finishFirstSteps()
  }

  private func store(_ rows: Range<Int>, _ buffer: Replay, _ report: inout Report) {
    let batch = step.batch(rows)
    buffer.append(
      batch.observations, batch.actions, rewards: batch.rewards, terminated: batch.terminated, next: batch.next
    ) { [judge, weight] index, row in
      if let judge, let weight {
        withUnsafePointer(to: judge.weights[rows.lowerBound + index]) { row.set(weight, Rows($0, 1, 1)) }
      }
    }
    for row in rows { report.reward += Double(step.reward[row, 0]) }
    report.stored += rows.count
  }

  /// Shows the judge what the members say of all real transitions.
  package func survey(_ real: Replay) {
    guard let judge, let predictions else { return }
    for start in stride(from: 0, to: real.count, by: BranchedRollouts.chunk) {
      step.count = min(BranchedRollouts.chunk, real.count - start)
      sources = (start..<start + step.count).map(real.transition)
      real.gather(sources, real.observation, into: step.state)
      real.gather(sources, real.action, into: step.action)
      model.predictMembers(step, into: predictions)
      judge.observeReal(predictions, count: step.count, isFirst: start == 0)
    }
    judge.finishSurvey()
  }

  private func act(_ policy: any RowPolicy, _ random: inout RandomStream) {
    let seen = observations.rows.slice(0..<step.count)
    let chosen = actions.rows.slice(0..<step.count)
    seen.copy(Rows(step.state.slice(0..<step.count)))
    policy.act(Rows(seen), into: ActionRows(chosen, space), isStochastic: true, &random)
    step.action.slice(0..<step.count).copy(Rows(chosen))
  }
}
