import Experiments
import Algorithms
import Support

/// What a checkpoint's model predicts for real transitions: for checks outside this program.
package struct ModelPredictions {
  /// One JSON object per transition, the newest last: what was observed, done (one-hot for discrete actions) and seen
  /// next, and each member's mean prediction of next observation, then reward and termination logit where learned.
  package var lines: [String] = []

  /// Reads, verifies and restores the checkpoint.
  package init(of path: String, count: Int) throws(ExperimentError) {
    let checkpoint = try Checkpoint.read(path)
    let configuration = try PolicyEvaluation.configuration(of: checkpoint)
    do {
      let loop = try RunLoop(configuration, seed: checkpoint.manifest.seed, threads: 1)
      try loop.restore(checkpoint)
      if let learned = loop.agent.learned {
        let replay = learned.replay
        lines = (max(0, replay.count - count)..<replay.count).map { row in
          let (observation, action) = (replay.observation(row), replay.action(row))
          let members = learned.model.meanPredictions(observation: observation, action: action)
          func numbers(_ values: [Float]) -> JSON { .array(values.map { .finite(Double($0)) }) }
          let object: JSON = [
            "observation": numbers(observation), "action": numbers(action),
            "next_observation": numbers(replay.nextObservation(row)), "members": .array(members.map(numbers)),
          ]
          return object.compactText
        }
      }
    } catch {
      throw ExperimentError(error, step: checkpoint.manifest.step)
    }
    if lines.isEmpty { throw .failed("\(path) holds no fitted model") }
  }
}
