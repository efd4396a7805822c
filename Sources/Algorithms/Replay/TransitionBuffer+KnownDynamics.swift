import Environments

extension TransitionBuffer {
  /// See `Replay`.
  package func requireAgreement(
    with task: EnvironmentDescription, reward checksReward: Bool, termination checksTermination: Bool
  ) throws {
    guard checksReward || checksTermination else { return }
    try TransitionRecord(
      task.specification, observations: observations, actions: actions, nextObservations: nextObservations,
      rewards: rewards, terminated: terminated
    ).requireAgreement(with: task, reward: checksReward, termination: checksTermination)
  }
}
