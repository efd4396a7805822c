import Environments
import Support

/// The last state of the first evaluated episode as a picture.
package final class EpisodeStill {
  private var sketch: Sketch?
  /// Of environments that draw pixels themselves, which can be asked at the end only.
  private var pixels: Raster?
  private var steps = 0
  private var total = 0.0
  private var episodes = 0

  /// Nothing yet.
  package init() {}

  /// Takes in a state after a reset (without an outcome) or a step; what follows the first episode is left out.
  package func append(_ environment: any Environment, _ outcome: Outcome?) {
    if outcome == nil { episodes += 1 }
    guard episodes == 1 else { return }
    if let outcome {
      steps += 1
      total += outcome.reward
    }
    sketch = environment.sketch
    if sketch == nil, outcome?.isOver ?? true {
      pixels = EpisodeMovie.picture(environment.picture, nil, step: steps, total: total)
    }
  }

  /// The PNG file; empty before the first state.
  package var bytes: [UInt8] {
    (EpisodeMovie.picture(nil, sketch, step: steps, total: total) ?? pixels).map { PNG.bytes($0) } ?? []
  }
}
