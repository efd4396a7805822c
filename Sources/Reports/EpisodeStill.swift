import Environments
import Support

/// The last state of the first evaluated episode as a picture.
package final class EpisodeStill {
  private var sketch: Sketch?
  private var steps = 0
  private var total = 0.0
  private var episodes = 0

  /// Nothing yet.
  package init() {}

  /// Takes in a state after a reset (without an outcome) or a step; what follows the first episode is left out.
  package func append(_ environment: any Environment, _ outcome: Outcome?) {
    if outcome == nil { episodes += 1 }
    guard episodes == 1 else { return }
    sketch = environment.sketch
    guard let outcome else { return }
    steps += 1
    total += outcome.reward
  }

  /// The PNG file; empty before the first state.
  package var bytes: [UInt8] {
    sketch.map { PNG.bytes(EpisodeMovie.picture($0, step: steps, total: total)) } ?? []
  }
}
