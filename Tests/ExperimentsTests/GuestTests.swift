import Environments
import Experiments
import Support
import TestSupport
import Testing

/// Runs on environments that can fail, refuse copies and live on threads of their own.
@Suite struct GuestTests {
  private func bench(_ fault: ThreadedSimulation.Fault, environments: Int = 1) throws -> Bench {
    var bench = try Bench(
      """
      {"environment": {"id": "LineWorld-v0", "stepLimit": 12}, "agent": {"type": "random"},
       "training": {"environmentSteps": 60, "environments": \(environments)}, "evaluation": {"episodes": 0},
       "checkpoint": {"every": 20}, "logging": {"progressEvery": 15}}
      """)
    bench.agent = nil
    var settings = PointSettings()
    (settings.isThreaded, settings.fault) = (true, fault)
    bench.environment = EnvironmentConfiguration(id: "Point", settings)
    return bench
  }

  @Test func anEnvironmentThatCannotBeMadeEndsTheRunWithItsReason() throws {
    let bench = try bench(.cannotStart)
    #expect(try bench.train().exitCode == .failure)
    let status = try #require(RunStatus.read("\(try bench.seed())/status.json"))
    #expect((status.state, status.reason) == (.failed, "the worker does not start"))
  }

  /// The same command goes on from the last checkpoint, to the bytes of a run whose worker never died.
  @Test(arguments: [1, 3]) func aWorkerThatDiesFailsTheRunAndTheNextSessionGoesOn(environments: Int) throws {
    var failing = try bench(.step(environments == 1 ? 33 : 12), environments: environments)
    #expect(try failing.train().exitCode == .failure)
    let status = try #require(RunStatus.read("\(try failing.seed())/status.json"))
    #expect((status.state, status.reason) == (.failed, "the worker is gone"))
    let sound = try bench(.none, environments: environments)
    failing.environment = sound.environment
    #expect(try failing.train().exitCode == .success)
    #expect(try sound.train().exitCode == .success)
    #expect(try reproducible(try failing.seed()) == reproducible(try sound.seed()))
  }

  /// What does not repeat itself cannot be resumed in mid-episode: the run says so and begins another episode.
  @Test func aLostEpisodeIsSaid() throws {
    let bench = try bench(.drift)
    #expect(try bench.train(stop: once(.step(17))).exitCode == .interrupted)
    #expect(try bench.train().exitCode == .success)
    #expect(bench.recorder.warnings.contains { $0.contains("Point does not repeat itself") })
    let rows = try CSVTable.read("\(try bench.seed())/episodes.csv").rows(EpisodeRow.self)
    try #require(rows.count >= 2)
    let lost = try #require(rows.firstIndex { $0.step > 17 })
    #expect(rows[lost].step == 17 + rows[lost].length, "the episode after the loss began at once: \(rows)")
    #expect(rows[lost].episode == (lost == 0 ? 0 : rows[lost - 1].episode) + 2, "\(rows)")
  }

  /// Planning with the environment itself is refused by name where it cannot be copied.
  @Test func planningWithWhatCannotBeCopiedIsRefused() throws {
    var configuration = ExperimentConfiguration()
    let text = #"{"agent": {"type": "pets"}, "planner": {"model": "true"}}"#
    guard case .object(let overlay) = try JSONParser.parse(text) else { return }
    Fields.read(&configuration, from: overlay)
    let fields = Fields()
    let task = EnvironmentDescription(try #require(bench(.none).environment).make())
    configuration.agent.settings.check(task, fields)
    #expect(
      fields.faults.map(\.description) == [
        "planner.model: Point cannot be copied, so nothing can be imagined with it; use \"learned\""
      ])
  }
}
