import Environments
import Support

/// The first evaluated episode as a moving picture, at the speed at which a bystander would see it.
package final class EpisodeMovie {
  /// Columns of the picture.
  private static let width = 480
  /// Of a longer episode only every n-th state is shown.
  private static let mostPictures = 1000

  private var gif: AnimatedGIF?
  /// The first state and every n-th one after it.
  private let stride: Int
  private let framesPerSecond: Int
  private var states = 0
  private var episodes = 0
  private var total = 0.0

  /// Of an environment of this kind, which needs a step limit.
  package init(_ specification: EnvironmentSpecification) {
    stride = EpisodeMovie.stride(states: (specification.stepLimit ?? 0) + 1)
    framesPerSecond = specification.framesPerSecond
  }

  /// Takes in a state after a reset (without an outcome) or a step; what follows the first episode is left out.
  package func append(_ environment: any Environment, _ outcome: Outcome?) {
    if outcome == nil { episodes += 1 }
    guard episodes == 1 else { return }
    total += outcome?.reward ?? 0
    defer { states += 1 }
    let isLast = outcome?.isOver ?? false
    guard states % stride == 0 || isLast else { return }
    guard let picture = EpisodeMovie.picture(environment.picture, environment.sketch, step: states, total: total)
    else { return }
    var gif = gif ?? AnimatedGIF(width: picture.width, height: picture.height)
    self.gif = nil  // so that there is one owner and nothing is copied
    // The end stays for a second before it begins anew.
    gif.append(picture, duration: isLast ? 100 : max(2, Int((100 / Double(framesPerSecond)).rounded())))
    self.gif = gif
  }

  /// Every how many of so many states is shown.
  static func stride(states: Int) -> Int { (states + mostPictures - 1) / mostPictures }

  /// The present state with the step and the return until then; nil where nobody draws it.
  static func picture(_ pixels: Raster?, _ sketch: Sketch?, step: Int, total: Double) -> Raster? {
    let raster = pixels.map { $0.enlarged(max(1, width / $0.width)) } ?? sketch.map { Raster($0, width: width) }
    return raster?.captioned("step \(step)  return \(NumberText.short(total))")
  }

  /// The file; empty before the first state.
  package var bytes: [UInt8] { gif?.bytes ?? [] }
}
