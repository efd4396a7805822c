import CKernels
import Environments
import Support

/// One imagined step through the ensemble: what rollouts for a planner and rollouts of a policy share.
extension EnsembleDynamics {
  package var learnsReward: Bool { configuration.reward == .learned }
  package var learnsTermination: Bool { configuration.termination == .learned }

  /// A step's columns as the kernel reads them, the next state into `next` or the step's own.
  func kernelRows(_ step: ImaginedStep, into next: UnsafeMutablePointer<Float>? = nil) -> ck_rows {
    step.kernelRows(learnsReward: learnsReward, learnsTermination: learnsTermination, into: next)
  }

  /// Reward and end of a step whose next states stand there: the declared functions' where they are known, else what
  /// the networks said.
  /// - Parameter withProbabilities: a learned end is told as its probability.
  /// - Returns: false where no row can end.
  @discardableResult
  func complete(_ step: ImaginedStep, withProbabilities: Bool = false) -> Bool {
    if !learnsReward { layout.known?.rewards(of: step.columns, into: step.reward.base) }
    let ended = step.ended.base
    switch configuration.termination {
    case .never:
      return false
    case .known:
      guard let known = layout.known else { return false }
      known.terminations(of: step.columns, into: ended)
    case .learned where withProbabilities:
      ck_activation(Int32(CK_SIGMOID), Int64(step.count), ended, ended)
    case .learned:
      for row in 0..<step.count { ended[row] = ended[row] > 0 ? 1 : 0 }
    }
    return true
  }

  package func advance(_ step: ImaginedStep, by members: MemberChoice, noise: RandomStream) {
    while stepIndex.count < step.count { stepIndex.append(0) }
    var argument = kernelRows(step)
    var noise = ck_noise(key: noise.key, step: 0, iteration: 0)
    var withProbabilities = false
    switch members {
    case .mean(let member):
      ck_ensemble_step(kernel.pointer, Int32(member), Int64(step.count), 0, nil, 0, &argument, nil, stepWorkspace.base)
      withProbabilities = true
    case .fixed(let member):
      ck_ensemble_step(
        kernel.pointer, Int32(member), Int64(step.count), 0, nil, 0, &argument, &noise, stepWorkspace.base)
    case .inTurn, .drawn: advance(step, &argument, &noise, by: elites, members)
    case .drawnFromAll: advance(step, &argument, &noise, by: Array(0..<configuration.ensembleSize), members)
    }
    if !complete(step, withProbabilities: withProbabilities) { step.ended.fill(0) }
  }

  /// Moves every row by the member in the place of the list that the choice gives it.
  private func advance(
    _ step: ImaginedStep, _ argument: inout ck_rows, _ noise: inout ck_noise, by members: [Int],
    _ choice: MemberChoice
  ) {
    for row in 0..<step.count {
      step.mover[row] = Int32(members[choice.mover(of: row, among: members.count, key: noise.key)])
    }
    for member in members {
      var listed = 0
      for row in 0..<step.count where step.mover[row] == Int32(member) {
        stepIndex[listed] = Int32(row)
        listed += 1
      }
      stepIndex.withUnsafeBufferPointer { index in
        ck_ensemble_step(
          kernel.pointer, Int32(member), Int64(listed), 0, index.baseAddress, 0, &argument, &noise, stepWorkspace.base)
      }
    }
  }

  package func settle(_ step: ImaginedStep) {
    // A learned end is 0 or 1 by now, and stays so.
    complete(step)
  }

  package func predictMembers(_ step: ImaginedStep, into predictions: MemberPredictions) {
    precondition(predictions.capacity == step.state.columnStride && predictions.targets == targetCount)
    var argument = kernelRows(step, into: predictions.scratch.base)
    (argument.reward, argument.termination) = (nil, nil)
    for member in 0..<configuration.ensembleSize {
      argument.mean = predictions.means.base + member * targetCount * predictions.capacity
      argument.variance = predictions.variances.base + member * targetCount * predictions.capacity
      ck_ensemble_step(
        kernel.pointer, Int32(member), Int64(step.count), 0, nil, 0, &argument, nil, stepWorkspace.base)
    }
  }

  package func makePredictions(rows: Int) -> MemberPredictions? {
    MemberPredictions(
      members: configuration.ensembleSize, targets: targetCount, quantities: regressionTargets, capacity: rows,
      changes: (0..<targetCount).map { $0 < layout.observationSize && predictsChange($0) })
  }

  /// The mean prediction of one member: next observation [observation size] (the change already added), then reward
  /// and termination logit where learned.
  package func predict(observation: [Float], action: [Float], member: Int) -> [Float] {
    let size = layout.observationSize
    let step = ImaginedStep(capacity: 1, observationSize: size, actionColumns: layout.actionColumns)
    for column in 0..<size { step.state[0, column] = observation[column] }
    for column in 0..<layout.actionColumns { step.action[0, column] = action[column] }
    var rows = kernelRows(step)
    ck_ensemble_step(kernel.pointer, Int32(member), 1, 0, nil, 0, &rows, nil, stepWorkspace.base)
    return Rows(step.next).array + (learnsReward ? [step.reward[0, 0]] : [])
      + (learnsTermination ? [step.ended[0, 0]] : [])
  }

  package func meanPredictions(observation: [Float], action: [Float]) -> [[Float]] {
    (0..<configuration.ensembleSize).map { predict(observation: observation, action: action, member: $0) }
  }

  /// The elites' mean next observation and their disagreement about it.
  package func disagreement(observation: [Float], action: [Float]) -> EnsembleDisagreement {
    EnsembleDisagreement(
      of: elites.map { member in
        predict(observation: observation, action: action, member: member)
          .prefix(layout.observationSize).map { Double($0) }
      })
  }
}
