import Foundation
import Support
import Synchronization
import TestSupport
import Testing

import Environments
import Experiments

/// Remembers what runs told.
final class Recorder: RunObserver {
  private let state = Guarded<[(seed: Int, event: RunEvent)]>([])
  var events: [(seed: Int, event: RunEvent)] { state.withLock { $0 } }

  func report(seed: Int, _ event: RunEvent) { state.withLock { $0.append((seed, event)) } }

  var warnings: [String] {
    events.compactMap { if case .warning(let text) = $0.event { text } else { nil } }
  }
}

/// One experiment in a folder of its own, trained as often as a test likes.
struct Bench {
  let folder: TemporaryFolder
  let recorder = Recorder()
  var settings: String
  /// Replaces the configured agent.
  var agent: ScriptedAgent.Configuration? = ScriptedAgent.Configuration()
  /// Replaces the configured environment.
  var environment: EnvironmentConfiguration?

  init(_ settings: String) throws {
    folder = TemporaryFolder()
    self.settings = settings
  }

  /// Short episodes, and evaluations, checkpoints and rows at steps that rarely coincide.
  static let small = """
    {"environment": {"id": "LineWorld-v0", "stepLimit": 12}, "agent": {"type": "random"},
     "training": {"environmentSteps": 200}, "evaluation": {"every": 50, "episodes": 2},
     "checkpoint": {"every": 35}, "logging": {"progressEvery": 15}}
    """

  var out: String { "\(folder.path)/runs" }

  func plan(
    _ overrides: [String] = [], seeds: [Int] = [0], jobs: Int = 1, resume: ResumeMode = .auto, path: String? = nil
  ) throws -> TrainingPlan {
    let file = "\(folder.path)/bench.json"
    try FileSystem.writeAtomically(settings, to: file)
    var request = TrainingPlan.Request(path: path ?? file)
    request.overrides = overrides
    request.seeds = seeds
    request.jobs = jobs
    request.out = out
    request.resume = resume
    var plan = try TrainingPlan(request)
    if let agent { plan.experiment.configuration.agent.settings = agent }
    if let environment { plan.experiment.configuration.environment = environment }
    return plan
  }

  @discardableResult
  func train(
    _ overrides: [String] = [], seeds: [Int] = [0], jobs: Int = 1, resume: ResumeMode = .auto, path: String? = nil,
    stop: @escaping StopRequest = { _, _ in false }
  ) throws -> Training.Result {
    let plan = try plan(overrides, seeds: seeds, jobs: jobs, resume: resume, path: path)
    return Training.run(plan, try Training.claim(plan), observer: recorder, shouldStop: stop)
  }

  /// The folder of a seed of the only run.
  func seed(_ seed: Int = 0) throws -> String { "\(try run())/seed-\(seed)" }

  func run() throws -> String {
    let names = try FileSystem.list(out)
    return "\(out)/\(try #require(names.first))"
  }
}

/// Stops once, at the first question about that point.
func once(_ point: StopPoint) -> StopRequest {
  let fired = Flag()
  return { _, asked in asked == point && fired.raise() }
}

final class Flag: Sendable {
  private let isRaised = Atomic(false)
  /// True the first time.
  func raise() -> Bool { !isRaised.exchange(true, ordering: .relaxed) }
}

/// What must be the same byte for byte: tables without their wall-clock columns, weights, and all other state.
func reproducible(_ seedDirectory: String) throws -> [String: String] {
  var contents: [String: String] = [:]
  for (name, clocks) in [("episodes", 1), ("eval", 1), ("progress", 2), ("model", 1)] {
    contents[name] = try withoutClocks("\(seedDirectory)/\(name).csv", columns: clocks)
  }
  let latest = "\(seedDirectory)/checkpoints/latest"
  contents["weights"] = try FileChecksum.ofFile("\(latest)/\(Checkpoint.weightsName)")
  contents["state"] = try FileChecksum.ofFile("\(latest)/\(Checkpoint.stateName)")
  let clocks = ["run.progress.rowSeconds", "run.progress.elapsedSeconds"]
  contents["scalars"] = try Checkpoint.read(latest).manifest.scalars.filter { !clocks.contains($0.name) }
    .map { "\($0.name)=\($0.value)" }.joined(separator: "\n")
  return contents
}

func withoutClocks(_ path: String, columns: Int) throws -> String {
  text(path).split(separator: "\n").map { line in
    line.split(separator: ",", omittingEmptySubsequences: false).dropLast(columns).joined(separator: ",")
  }.joined(separator: "\n")
}

func text(_ path: String) -> String {
  (try? FileSystem.read(path, limit: 1 << 30)).map { String(decoding: $0, as: UTF8.self) } ?? "(missing)"
}

/// Runs and returns the error that came.
func error<Result>(of body: () throws -> Result) -> ExperimentError? {
  do {
    _ = try body()
    return nil
  } catch {
    return ExperimentError(error)
  }
}
