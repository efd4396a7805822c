import Algorithms
import Environments
import Experiments
import Support
import TestSupport
import Testing

/// Transitions in files: recorded, held to a task, and at the start of a replay.
@Suite struct TransitionFileTests {
  private let folder = TemporaryFolder()

  private func configuration(
    _ environment: String, agent: String = #"{"type": "random"}"#, training: String = #"{"environmentSteps": 40}"#
  ) throws -> ExperimentConfiguration {
    let text = """
      {"environment": \(environment), "agent": \(agent), "training": \(training), "evaluation": {"episodes": 0}}
      """
    return try ExperimentFile.read(try JSONParser.parse(text), name: "data", source: "data").configuration
  }

  private func record(_ environment: String, steps: Int = 50) throws -> (path: String, EnvironmentSpecification) {
    let configuration = try configuration(environment)
    var recording = RunLoop.Recording()
    (recording.steps, recording.isRandom, recording.seed) = (steps, true, 3)
    let path = folder.file("\(environment.count).safetensors")
    try RunLoop(configuration, seed: 0, threads: 1).record(recording).write(to: path, facts: [])
    return (path, try configuration.task().specification)
  }

  /// What is written is what the environment gave, row by row.
  @Test(arguments: ["LineWorld-v0", "CartPole-v1", "FrozenLake-v1", "FrameCounter-v0"])
  func aFileHoldsWhatHappened(id: String) throws {
    let (path, specification) = try record(#"{"id": "\#(id)", "stepLimit": 9}"#)
    let contents = try Safetensors.read(path)
    #expect(contents.metadata.first { $0.key == "format" }?.value == TransitionFile.format)
    #expect(
      Set(contents.tensors.map(\.name))
        == [
          "observations", "actions", "rewards", "next_observations", "terminated", "truncated", "episode_starts",
        ])
    let file = try TransitionFile(reading: path, for: specification)
    #expect(file.count == 50)
    // The same seeds and the actions of the file give the same again.
    var environment = try configuration(#"{"id": "\#(id)", "stepLimit": 9}"#).environment.make()
    var (episode, rows) = (UInt64(3), 0)
    try file.play(lanes: 1) { steps in
      if steps.isFirst[0] {
        try environment.reset(seed: episode)
        episode += 1
      }
      #expect(environment.observed == (0..<steps.observations.columns).map { steps.observations[0, $0] })
      let outcome = try environment.step(steps.actions.action(0))
      #expect(Float(outcome.reward) == Float(steps.outcomes[0].reward))
      #expect(outcome.isTerminated == steps.outcomes[0].isTerminated)
      #expect(outcome.isTruncated == steps.outcomes[0].isTruncated)
      #expect(environment.observed == (0..<steps.next.columns).map { steps.next[0, $0] })
      rows += 1
    }
    #expect(rows == 50)
  }

  /// What does not fit a task, by place and reason.
  @Test func aFileIsHeldToTheSpaces() throws {
    let (path, line) = try record(#"{"id": "LineWorld-v0"}"#)
    let sound = try Safetensors.read(path).tensors
    func error(_ change: (inout [(name: String, tensor: Archive.Tensor)]) -> Void) -> String {
      var tensors = sound
      change(&tensors)
      let other = folder.file("changed.safetensors")
      do {
        try Safetensors.write(tensors, to: other)
        _ = try TransitionFile(reading: other, for: line)
        return "nothing"
      } catch {
        return "\(error)"
      }
    }
    func set(_ name: String, _ values: [Float], _ shape: [Int]) -> (inout [(name: String, tensor: Archive.Tensor)]) ->
      Void
    {
      { tensors in
        let index = tensors.firstIndex { $0.name == name }!
        tensors[index].tensor = Archive.Tensor(
          elementType: .float32, shape: shape, bytes: values.withUnsafeBytes { [UInt8]($0) }, isWeight: false)
      }
    }
    let ones = [Float](repeating: 1, count: 50)
    #expect(error { $0.removeAll { $0.name == "rewards" } }.contains("rewards: missing"))
    #expect(
      error(set("observations", ones + ones, [50, 2])).contains("observations: has shape [50, 2]; expected [50, 1]"))
    #expect(error(set("observations", Array(ones.dropLast()), [49, 1])).contains("has shape [49, 1]"))
    #expect(error(set("rewards", [.nan] + ones.dropLast(), [50])).contains("rewards[0, 0]: is not finite"))
    #expect(error(set("actions", ones.dropLast() + [1.5], [50, 1])).contains("actions[49, 0]: 1.5 is not within -1"))
    #expect(error(set("terminated", ones, [50])).contains("terminated: expected 0 or 1 (U8)"))
    #expect(error { _ in } == "nothing")
    let cart = try configuration(#"{"id": "CartPole-v1"}"#).task().specification
    #expect(throws: ExperimentError.self) { try TransitionFile(reading: path, for: cart) }
    #expect(throws: ExperimentError.self) { try TransitionFile(reading: folder.file("none"), for: line) }
  }

  /// Every agent with a replay begins with the file's transitions, in any number of lanes, and learns.
  @Test(arguments: ["sac", "mbpo", "pets", "dqn", "dyna", "double-horizon", "dreamer"], [1, 3])
  func aReplayStartsWithAFile(agent: String, lanes: Int) throws {
    let isDiscrete = agent == "dqn" || agent == "dyna"
    let environment = isDiscrete ? #"{"id": "CartPole-v1"}"# : #"{"id": "LineWorld-v0", "stepLimit": 9}"#
    let (path, _) = try record(environment)
    let loop = try RunLoop(
      configuration(
        environment, agent: #"{"type": "\#(agent)"\#(agent == "dreamer" ? #", "size": "nano""# : "")}"#,
        training: #"{"environmentSteps": 60, "environments": \#(lanes)}"#), seed: 0, threads: 1)
    try loop.startReplay(with: path)
    let replay = try #require(loop.agent.replay)
    #expect(replay.count == 50 / lanes * lanes)
    let (before, contents) = (replay.count, try Safetensors.read(path))
    let rewards = try #require(contents.tensors.first { $0.name == "rewards" }).tensor.bytes.withUnsafeBytes {
      Array($0.bindMemory(to: Float.self))
    }
    let stored = replay.all(replay.reward)
    #expect((0..<before).map { stored.read[$0, 0] } == Array(rewards.prefix(before)))
    try loop.step()
    #expect(replay.count == before + lanes)
  }

  /// A run with a file, interrupted and gone on with: the bytes of one that never was, also where the file has gone.
  @Test func aRunGoesOnWithoutTheFile() throws {
    let (path, _) = try record(#"{"id": "LineWorld-v0", "stepLimit": 12}"#)
    let settings = """
      {"environment": {"id": "LineWorld-v0", "stepLimit": 12},
       "agent": {"type": "sac", "initialRandomSteps": 5, "hiddenSizes": [8], "batchSize": 8},
       "training": {"environmentSteps": 40, "data": "\(path)"}, "evaluation": {"episodes": 0},
       "checkpoint": {"every": 10}}
      """
    var (cut, whole) = (try Bench(settings), try Bench(settings))
    (cut.agent, whole.agent) = (nil, nil)
    #expect(try whole.train().exitCode == .success)
    #expect(try cut.train(stop: once(.step(17))).exitCode == .interrupted)
    try FileSystem.removeTree(path)
    #expect(try cut.train().exitCode == .success)
    #expect(try reproducible(try cut.seed()) == reproducible(try whole.seed()))
  }

  @Test func whatCannotStartWithAFileSaysSo() throws {
    let (path, _) = try record(#"{"id": "LineWorld-v0"}"#)
    let settings = """
      {"environment": {"id": "LineWorld-v0"}, "agent": {"type": "ppo"}, "training": {"data": "\(path)"}}
      """
    var bench = try Bench(settings)
    bench.agent = nil
    #expect(error { try bench.plan() }?.description.contains("keeps no replay") == true)
    let other = try Bench(settings.replacing("ppo", with: "sac").replacing(path, with: "/nowhere/file"))
    #expect(error { try other.plan() }?.description.contains("/nowhere/file") == true)
    #expect(FileSystem.kind(of: other.out) == nil)
  }
}
