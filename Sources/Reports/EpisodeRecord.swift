import Algorithms
import Environments
import Support

/// What was seen and done in the first evaluated episode.
package final class EpisodeRecord {
  package let specification: EnvironmentSpecification
  private var observations: [Float] = []
  private var actions: [Float] = []
  /// Of every step.
  package private(set) var rewards: [Double] = []
  private var episodes = 0
  private let buffer: FloatBuffer

  /// Of an environment of this kind.
  package init(_ specification: EnvironmentSpecification) {
    self.specification = specification
    buffer = FloatBuffer(count: specification.observationSpace.size)
  }

  /// Takes in a state after a reset (without an outcome) or a step; what follows the first episode is left out.
  package func append(_ environment: any Environment, _ outcome: Outcome?) {
    if outcome == nil { episodes += 1 }
    guard episodes == 1 else { return }
    environment.observe(into: buffer.memory)
    observations += buffer.readOnly
    if let outcome { rewards.append(outcome.reward) }
  }

  /// Takes in the action of the next step.
  package func append(_ rows: ActionRows) {
    guard episodes == 1 else { return }
    actions += Rows(rows.rows).row(0).array
  }

  /// States that were seen.
  package var states: Int { observations.count / buffer.count }

  /// What was seen, and what a world model expects that sees the first `known` states of it, [states, columns].
  package func predict(_ model: any OpenLoopModel, known: Int) -> (truth: RowBuffer, said: RowBuffer) {
    let (truth, taken, said) = (
      RowBuffer(states, buffer.count), RowBuffer(states, specification.actionSpace.columns),
      RowBuffer(states, buffer.count)
    )
    _ = truth.memory.update(fromContentsOf: observations)
    _ = taken.memory.update(fromContentsOf: actions)
    model.predict(
      truth.read, actions: taken.read, known: known, random: RandomStream(seed: 0).stream("open loop"), into: said.rows)
    return (truth, said)
  }
}

extension Raster {
  /// An observation that is a picture, one row of its numbers, about as large as asked; of a stack the newest frame.
  /// - Parameter value: of a number's place, 0 to 255.
  static func observation(
    _ height: Int, _ width: Int, _ channels: Int, side: Int, _ value: (Int) -> Float
  ) -> Raster {
    let scale = max(1, side / max(height, width))
    let (columns, rows) = (width * scale, height * scale)
    var pixels = [UInt32](repeating: 0, count: columns * rows)
    for row in 0..<rows {
      for column in 0..<columns {
        let place = (row / scale * width + column / scale) * channels
        var code: UInt32 = 0
        for color in 0..<3 {
          // One channel is grey.
          let channel = channels >= 3 ? place + channels - 3 + color : place + channels - 1
          code = code << 8 | UInt32(max(0, min(255, value(channel).rounded())))
        }
        pixels[row * columns + column] = code
      }
    }
    return Raster(width: columns, height: rows, pixels: pixels)
  }
}
