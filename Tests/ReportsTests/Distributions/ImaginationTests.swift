import Algorithms
import Environments
import Experiments
import Reports
import Support
import TestSupport
import Testing

/// Transitions that a model makes up, and their comparison with real ones.
@Suite struct ImaginationTests {
  private let folder = TemporaryFolder()

  private func configuration(_ agent: String, environment: String = #"{"id": "CartPole-v1"}"#) throws
    -> ExperimentConfiguration
  {
    let text = """
      {
        "environment": \(environment), "agent": \(agent), "training": {"environmentSteps": 400},
        "evaluation": {"episodes": 0}
      }
      """
    return try ExperimentFile.read(try JSONParser.parse(text), name: "data", source: "data").configuration
  }

  private func cartPole() throws -> any Environment {
    try configuration(#"{"type": "random"}"#).environment.make()
  }

  /// An ensemble that has seen 400 random transitions; after a single pass it knows next to nothing.
  private func learned(epochs: Int = 60) throws -> RunLoop {
    var text = #"{"type": "pets", "initialRandomSteps": 400, "fitEvery": 400}, "model": {"ensembleSize": 3, "#
    text += #""hiddenSizes": [32, 32], "epochs": \#(epochs), "batchSize": 32, "normalizesTargets": true}, "planner": "#
    text += #"{"type": "random-shooting", "horizon": 3, "population": 10}"#
    let loop = try RunLoop(try configuration(text), seed: 0, threads: 1)
    for _ in 0..<400 { try loop.step() }
    return loop
  }

  private func recorded(_ loop: RunLoop, _ name: String, seed: Int, steps: Int = 1000) throws -> String {
    var recording = RunLoop.Recording()
    (recording.steps, recording.isRandom, recording.seed) = (steps, true, seed)
    try loop.record(recording).write(to: folder.file(name), facts: [("environment", "CartPole-v1")])
    return folder.file(name)
  }

  @Test func rolloutsAreTheModels() throws {
    let loop = try learned()
    let specification = try cartPole().specification
    let real = try TransitionFile(reading: try recorded(loop, "real.safetensors", seed: 50), for: specification)
    var imagining = RunLoop.Imagining()
    (imagining.steps, imagining.isRandom, imagining.horizon) = (100, true, 7)
    let file = try loop.imagine(imagining)
    #expect(file.count == 100)
    // A rollout begins after the reset with its own seed, goes on where it is, and ends by its end or after 7 steps.
    var environment = try cartPole()
    var (rollout, length, last, ends) = (UInt64(0), 0, [Float](), 0)
    file.play(lanes: 1) { steps in
      let now = steps.observations.row(0).array
      if steps.isFirst[0] {
        #expect(throws: Never.self) { try environment.reset(seed: rollout) }
        #expect(now == environment.observed)
        (rollout, length) = (rollout + 1, 0)
      } else {
        #expect(now == last)
      }
      length += 1
      last = steps.next.row(0).array
      ends += steps.outcomes[0].isTerminated ? 1 : 0
      #expect(steps.outcomes[0].isTruncated == (length == 7 && !steps.outcomes[0].isTerminated))
      #expect(steps.outcomes[0].reward == 1)
    }
    #expect(rollout >= 100 / 7 && ends < 15)
    // From given states: single steps, spread over the file, near what happens there.
    imagining.horizon = nil
    imagining.starts = real
    let single = try loop.imagine(imagining)
    let seen = FloatBuffer(count: 4)
    var row = 0
    single.play(lanes: 1) { steps in
      real.readObservation(row * 10, into: seen.memory)
      #expect(steps.isFirst[0] && steps.outcomes[0].isOver && Array(seen.memory) == steps.observations.row(0).array)
      #expect(abs(steps.next[0, 0] - steps.observations[0, 0]) < 0.2)
      row += 1
    }
    #expect(row == 100)
  }

  @Test func theSameAgain() throws {
    let loop = try learned()
    var imagining = RunLoop.Imagining()
    (imagining.steps, imagining.isRandom) = (60, true)
    for name in ["a", "b"] { try loop.imagine(imagining).write(to: folder.file(name), facts: []) }
    imagining.seed = 1
    try loop.imagine(imagining).write(to: folder.file("c"), facts: [])
    let bytes = try ["a", "b", "c"].map { try FileSystem.read(folder.file($0), limit: 1 << 20) }
    #expect(bytes[0] == bytes[1] && bytes[0] != bytes[2])
  }

  @Test func whoHasNoModelOfObservations() throws {
    for (agent, environment) in [
      (#"{"type": "random"}"#, #"{"id": "CartPole-v1"}"#),
      (#"{"type": "dreamer", "size": "nano"}"#, #"{"id": "CartPole-v1"}"#),
    ] {
      let loop = try RunLoop(try configuration(agent, environment: environment), seed: 0, threads: 1)
      #expect { try loop.imagine(RunLoop.Imagining()) } throws: { "\($0)".contains("agents with one: pets") }
    }
  }

  /// A model that has hardly been fitted is told apart from what is real; another recording is not.
  @Test func comparison() throws {
    let loop = try learned(epochs: 1)
    let paths = try [
      recorded(loop, "real.safetensors", seed: 1000), recorded(loop, "again.safetensors", seed: 3000),
    ]
    var imagining = RunLoop.Imagining()
    (imagining.steps, imagining.isRandom, imagining.seed) = (1000, true, 5000)
    let made = folder.file("made.safetensors")
    try loop.imagine(imagining).write(to: made, facts: [("environment", "CartPole-v1")])
    let comparison = try DistributionComparison(paths + [made])
    #expect(comparison.names == ["real", "again", "made"])
    #expect(
      comparison.reference.columns.map(\.name).filter { !$0.hasPrefix("change") }
        == ["x, m", "ẋ, m/s", "θ, rad", "θ̇, rad/s", "action", "reward", "ends"])
    #expect(comparison.reference.columns.count == 11 && comparison.reference.rows == 1000)
    let (again, other) = (comparison.results[0], comparison.results[1])
    #expect(other.classifier.accuracy > 0.75 && again.classifier.accuracy < 0.65)
    #expect(other.energy.share > 10 * again.energy.share)
    // Rewards are 1 in all of them.
    #expect(other.columns[9].distance == 0 && other.columns[9].chance == 1)
    #expect(comparison.lines.count > 18 && comparison.verdict.count == 2)
    let table = try CSVTable(comparison.csv)
    // Two of each column of the reference, and of each other file four of a column and four of the whole.
    #expect(table.rowCount == 22 + 2 * 48)
    #expect(comparison.json.object?["others"]?.array?.count == 2)
    let drawing = comparison.drawing
    #expect(drawing.svg(.reader).contains("change of θ̇, rad/s") && drawing.width > 800)
    // A file against itself.
    let itself = try DistributionComparison([paths[0], paths[0]])
    #expect(itself.results[0].energy.distance == 0 && itself.results[0].classifier.accuracy == 0.5)
    #expect(itself.verdict[0].contains("cannot tell"))
  }

  @Test func filesThatDoNotFit() throws {
    let loop = try learned()
    let path = try recorded(loop, "real.safetensors", seed: 0, steps: 20)
    let other = folder.file("other.safetensors")
    var recording = RunLoop.Recording()
    (recording.steps, recording.isRandom) = (20, true)
    let line = try RunLoop(
      try configuration(#"{"type": "random"}"#, environment: #"{"id": "Pendulum-v1"}"#), seed: 0, threads: 1)
    try line.record(recording).write(to: other, facts: [("environment", "Pendulum-v1")])
    #expect { try DistributionComparison([path, other]) } throws: { "\($0)".contains("the tasks differ") }
    try Safetensors.write([], to: other)
    #expect { try DistributionComparison([path, other]) } throws: { "\($0)".contains("is no file of transitions") }
    let pictures = folder.file("pictures.safetensors")
    let frames = try RunLoop(
      try configuration(#"{"type": "random"}"#, environment: #"{"id": "FrameCounter-v0"}"#), seed: 0, threads: 1)
    try frames.record(recording).write(to: pictures, facts: [])
    #expect { try RecordedColumns(reading: pictures) } throws: { "\($0)".contains("are pictures") }
  }
}
