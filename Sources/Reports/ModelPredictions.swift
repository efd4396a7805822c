import Experiments
import Algorithms
import Support

/// What a checkpoint's model predicts for real transitions: for checks outside this program.
package struct ModelPredictions {
  /// One prediction per transition, the newest last.
  package var predictions: [ModelPrediction]

  /// Reads, verifies and restores the checkpoint.
  package init(of path: String, count: Int) throws(ExperimentError) {
    let checkpoint = try Checkpoint.read(path)
    let configuration = try PolicyEvaluation.configuration(of: checkpoint)
    do {
      let loop = try RunLoop(configuration, seed: checkpoint.manifest.seed, threads: 1)
      try loop.restore(checkpoint)
      predictions = loop.agent.modelPredictions(last: count)
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
