import Support

/// FrameCounter-v0: a picture that counts, for tests of models that see pictures: what a model says can be read off.
///
///     frame t: every pixel is t·brightness; the reward that comes with it is t/10
///
/// Ten steps; actions change nothing.
package struct FrameCounter: PhysicalEnvironment {
  package struct Configuration: Configurable {
    package var side = 16
    package var brightness = 25

    package init() {}

    package mutating func declare(_ fields: Fields) {
      fields.integer("side", &side, in: 1...256, "pixels of a side")
      fields.integer("brightness", &brightness, in: 1...25, "what a pixel gains with every step, of 255")
    }
  }

  package static let specification = EnvironmentSpecification(
    id: "FrameCounter-v0", observationSpace: .image(height: 16, width: 16, channels: 1),
    actionSpace: .discrete(count: 2), stepLimit: 10, rewardRange: 0...1, framesPerSecond: 4,
    summary: "pictures of one shade that count to ten, with rewards of a tenth (10 steps)")

  package let specification: EnvironmentSpecification
  private let brightness: Double
  private var time = 0.0

  package init(_ configuration: Configuration) {
    var specification = FrameCounter.specification
    specification.showObservations(in: .image(height: configuration.side, width: configuration.side, channels: 1))
    self.specification = specification
    brightness = Double(configuration.brightness)
  }

  /// Frame 0; the seed changes nothing.
  package mutating func reset(seed: UInt64) { time = 0 }

  package mutating func step(_ action: Action) throws -> Outcome {
    _ = try action.index(below: 2)
    time = min(time + 1, 10)
    return Outcome(reward: time / 10, isTerminated: false)
  }

  /// The shade of every pixel.
  package func observe(into observation: UnsafeMutableBufferPointer<Float>) {
    observation.update(repeating: Float(time * brightness))
  }

  package static let quantities: Quantities = ["time": \.time]

  /// A bar that grows with the count.
  package var sketch: Sketch? {
    var sketch = Sketch(x: 0...11, y: 0...2)
    sketch.bar(.init(0, 1), .init(0.5 + time, 1), width: 1, .blue)
    sketch.bar(.init(0, 0.2), .init(11, 0.2), width: 0.1, .ink)
    return sketch
  }
}
