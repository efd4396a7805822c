import CKernels
import Environments
import Support

/// One imagined step from many states at once: next states from the ensemble (every row from one of the elites, noise
/// included), reward and termination as the model is configured.
final class OneStepImagination {
  private let model: EnsembleDynamics
  private let known: (any KnownDynamicsParts)?
  private let capacity: Int
  private let size: Int
  private let actions: Int
  // Feature-major: column d of row r stands at [d·capacity + r].
  private let states: FloatBuffer
  private let next: FloatBuffer
  private let oneHot: FloatBuffer
  private let rewards: FloatBuffer
  private let ended: FloatBuffer
  private let workspace: FloatBuffer
  private var index: [Int32]

  /// Imagines up to `capacity` rows at once.
  init(_ model: EnsembleDynamics, known: (any KnownDynamicsParts)?, capacity: Int) {
    self.model = model
    self.known = known
    self.capacity = capacity
    size = model.layout.observationSize
    actions = model.layout.actionColumns
    states = FloatBuffer(count: size * capacity)
    next = FloatBuffer(count: size * capacity)
    oneHot = FloatBuffer(count: actions * capacity)
    rewards = FloatBuffer(count: capacity)
    ended = FloatBuffer(count: capacity)
    workspace = FloatBuffer(count: model.kernel.workspaceSize)
    index = [Int32](repeating: 0, count: capacity)
  }

  /// Fills rewards, ends and next observations of the batches from their observations and actions.
  func advance(_ batches: [QBatch], noise key: UInt64) {
    var rows = 0
    for batch in batches {
      for row in 0..<batch.count {
        for column in 0..<size { states[column * capacity + rows] = batch.observations[row * size + column] }
        for action in 0..<actions { oneHot[action * capacity + rows] = action == batch.actions[row] ? 1 : 0 }
        rows += 1
      }
    }
    step(rows, key)
    rows = 0
    for batch in batches {
      for row in 0..<batch.count {
        for column in 0..<size { batch.nextObservations[row * size + column] = next[column * capacity + rows] }
        batch.rewards[row] = rewards[rows]
        batch.terminated[row] = ended[rows]
        rows += 1
      }
    }
  }

  private func step(_ rows: Int, _ key: UInt64) {
    var argument = ck_rows()
    argument.stride = Int64(capacity)
    argument.observation = UnsafePointer(states.base)
    argument.action = UnsafePointer(oneHot.base)
    argument.next_observation = next.base
    if model.configuration.learnsReward { argument.reward = rewards.base }
    if model.configuration.termination == .learned { argument.termination = ended.base }
    var noise = ck_noise(key: key, step: 0, iteration: 0)
    let members = model.elites.count
    for (slot, member) in model.elites.enumerated() {
      var count = 0
      for row in stride(from: slot, to: rows, by: members) {
        index[count] = Int32(row)
        count += 1
      }
      index.withUnsafeBufferPointer { index in
        ck_ensemble_step(
          model.kernel.pointer, Int32(member), Int64(count), 0, index.baseAddress, 0, &argument, &noise, workspace.base)
      }
    }
    let columns = TransitionColumns(
      count: rows, stride: capacity, observation: states.base, action: oneHot.base, nextObservation: next.base)
    if !model.configuration.learnsReward { known?.rewards(of: columns, into: rewards.base) }
    switch model.configuration.termination {
    case .known: known?.terminations(of: columns, into: ended.base)
    case .learned: for row in 0..<rows { ended[row] = ended[row] > 0 ? 1 : 0 }
    case .never: ended.base.update(repeating: 0, count: rows)
    }
  }
}
