import Environments
import Neural
import Support

/// What a policy comes to in a differentiable model, on a tape: H steps from every row, and an action at the end.
package struct ImaginedTrajectory {
  /// s₀ … s_H [1, rows, observation size], standardised.
  package private(set) var states: [Tensor] = []
  /// a₀ … a_H [1, rows, action columns], in [−1, 1].
  package private(set) var actions: [Tensor] = []
  /// log π of each [1, rows, 1].
  package private(set) var logProbabilities: [Tensor] = []
  /// r₀ … r_{H−1} [1, rows, 1].
  package private(set) var rewards: [Tensor] = []
  /// alive[k·rows + row]: 1 until the step that ended the task, 0 for ever after; k = 0 … H.
  package private(set) var alive: [Float] = []
  private var ended: [Float] = []
  private var noise: [Float] = []
  private var serving: [Int32] = []

  package init() {}

  package var horizon: Int { rewards.count }

  /// Imagines `horizon` steps from `start`.
  ///
  /// - Parameters:
  ///   - members: writes which member serves each row at a step.
  ///   - noise: gives per step the policy's normals, then the model's.
  package mutating func imagine(
    from start: Tensor, _ horizon: Int, by policy: SoftPolicy, in model: any DifferentiableDynamics,
    members: (_ step: Int, _ serving: inout [Int32]) -> Void, _ noise: inout some NoiseSource, on tape: Tape
  ) {
    let rows = start.rows
    for tensors in [\Self.states, \.actions, \.logProbabilities, \.rewards] {
      self[keyPath: tensors].removeAll(keepingCapacity: true)
    }
    alive.removeAll(keepingCapacity: true)
    for _ in 0..<rows { alive.append(1) }
    while ended.count < rows { ended.append(0) }
    while self.noise.count < start.count { self.noise.append(0) }
    while serving.count < rows { serving.append(0) }
    var state = start
    for step in 0...horizon {
      let draw = policy.draw(state, &noise, on: tape)
      states.append(state)
      actions.append(draw.actions)
      logProbabilities.append(draw.logProbabilities)
      guard step < horizon else { return }
      members(step, &serving)
      let (next, reward) = self.noise.withUnsafeMutableBufferPointer { normals in
        let normals = UnsafeMutableBufferPointer(rebasing: normals[..<start.count])
        noise.fillNormal(normals)
        return model.step(state, draw.actions, by: serving.prefix(rows), noise: .init(normals), on: tape)
      }
      rewards.append(reward)
      let canEnd = model.ends(
        tape.rows(of: state), tape.rows(of: draw.actions), tape.rows(of: next), into: &ended)
      for row in 0..<rows { alive.append(canEnd && ended[row] != 0 ? 0 : alive[step * rows + row]) }
      state = next
    }
  }
}
