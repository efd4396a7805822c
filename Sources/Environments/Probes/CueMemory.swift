import Support

/// CueMemory-v0: what was seen once, at the start, decides at the end; nobody without a memory is right more than half
/// the time.
///
///     observation = [cue at step 0, then 0; 1 at the last step, before it 0]         cue = ±1, each with chance ½
///     at step `delay` the action counts: 0 is right for −1, 1 for +1
///     match: reward 1 where it is right, −1 where it is not          offer: 1 takes the cue as the reward, 0 leaves it
///
/// Ends there. A policy without memory has 0 in the mean; one with memory has 1 where the choice has to match the cue,
/// ½ where it is an offer. Of a match neither cue nor choice alone says anything about the reward (it is the product of
/// both), so a model of rewards has no reason to keep the cue until it uses both; an offer's worth hangs on the cue
/// alone for whoever takes at random.
package struct CueMemory: PhysicalEnvironment {
  package struct Configuration: Configurable {
    package enum Choice: String, CaseIterable, Sendable { case match, offer }
    package var choice = Choice.match
    package var delay = 8

    package init() {}

    package mutating func declare(_ fields: Fields) {
      fields.choice("choice", &choice, "match: the action has to be that of the cue; offer: it takes or leaves it")
      fields.integer("delay", &delay, in: 1...900, "steps between the cue and the choice")
    }
  }

  package static let specification = EnvironmentSpecification(
    id: "CueMemory-v0", observationSpace: .box(low: [-1, 0], high: [1, 1]), actionSpace: .discrete(count: 2),
    stepLimit: 1000, rewardRange: -1...1, framesPerSecond: 4, observationNames: ["cue", "choice"],
    summary: "remember a cue for some steps, then choose by it: takes a memory")

  private let choice: Configuration.Choice
  private let delay: Double
  private var cue = 1.0
  private var time = 0.0

  package init(_ configuration: Configuration) {
    (choice, delay) = (configuration.choice, Double(configuration.delay))
  }

  /// One of two cues, by the seed.
  package mutating func reset(seed: UInt64) {
    var random = NumPyRandom(seed: seed)
    cue = random.uniform(-1, 1) < 0 ? -1 : 1
    time = 0
  }

  package mutating func step(_ action: Action) throws -> Outcome {
    let chosen = try action.index(below: 2)
    let isChoice = time == delay
    time += 1
    guard isChoice else { return Outcome(reward: 0, isTerminated: false) }
    let reward = choice == .offer ? (chosen == 1 ? cue : 0) : (chosen == 1) == (cue > 0) ? 1 : -1
    return Outcome(reward: reward, isTerminated: true)
  }

  /// [cue, choice]
  package func observe(into observation: UnsafeMutableBufferPointer<Float>) {
    observation[0] = time == 0 ? Float(cue) : 0
    observation[1] = time == delay ? 1 : 0
  }

  package static let quantities: Quantities = ["cue": \.cue, "time": \.time]

  /// The cue above while it is seen, and how far it is to the choice.
  package var sketch: Sketch? {
    var sketch = Sketch(x: -0.5...10.5, y: -1.5...1.5)
    sketch.bar(.init(0, -0.5), .init(10, -0.5), width: 0.05, .ink)
    sketch.disc(.init(10 * min(1, time / delay), -0.5), radius: 0.3, .blue)
    sketch.bar(.init(10, -0.9), .init(10, -0.1), width: 0.1, .green)
    if time == 0 { sketch.disc(.init(cue > 0 ? 2 : 0, 0.7), radius: 0.5, .green) }
    return sketch
  }
}
