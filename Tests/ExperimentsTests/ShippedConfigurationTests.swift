import Algorithms
import Environments
import Foundation
import Support
import TestSupport
import Testing

import Experiments

/// Every file under configs/: read without a warning, and seen to run.
@Suite struct ShippedConfigurationTests {
  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("configs").path

  static let files = all.filter { !$0.hasPrefix("sweeps/") }

  private static let all: [String] = {
    let found = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []
    return found.filter { $0.hasSuffix(".json") }.sorted()
  }()

  /// Files of Gymnasium's environments, which need a Python that has them.
  static let foreign = files.filter { $0.hasPrefix("gymnasium/") }

  /// Every setting is right, whether there is such a Python or not; all is known of the task where there is.
  @Test(arguments: foreign) func onlyAPythonIsMissing(name: String) throws {
    do {
      _ = try ExperimentFile.load("\(Self.folder)/\(name)")
    } catch ExperimentError.configuration(_, let faults) {
      #expect(faults.count == 1)
      #expect(faults.first?.path == "environment.id")
      #expect(faults.first?.message.contains("scripts/setup-gymnasium.sh") == true, "\(faults)")
    }
  }

  /// Whether the task of a file can be had here; where not, that is said. Where MuJoCo is missing, files of its tasks are
  /// refused for that alone.
  private static func canRun(_ name: String) throws -> Bool {
    if EnvironmentRegistry.lack(inFile: "\(folder)/\(name)") == nil { return true }
    do throws(ExperimentError) {
      _ = try ExperimentFile.load("\(folder)/\(name)")
      Issue.record("\(name) was read without its environment")
    } catch {
      guard case .configuration(_, let faults) = error else { throw error }
      #expect(faults.map(\.path) == ["environment.id"], "\(name): \(error)")
    }
    return false
  }

  /// Their experiments stand in files that are named from the repository's root.
  @Test(arguments: all.filter { $0.hasPrefix("sweeps/") }) func isASweep(name: String) throws {
    var sweep = try SweepFile.load("\(Self.folder)/\(name)")
    let experiment = try #require(sweep.experiment.string)
    sweep.experiment = .string("\(Self.folder)/../\(experiment)")
    let plan = try SweepPlan(sweep)
    #expect(plan.warnings.isEmpty && plan.variants.count > 1)
  }

  @Test(arguments: files.filter { !foreign.contains($0) }) func isReadWithoutAWarning(name: String) throws {
    guard try Self.canRun(name) else { return }
    let file = try ExperimentFile.load("\(Self.folder)/\(name)")
    #expect(file.warnings.isEmpty)
    #expect(file.notes.isEmpty)
  }

  /// Each policy has a file for every task of its kind of actions.
  @Test func policiesHaveAllTasks() {
    let boxes = ["cartpole-swingup", "mountain-car-continuous", "pendulum", "pushing-arm", "reacher"]
    let discrete = ["acrobot", "cartpole"]
    for agent in ["sac", "ppo", "mbpo"] {
      for task in boxes + discrete { #expect(Self.files.contains("\(agent)/\(task).json")) }
    }
    for task in discrete { #expect(Self.files.contains("dqn/\(task).json")) }
  }

  /// With small networks and few rows, past the first update.
  @Test(arguments: files.filter { ["sac", "ppo", "dqn", "mbpo"].contains($0.prefix { $0 != "/" }) })
  func runs(name: String) throws {
    guard try Self.canRun(name) else { return }
    let (isPPO, isMBPO) = (name.hasPrefix("ppo/"), name.hasPrefix("mbpo/"))
    var overrides = ["training.environmentSteps=24", "agent.batchSize=4"]
    overrides.append(isPPO ? "agent.rolloutLength=4" : "agent.initialRandomSteps=8")
    if name.hasPrefix("dqn/") { overrides.append("agent.updateEvery=4") }
    if isPPO { overrides.append("training.environments=2") }
    if isMBPO { overrides += ["agent.fitEvery=8", "agent.rolloutStarts=16", "model.epochs=1"] }
    let file = try ExperimentFile.load("\(Self.folder)/\(name)", overrides: overrides)
    let loop = try RunLoop(file.configuration, seed: 0, threads: 1)
    while loop.progress.step < 24 { try loop.step() }
    #expect(loop.metrics.updates > 0)
  }
}
