import Algorithms
import Foundation
import Support
import TestSupport
import Testing

import Environments
import Experiments

/// What a run will hold in memory is known before it starts, and what there is too.
@Suite struct MemoryTests {
  private static func need(_ environment: String, _ agent: String, _ overrides: [String]) throws -> MemoryNeed {
    let document: JSON = ["environment": ["id": .string(environment)], "agent": ["type": .string(agent)]]
    let file = try ExperimentFile.read(document, name: "x", source: "x", overrides: overrides)
    let configuration = file.configuration
    return configuration.agent.settings.memory(
      try configuration.task(), lanes: configuration.training.environments,
      steps: configuration.training.environmentSteps)
  }

  /// Ten times the setting takes about ten times the part that it decides on, and no less than what is allocated.
  @Test(arguments: [
    ("Pendulum-v1", "pets", ["planner=cem", "planner.population=1000000", "planner.horizon=100"], 1_000_000 * 100 * 8),
    (
      "Pendulum-v1", "pets", ["planner=icem", "planner.population=1000000", "planner.horizon=100"], 1_000_000 * 100 * 16
    ),
    (
      "CartPole-v1", "pets", ["planner=mppi", "planner.population=1000000", "planner.horizon=100"], 1_000_000 * 100 * 12
    ),
    (
      "Pendulum-v1", "pets", ["planner=random-shooting", "planner.population=1000000", "planner.horizon=100"],
      800_000_000
    ),
    (
      "Pendulum-v1", "pets", ["planner=gradient", "planner.restarts=10000", "planner.horizon=100"],
      10_000 * 100 * 5 * 600 * 4
    ),
    (
      "Pendulum-v1", "pets", ["model.ensembleSize=64", "model.hiddenSizes=[4096,4096,4096,4096]"],
      64 * 3 * 4096 * 4096 * 16
    ),
    ("Pendulum-v1", "pets", ["training.environmentSteps=10000000", "agent.replayCapacity=10000000"], 10_000_000 * 28),
    ("Pendulum-v1", "pets", ["training.environments=1000", "planner.horizon=1000"], 1000 * 400 * 1000 * 8),
    ("CartPole-v1", "dyna", ["agent.planningSteps=1000", "agent.batchSize=100000"], 1000 * 100_000 * 14 * 4),
    ("CartPole-v1", "dyna", ["agent.hiddenSizes=[4096,4096,4096]"], 2 * 4096 * 4096 * 20),
    // What was measured beside the same without them.
    ("Pendulum-v1", "sac", ["agent.batchSize=20000", "agent.criticLayerNorm=true"], 926 << 20),
    ("Pendulum-v1", "sac", ["agent.batchSize=20000", "agent.criticDropout=0.01"], 925 << 20),
    (
      "Pendulum-v1", "sac", ["agent.batchSize=20000", "agent.criticLayerNorm=true", "agent.criticDropout=0.01"],
      1554 << 20
    ),
    ("GridWorld-v0", "dyna-q", ["environment.width=1000", "environment.height=1000"], 4_000_000 * 60),
  ])
  func whatGrowsIsCounted(environment: String, agent: String, overrides: [String], least: Int) throws {
    let need = try Self.need(environment, agent, overrides)
    #expect(need.bytes >= least && need.bytes < 40 * least, "\(need)")
    #expect(need.largest(1)[0].bytes >= need.bytes / 3)
  }

  /// More than any machine has: refused with what it is for, before anything of it is allocated.
  @Test func whatCannotBeHeldIsRefused() throws {
    var bench = try Bench(
      #"{"environment": {"id": "Pendulum-v1"}, "agent": {"type": "pets"}, "training": {"environments": 1024}}"#)
    bench.agent = nil
    let found = try #require(
      error { try bench.plan(["planner.population=1000000", "planner.horizon=10000", "planner.elites=2"]) })
    #expect(found.exitCode == .failure)
    #expect(found.description.hasPrefix("about "))
    #expect(found.description.contains("for plans: planner.population 1000000 × planner.horizon 10000"))
    #expect(try bench.plan().memory.bytes > 1 << 20)
  }

  @Test func theMachinesMemory() {
    let text = "MemTotal:       24000000 kB\nMemFree: 5 kB\nMemAvailable:   2048 kB\nSwapFree:          1024 kB\n"
    #expect(Machine.freeMemory(in: text) == 3 << 20)
    #expect(Machine.freeMemory(in: "MemTotal: 5 kB\n") == nil)
    #if os(Linux)
      #expect(Machine.availableMemory != nil)
    #endif
  }

  /// Control groups of both versions, as batch systems and containers set them: the group's own limit and those above.
  @Test func controlGroups() throws {
    let folder = TemporaryFolder()
    func group(_ path: String, _ files: [String: String]) throws {
      try FileSystem.createFolder(folder.file(path))
      for (name, text) in files.sorted(by: { $0.key < $1.key }) { _ = folder.write(text, to: "\(path)/\(name)") }
    }
    try group("job/step", ["memory.max": "max\n", "memory.current": "500\n"])
    try group(
      "job", ["memory.max": "1000\n", "memory.current": "600\n", "memory.stat": "anon 5\ninactive_file 100\n"])
    let second = Machine.controlGroupRooms(root: folder.path, membership: "0::/job/step\n")
    #expect(second.map(\.bytes) == [500])
    try group("memory/job", ["memory.limit_in_bytes": "1000\n", "memory.usage_in_bytes": "1200\n"])
    try group("memory", ["memory.limit_in_bytes": "9223372036854771712\n", "memory.usage_in_bytes": "1200\n"])
    let first = Machine.controlGroupRooms(root: folder.path, membership: "3:cpu:/x\n2:rdma,memory:/job\n")
    #expect(first.map(\.bytes) == [0])
    #expect(Machine.controlGroupRooms(root: folder.path, membership: "nonsense\n").isEmpty)
  }
}
