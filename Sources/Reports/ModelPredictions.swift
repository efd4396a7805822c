import Experiments
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
      try loop.restore(checkpoint, LogFolder(Checkpoint.logs(of: path)))
      if let model = loop.agent.model, let replay = loop.agent.replay {
        let record = replay.record(try configuration.task().specification, last: count)
        lines = (0..<record.count).map { row in
          let (observation, action) = (Array(record.observation(row)), Array(record.action(row)))
          let members = model.meanPredictions(observation: observation, action: action)
          func numbers(_ values: [Float]) -> JSON { .array(values.map { .finite(Double($0)) }) }
          let object: JSON = [
            "observation": numbers(observation), "action": numbers(action),
            "next_observation": numbers(Array(record.nextObservation(row))), "members": .array(members.map(numbers)),
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
