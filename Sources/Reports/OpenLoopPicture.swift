import Algorithms
import Environments
import Experiments
import Foundation
import Support

/// The first evaluated episode as a world model expects it: its first half from what is seen, the second half from the
/// actions alone. Truth, prediction and error below each other.
package final class OpenLoopPicture {
  /// What is written.
  package enum Format: String, Sendable {
    /// Pictures, moving; pictures of some steps side by side.
    case gif, png
    /// Every column of the observation over the steps; errors step by step.
    case svg, csv
  }

  /// Steps side by side in a PNG.
  private static let mostColumns = 12
  /// Columns of one picture, about.
  private static let side = 96
  private let record: EpisodeRecord
  private var specification: EnvironmentSpecification { record.specification }

  /// Of an environment of this kind.
  package init(_ specification: EnvironmentSpecification) { record = EpisodeRecord(specification) }

  /// Whether there will be something to show.
  /// - Throws: `.usage` where the agent expects no observations, or pictures are asked of a task that gives none.
  package static func check(_ format: Format, of agent: any Agent, on task: EnvironmentSpecification)
    throws(ExperimentError)
  {
    guard agent.openLoopModel != nil else {
      throw .usage("--open-loop: this agent has no world model of observations; agents with one: dreamer")
    }
    if (format == .gif || format == .png) && !task.observationSpace.isImage {
      throw .usage("--open-loop: \(task.id) gives no pictures here; FILE.svg and FILE.csv show numbers")
    }
  }

  /// Takes in a state after a reset (without an outcome) or a step; what follows the first episode is left out.
  package func append(_ environment: any Environment, _ outcome: Outcome?) { record.append(environment, outcome) }

  /// Takes in the action of the next step.
  package func append(_ rows: ActionRows) { record.append(rows) }

  /// The file; nil where there is no episode, or no picture in it for a picture of pictures.
  package func bytes(_ model: any OpenLoopModel, _ format: Format) -> [UInt8]? {
    let steps = record.states
    guard steps >= 2 else { return nil }
    let known = (steps + 1) / 2
    let (truth, said) = record.predict(model, known: known)
    switch format {
    case .csv: return Array(table(truth.read, said.read, known).utf8)
    case .svg: return Array(chart(truth.read, said.read, known).utf8)
    case .gif:
      guard case .image = specification.observationSpace else { return nil }
      let pictures = (0..<steps).map { picture(truth.read, said.read, $0, known) }
      var gif = AnimatedGIF(width: pictures[0].width, height: pictures[0].height)
      let pause = max(4, 100 / specification.framesPerSecond)
      for picture in pictures { gif.append(picture, duration: pause) }
      return gif.bytes
    case .png:
      guard case .image = specification.observationSpace else { return nil }
      let count = min(steps, OpenLoopPicture.mostColumns)
      let chosen = (0..<count).map { count > 1 ? $0 * (steps - 1) / (count - 1) : 0 }
      return PNG.bytes(Raster.sideBySide(chosen.map { picture(truth.read, said.read, $0, known) }))
    }
  }

  /// Step, whether it was seen, and root mean square errors: of the pixels as shares of 255, of other columns in their
  /// units.
  private func table(_ truth: Rows, _ said: Rows, _ known: Int) -> String {
    let scale: Float = specification.observationSpace.isImage ? 255 : 1
    var lines = ["step,open_loop_steps,error"]
    for step in 0..<truth.count {
      var sum = 0.0
      for column in 0..<truth.columns {
        let error = Double((said[step, column] - truth[step, column]) / scale)
        sum += error * error
      }
      lines.append("\(step),\(max(0, step - known + 1)),\((sum / Double(truth.columns)).squareRoot())")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// Truth, prediction and error below each other; a green bar below what was seen, an orange one below what was not.
  private func picture(_ truth: Rows, _ said: Rows, _ step: Int, _ known: Int) -> Raster {
    guard case .image(let height, let width, let channels) = specification.observationSpace else {
      preconditionFailure("not an image")
    }
    func strip(_ value: @escaping (Float, Float) -> Float) -> Raster {
      .observation(height, width, channels, side: OpenLoopPicture.side) { value(truth[step, $0], said[step, $0]) }
    }
    let strips = [strip { real, _ in real }, strip { $1 }, strip { 128 + ($1 - $0) / 2 }]
    let bar = [UInt32](repeating: (step < known ? Color.green : Color.orange).code, count: 4 * strips[0].width)
    return Raster(
      width: strips[0].width, height: 3 * strips[0].height + 4, pixels: strips.flatMap(\.pixels) + bar)
  }

  /// Every column, truth in grey and prediction in colour; a line where nothing is seen any more.
  private func chart(_ truth: Rows, _ said: Rows, _ known: Int) -> String {
    let (width, strip) = (640.0, 90.0)
    let shown = min(truth.columns, 24)
    var lines = [
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(Int(width)) \(Int(strip) * shown + 20)\" "
        + "font-family=\"sans-serif\" font-size=\"11\">",
      "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>",
    ]
    func number(_ value: Double) -> String { String(format: "%.1f", value) }
    for column in 0..<shown {
      var (low, high) = (Float.infinity, -Float.infinity)
      for step in 0..<truth.count {
        low = min(low, truth[step, column], said[step, column])
        high = max(high, truth[step, column], said[step, column])
      }
      let (base, range) = (strip * Double(column + 1), Double(max(high - low, 1e-6)))
      func x(_ step: Int) -> Double { 110 + Double(step) / Double(truth.count - 1) * (width - 130) }
      func points(_ rows: Rows) -> String {
        (0..<rows.count).map { step in
          let y = base - Double(rows[step, column] - low) / range * (strip - 20)
          return "\(number(x(step))),\(number(y))"
        }.joined(separator: " ")
      }
      let name = specification.observationName(column)
      lines += [
        "<text x=\"8\" y=\"\(number(base - strip / 2))\">\(name)</text>",
        "<line x1=\"\(number(x(known - 1)))\" x2=\"\(number(x(known - 1)))\" y1=\"\(number(base - strip + 20))\" "
          + "y2=\"\(number(base))\" stroke=\"#ccc\"/>",
        "<polyline fill=\"none\" stroke=\"#999\" stroke-width=\"2.5\" points=\"\(points(truth))\"/>",
        "<polyline fill=\"none\" stroke=\"#d9601a\" stroke-width=\"1.2\" points=\"\(points(said))\"/>",
      ]
    }
    return (lines + ["</svg>", ""]).joined(separator: "\n")
  }
}
