import Algorithms
import Environments
import Support

/// What a model promises the present policy, against what the same policy got from the same states.
package struct PromisedReturn: Sendable {
  /// Steps of a rollout.
  package var steps: Int
  /// Of every rollout: the sum of imagined rewards, and of real ones.
  package var pairs: [(said: Double, real: Double)]
  /// What sums can differ by: `steps` times the largest difference of two real rewards, or of one and of the nothing
  /// that follows an end.
  package var span: Double

  package var said: Double { pairs.reduce(0) { $0 + $1.said } / Double(max(pairs.count, 1)) }
  package var real: Double { pairs.reduce(0) { $0 + $1.real } / Double(max(pairs.count, 1)) }
  /// How much more is promised than given, as a share of the span.
  package var excess: Double { span > 0 ? (said - real) / span : 0 }

  package init(steps: Int, pairs: [(said: Double, real: Double)], span: Double) {
    (self.steps, self.pairs, self.span) = (steps, pairs, span)
  }

  /// Rollouts of the agent's own policy through its model, one from each of about `most` states of real episodes that
  /// went on for `steps` steps, or to the task's end. Noise of the model included, every row by an elite of its own.
  /// - Throws: what the policy throws.
  package init?(
    _ agent: any Agent, _ model: any DynamicsModel, _ specification: EnvironmentSpecification,
    _ trajectories: [Trajectory], steps: Int, most: Int, progress: (_ done: Int, _ of: Int) throws -> Void
  ) throws {
    let all = trajectories.indices.flatMap { index in
      let trajectory = trajectories[index]
      let last = trajectory.isTerminated ? trajectory.steps - 1 : trajectory.steps - steps
      return (0..<max(0, last + 1)).map { (index, $0) }
    }
    guard !all.isEmpty, steps > 0 else { return nil }
    let count = min(most, all.count)
    let starts = (0..<count).map { all[$0 * all.count / count] }
    let step = ImaginedStep(
      capacity: count, observationSize: specification.observationSpace.size,
      actionColumns: specification.actionSpace.columns)
    for (row, (index, start)) in starts.enumerated() {
      for (column, value) in trajectories[index].observation(start).enumerated() { step.state[row, column] = value }
    }
    let random = RandomStream(seed: 0).stream("promised returns")
    let policy = agent.makePolicy(isStochastic: false, rows: count, random: random.stream("policy"))
    let seen = RowBuffer(count, specification.observationSpace.size)
    let memory = RowBuffer(count, specification.actionSpace.columns)
    let chosen = ActionRows(memory.rows, specification.actionSpace)
    var (said, isOver) = ([Double](repeating: 0, count: count), [Bool](repeating: false, count: count))
    for time in 0..<steps {
      try progress(time, steps)
      seen.rows.copy(Rows(step.state.slice(0..<count)))
      try policy.act(
        in: Situation(
          observations: seen.read, isFirst: [Bool](repeating: time == 0, count: count), episode: Array(0..<count)),
        into: chosen)
      step.action.slice(0..<count).copy(memory.read)
      model.advance(step, by: .drawn, noise: random.stream("dynamics").stream(UInt64(time)))
      for row in 0..<count where !isOver[row] {
        said[row] += Double(step.reward[row, 0])
        isOver[row] = step.ended[row, 0] > 0.5
      }
      step.carryOn()
    }
    let rewards = trajectories.flatMap(\.rewards) + (trajectories.contains(where: \.isTerminated) ? [0] : [])
    self.steps = steps
    span = Double(steps) * ((rewards.max() ?? 0) - (rewards.min() ?? 0))
    pairs = zip(starts, said).map { start, said in
      let rewards = trajectories[start.0].rewards.dropFirst(start.1).prefix(steps)
      return (said, rewards.reduce(0, +))
    }
  }
}
