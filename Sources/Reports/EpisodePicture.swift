import Environments
import Foundation
import Support

/// The first evaluated episode as an SVG picture: every column of observations and actions, and the reward, over the
/// steps, a strip each.
package final class EpisodePicture {
  private let title: String
  private let specification: EnvironmentSpecification
  private let buffer: FloatBuffer
  /// [columns][states]: the observation from the reset on.
  private var observations: [[Double]]
  /// [columns][steps]; the index of a discrete action is one column.
  private var actions: [[Double]]
  /// One reward per step.
  private var rewards: [Double] = []
  private var episodes = 0

  /// Of an environment of this kind; `title` stands above the picture.
  package init(_ specification: EnvironmentSpecification, title: String) {
    let size = specification.observationSpace.size
    (self.title, self.specification) = (title, specification)
    actions = [[Double]](
      repeating: [], count: specification.actionSpace.isDiscrete ? 1 : specification.actionSpace.columns)
    buffer = FloatBuffer(count: size)
    observations = [[Double]](repeating: [], count: size)
  }

  /// Takes in a state after a reset (without an outcome) or a step; what follows the first episode is left out.
  package func append(_ environment: any Environment, _ outcome: Outcome?) {
    if outcome == nil { episodes += 1 }
    guard episodes == 1 else { return }
    environment.observe(into: buffer.memory)
    for column in observations.indices { observations[column].append(Double(buffer[column])) }
    if let outcome { rewards.append(outcome.reward) }
  }

  /// Takes in the action of the next step.
  package func append(_ rows: ActionRows) {
    guard episodes == 1 else { return }
    for column in actions.indices {
      actions[column].append(rows.space.isDiscrete ? Double(rows.index(0)) : Double(rows.rows[0, column]))
    }
  }

  /// Of each strip its name, its colour, its values, and the step of the first one.
  private var strips: [(name: String, color: String, values: [Double], first: Double)] {
    let isIndex = specification.observationSpace.isDiscrete
    return observations.enumerated().map { column, values in
      (isIndex ? "state" : specification.observationName(column), "#1f6fb4", values, 0)
    }
      + actions.enumerated().map { column, values in
        let other = actions.count == 1 ? "action" : "action \(column)"
        let names = specification.actionNames
        return (names.isEmpty ? other : names[column], "#2e9e5b", values, 0)
      }
      // A reward belongs to the step that leads to a state, so it is drawn where that state is.
      + [("reward", "#d9601a", rewards, 1)]
  }

  /// The picture; strips share the time axis, each has its own scale.
  package var svg: String {
    let strips = strips
    let (width, height, left, top) = (720.0, 70.0, 110.0, 40.0)
    let total = top + height * Double(strips.count) + 30
    let heading = "\(title): \(rewards.count) steps, return \(EpisodePicture.number(rewards.reduce(0, +)))"
    var lines = [
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(Int(width)) \(Int(total))\" "
        + "font-family=\"sans-serif\" font-size=\"11\">",
      "<rect width=\"\(Int(width))\" height=\"\(Int(total))\" fill=\"white\"/>",
      EpisodePicture.text(heading, width / 2, 22, " text-anchor=\"middle\" font-size=\"14\""),
    ]
    let steps = Double(max(observations.first?.count ?? 1, 2) - 1)
    for (index, strip) in strips.enumerated() {
      let base = top + height * Double(index)
      let (low, high) = (strip.values.min() ?? 0, strip.values.max() ?? 0)
      let range = high > low ? high - low : 1
      let points = strip.values.enumerated().map { place, value in
        let x = left + (Double(place) + strip.first) / steps * (width - left - 20)
        let y = base + height - 12 - (value - low) / range * (height - 22)
        return "\(EpisodePicture.coordinate(x)),\(EpisodePicture.coordinate(y))"
      }.joined(separator: " ")
      let bound = " text-anchor=\"end\" fill=\"#777\""
      lines += [
        EpisodePicture.text(strip.name, 10, base + height / 2),
        EpisodePicture.text(EpisodePicture.number(high), left - 6, base + 14, bound),
        EpisodePicture.text(EpisodePicture.number(low), left - 6, base + height - 10, bound),
        "<polyline fill=\"none\" stroke=\"\(strip.color)\" stroke-width=\"1.5\" points=\"\(points)\"/>",
      ]
    }
    lines.append(EpisodePicture.text("step", left + (width - left) / 2, total - 8, " text-anchor=\"middle\""))
    return (lines + ["</svg>", ""]).joined(separator: "\n")
  }

  private static func text(_ text: String, _ x: Double, _ y: Double, _ attributes: String = "") -> String {
    "<text x=\"\(Int(x))\" y=\"\(Int(y))\"\(attributes)>\(text)</text>"
  }

  private static func coordinate(_ value: Double) -> String { String(format: "%.1f", value) }
  private static func number(_ value: Double) -> String { String(format: "%.4g", value) }
}
