import Algorithms
import Foundation
import Support
import TestSupport
import Testing

import Environments
import Experiments

/// Types and settings changed from the command line, on the program's own configurations.
@Suite struct OverrideTests {
  static let configurations: [String] = {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent("configs").path
    let folders = (try? FileSystem.list(root)) ?? []
    return folders.flatMap { name -> [String] in
      name.hasSuffix(".json")
        ? ["\(root)/\(name)"] : ((try? FileSystem.list("\(root)/\(name)")) ?? []).map { "\(root)/\(name)/\($0)" }
    }.filter { EnvironmentRegistry.lack(inFile: $0) == nil && !$0.hasPrefix("\(root)/sweeps/") }
  }()

  private static func load(_ path: String, _ overrides: [String]) throws -> ExperimentFile {
    try ExperimentFile.load(path, overrides: overrides)
  }

  /// What the file says for the other planner is left out with a note; the rest of the file stays.
  @Test(arguments: configurations, PlanOptimizers.entries.map(\.name))
  func anyPlannerOnAnyConfiguration(path: String, planner: String) throws {
    let plain = try Self.load(path, [])
    guard let section = plain.resolved["planner"]?.object else { return }
    for override in ["planner.type=\(planner)", "planner=\(planner)"] {
      let file = try Self.load(path, [override])
      let changed = try #require(file.resolved["planner"]?.object)
      #expect(changed["type"]?.string == planner)
      #expect(changed["horizon"] == section["horizon"])
      #expect(file.resolved["model"] == plain.resolved["model"])
      #expect((section["type"]?.string == planner) == (file.resolved == plain.resolved))
      for note in file.notes { #expect(note.message.hasPrefix("the file's value is left out")) }
      #expect(plain.notes.isEmpty && plain.warnings.isEmpty, "\(plain.warnings)")
    }
  }

  /// Any agent that suits the task, and any task that suits the agent.
  @Test(arguments: configurations)
  func anyAgentOnAnyConfiguration(path: String) throws {
    let plain = try Self.load(path, [])
    for type in Agents.suiting(try plain.configuration.task()) + ["random"] {
      let file = try Self.load(path, ["agent=\(type)"])
      #expect(file.configuration.agent.type == type)
      #expect(file.configuration.environment.id == plain.configuration.environment.id)
    }
    for id in EnvironmentRegistry.availableIDs {
      let task = try #require(EnvironmentConfiguration(id: id)).describe()
      guard Agents.suiting(task).contains(plain.configuration.agent.type) else { continue }
      #expect(try Self.load(path, ["environment=\(id)"]).configuration.environment.id == id)
    }
  }

  static let base = """
    {"environment": {"id": "Pendulum-v1", "gravity": 5}, "agent": {"type": "pets", "randomEpisodes": 0.5},
     "planner": {"type": "cem", "elites": 7, "population": 50, "horizn": 3}}
    """

  private static func read(_ text: String, _ overrides: [String]) throws -> ExperimentFile {
    try ExperimentFile.read(try JSONParser.parse(text), name: "x", source: "x", overrides: overrides)
  }

  /// Only what another type knows is left out: a misspelt setting of the file stays a mistake, and so does one that
  /// stands beside the type on the command line.
  @Test func onlyTheFilesSettingsOfAnotherTypeAreLeftOut() throws {
    let sound = Self.base.replacing(", \"horizn\": 3", with: "")
    let file = try Self.read(sound, ["planner=mppi", "environment=CartPole-v1"])
    #expect(
      file.notes.map(\.description) == [
        "environment.gravity: the file's value is left out: environment.id \"CartPole-v1\" has no such setting",
        "planner.elites: the file's value is left out: planner.type \"mppi\" has no such setting",
      ])
    #expect(try Self.read(sound, ["agent=random"]).notes.map(\.path) == ["agent.randomEpisodes", "planner"])
    #expect(throws: ExperimentError.self) { try Self.read(Self.base, ["planner=mppi"]) }
    #expect(throws: ExperimentError.self) { try Self.read(sound, ["planner=mppi", "planner.elites=5"]) }
    #expect(throws: ExperimentError.self) { try Self.read(sound, ["agent=random", "planner.horizon=5"]) }
  }

  /// A setting of the same name and another kind: dyna's learning rate is a number, dyna-q's a course.
  @Test func aValueOfAnotherKindIsLeftOut() throws {
    let text = """
      {"environment": {"id": "CartPole-v1"}, "agent": {"type": "dyna", "learningRate": 0.01, "discount": 0.5}}
      """
    let file = try Self.read(text, ["agent=dyna-q", "environment=Taxi-v4"])
    #expect(file.notes.map(\.path) == ["agent.learningRate"])
    #expect(file.resolved["agent"]?.object?["discount"]?.double == 0.5)
  }

  @Test func settingsAreRemoved() throws {
    let sound = Self.base.replacing(", \"horizn\": 3", with: "")
    for removal in ["planner.population=null", "~planner.population"] {
      let file = try Self.read(sound, [removal])
      #expect(file.resolved["planner"]?.object?["population"]?.integer == 400)
      #expect(file.entries.first { $0.path == "planner.population" }?.provenance == .standard)
    }
    #expect(try Self.read(sound, ["planner=null"]).resolved["planner"]?.object?["elites"]?.integer == 40)
    #expect(try Self.read(sound, ["seeds=0-2,7", "name=null"]).configuration.seeds == [0, 1, 2, 7])
    #expect(try Self.read(sound, ["name=null"]).configuration.name == "null")
    #expect(try Self.read(sound, ["planner.model=true"]).configuration.seeds == [0])
  }
}
