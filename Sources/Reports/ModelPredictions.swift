import Experiments
import Algorithms
import Support

/// What a checkpoint's model predicts for real transitions: for checks outside this program.
package struct ModelPredictions {
  /// What every network of a learned model says about one real transition.
  package struct Prediction: Equatable, Sendable {
    package var observation: [Float]
    /// One-hot for discrete actions.
    package var action: [Float]
    /// What really followed.
    package var nextObservation: [Float]
    /// Per member the mean prediction: next observation, then reward and termination logit where learned.
    package var members: [[Float]]
  }

  /// One per transition, the newest last.
  package var predictions: [Prediction] = []

  /// Reads, verifies and restores the checkpoint.
  package init(of path: String, count: Int) throws(ExperimentError) {
    let checkpoint = try Checkpoint.read(path)
    let configuration = try PolicyEvaluation.configuration(of: checkpoint)
    do {
      let loop = try RunLoop(configuration, seed: checkpoint.manifest.seed, threads: 1)
      try loop.restore(checkpoint, LogFolder(Checkpoint.logs(of: path)))
      if let model = loop.agent.model, let replay = loop.agent.replay {
        let record = replay.record(try configuration.task().specification, last: count)
        predictions = (0..<record.count).map { row in
          let (observation, action) = (Array(record.observation(row)), Array(record.action(row)))
          return Prediction(
            observation: observation, action: action, nextObservation: Array(record.nextObservation(row)),
            members: model.meanPredictions(observation: observation, action: action))
        }
      }
    } catch {
      throw ExperimentError(error, step: checkpoint.manifest.step)
    }
    if predictions.isEmpty { throw .failed("\(path) holds no fitted model") }
  }

  /// One JSON object per transition.
  package var lines: [String] {
    predictions.map { prediction in
      func row(_ values: [Float]) -> JSON { .array(values.map { .finite(Double($0)) }) }
      return JSON.object(
        JSONObject([
          ("observation", row(prediction.observation)), ("action", row(prediction.action)),
          ("next_observation", row(prediction.nextObservation)),
          ("members", .array(prediction.members.map(row))),
        ])
      ).compactText
    }
  }
}
