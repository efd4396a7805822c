import Algorithms
import Environments
import Support

/// What an agent with a world model sees in the first evaluated episode, beside what its model makes of it: left the
/// observation, right what is rebuilt from the latent state. Of observations that are pictures.
package final class ReconstructionMovie {
  /// Columns of one of the two pictures, about.
  private static let side = 240
  private let record: EpisodeRecord

  /// Of an environment of this kind; nil where it is not seen as a picture.
  package init?(_ specification: EnvironmentSpecification) {
    guard specification.observationSpace.isImage else { return nil }
    record = EpisodeRecord(specification)
  }

  /// Takes in a state after a reset (without an outcome) or a step; what follows the first episode is left out.
  package func append(_ environment: any Environment, _ outcome: Outcome?) { record.append(environment, outcome) }

  /// Takes in the action of the next step.
  package func append(_ rows: ActionRows) { record.append(rows) }

  /// An animated GIF, or the last state as a PNG; empty before the first state.
  package func bytes(_ model: any OpenLoopModel, isStill: Bool) -> [UInt8] {
    guard record.states > 0 else { return [] }
    let (truth, said) = record.predict(model, known: record.states)
    let (last, stride) = (record.states - 1, EpisodeMovie.stride(states: record.states))
    var (gif, total) = (nil as AnimatedGIF?, 0.0)
    let pause = max(2, Int((100 / Double(record.specification.framesPerSecond)).rounded()))
    for step in 0...last {
      if step > 0 { total += record.rewards[step - 1] }
      guard step == last || !isStill && step % stride == 0 else { continue }
      let pair = [picture(truth.read, step).captioned("seen"), picture(said.read, step).captioned("rebuilt")]
      let picture = Raster.sideBySide(pair).captioned("step \(step)  return \(NumberText.short(total))")
      if isStill { return PNG.bytes(picture) }
      if gif == nil { gif = AnimatedGIF(width: picture.width, height: picture.height) }
      // The end stays for a second before it begins anew.
      gif?.append(picture, duration: step == last ? 100 : pause)
    }
    return gif?.bytes ?? []
  }

  private func picture(_ rows: Rows, _ step: Int) -> Raster {
    guard case .image(let height, let width, let channels) = record.specification.observationSpace else {
      preconditionFailure("not an image")
    }
    return .observation(height, width, channels, side: ReconstructionMovie.side) { rows[step, $0] }
  }
}
