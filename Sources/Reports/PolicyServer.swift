import Experiments
import Support

/// Lets the policy of a checkpoint act for whoever asks.
package enum PolicyServer {
  /// Restores the checkpoint, then answers until nobody asks any more.
  /// - Parameters:
  ///   - threads: for planning; never changes an answer.
  ///   - seed: the number of the first episode, which its draws hang on; nil: the experiment's evaluation.seed.
  package static func run(
    _ path: String, _ conversation: ServedConversation, isStochastic: Bool, seed: Int?, threads: Int
  ) throws(ExperimentError) {
    let checkpoint = try Checkpoint.read(path)
    let configuration = try PolicyEvaluation.configuration(of: checkpoint)
    try MemoryCheck.need(of: configuration, steps: 0)
    do {
      let loop = try RunLoop(configuration, seed: checkpoint.manifest.seed, threads: threads)
      try loop.restore(checkpoint, omitting: [.plans, .episodes])
      try loop.serve(conversation, isStochastic: isStochastic, seed: seed ?? configuration.evaluation.seed)
    } catch {
      throw ExperimentError(error, step: checkpoint.manifest.step)
    }
  }
}
