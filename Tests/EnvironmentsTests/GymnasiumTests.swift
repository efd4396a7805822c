import Foundation
import Support
import TestSupport
import Testing

import Environments

/// Environments in a Python worker. Those of the stand-in need python3 alone.
@Suite(.enabled(if: PythonWorker.isThere, "python3 is missing")) struct GymnasiumTests {
  private let worker = PythonWorker()

  private func make(
    _ kwargs: JSONObject = [:], _ others: JSONObject = [:], parts: [String] = ["fake"]
  ) throws -> EnvironmentConfiguration {
    let (configuration, faults) = PythonWorker.configuration(worker.settings(kwargs, others, parts: parts))
    #expect(faults == [])
    return configuration
  }

  // MARK: Spaces

  @Test(arguments: [["fake"], ["fake", "bare"]]) func observationsOfEveryKind(parts: [String]) throws {
    let nine: [Float] = [9, 9]
    let cases: [(kwargs: JSONObject, others: JSONObject, space: ObservationSpace)] = [
      (["observation": "box"], [:], .box(low: [-9, -9], high: nine)),
      (["observation": "index"], [:], .discrete(count: 8)),
      (["observation": "index"], ["observation": "vector"], .box(low: zeros(8), high: ones(8))),
      (["observation": "image"], [:], .image(height: 4, width: 5, channels: 3)),
      (["observation": "image"], ["observation": "vector"], .box(low: zeros(60), high: ones(60).map { $0 * 255 })),
      (["observation": "bits"], [:], .box(low: zeros(3), high: ones(3))),
      (["observation": "several"], [:], .box(low: zeros(7), high: ones(7))),
      (["observation": "dict"], ["drop": ["note"]], .box(low: [-9, -9, 0, 0, 0], high: [9, 9, 1, 1, 1])),
      (["observation": "tuple"], [:], .box(low: [0, 0, 0, -9, -9], high: [1, 1, 1, 9, 9])),
    ]
    for (kwargs, others, space) in cases {
      var environment = try make(kwargs, others, parts: parts).make()
      #expect(environment.specification.observationSpace == space)
      try environment.reset(seed: 3)
      let values = environment.observed
      for _ in 0..<8 { _ = try environment.step(.discrete(2)) }
      #expect(environment.observed != values, "\(kwargs) does not move")
      #expect(environment.observed.allSatisfy { $0.isFinite })
    }
  }

  private func zeros(_ count: Int) -> [Float] { [Float](repeating: 0, count: count) }
  private func ones(_ count: Int) -> [Float] { [Float](repeating: 1, count: count) }

  /// What is seen in each form is the same place of the point.
  @Test func observationsAgree() throws {
    func place(_ kind: String, _ others: JSONObject = [:]) throws -> [Float] {
      var environment = try make(["observation": .string(kind)], others).make()
      try environment.reset(seed: 11)
      for _ in 0..<4 { _ = try environment.step(.discrete(2)) }
      return environment.observed
    }
    let index = try place("index")[0]
    let numbers = try place("box")
    #expect(index == (numbers[0] + 4).rounded(.down))
    #expect(try place("index", ["observation": "vector"])[Int(index)] == 1)
    #expect(try place("image") == [Float](repeating: index * 30, count: 60))
    let number = Int(index)
    #expect(try place("bits") == [0, 1, 2].map { Float(number >> $0 & 1) })
    #expect(try place("dict", ["drop": ["note"]]) == numbers + [0, 1, 2].map { $0 == number % 3 ? 1 : 0 })
    #expect(try place("tuple") == [0, 1, 2].map { $0 == number % 3 ? 1 : 0 } + numbers)
  }

  @Test func actionsOfEveryKind() throws {
    let cases: [(kind: String, others: JSONObject, space: ActionSpace)] = [
      ("discrete", [:], .discrete(count: 3)), ("several", [:], .discrete(count: 6)),
      ("box", [:], .box(low: [-1], high: [1])), ("dict", [:], .box(low: [-1, -2, -2], high: [1, 2, 2])),
      ("unbounded", ["actionLimit": .integer(5)], .box(low: [-5], high: [5])),
    ]
    for (kind, others, space) in cases {
      #expect(try make(["action": .string(kind)], others).make().specification.actionSpace == space)
    }
    func speed(_ kind: String, _ action: [Float]) throws -> Float {
      var environment = try make(["action": .string(kind)]).make()
      try environment.reset(seed: 1)
      if environment.specification.actionSpace.isDiscrete {
        _ = try environment.step(.discrete(Int(action[0])))
      } else {
        _ = try environment.step(action)
      }
      return environment.observed[1]
    }
    // Discrete(3, start: -1), MultiDiscrete([3, 2]) with the last one fastest, a dictionary's boxes joined.
    #expect(try speed("discrete", [0]) == -0.25 && speed("discrete", [2]) == 0.25)
    #expect(try speed("several", [5]) == 0.375 && speed("several", [0]) == -0.25)
    #expect(try speed("box", [0.5]) == 0.125 && speed("dict", [0.5, 9, -0.25]) == 0.0625)
  }

  @Test func illegalActionsMayBecomeTheNextLegalOne() throws {
    func speed(_ policy: String) throws -> Float {
      var environment = try make([:], ["illegalActions": .string(policy)]).make()
      try environment.reset(seed: 1)
      for _ in 0..<2 { _ = try environment.step(.discrete(1)) }  // the mask comes with the first step
      return environment.observed[1]
    }
    #expect(try speed("given") == 0 && speed("next") == 0.25)
  }

  /// Beside numbers, from the reset on, in every lane its own; what is illegal all the same becomes the next legal one.
  @Test(arguments: [["fake"], ["fake", "bare"]]) func legalActionsStandBehindTheNumbers(parts: [String]) throws {
    let settings = try make(["mask": "always"], ["illegalActions": "masked"], parts: parts)
    var environment = try settings.make()
    let specification = environment.specification
    #expect(specification.observationSpace == .box(low: [-9, -9, 0, 0, 0], high: [9, 9, 1, 1, 1]))
    #expect(specification.legalActions == LegalActions(first: 2, count: 3))
    try environment.reset(seed: 1)
    #expect(Array(environment.observed[2...]) == [1, 0, 1])
    _ = try environment.step(.discrete(1))  // becomes 2
    #expect(Array(environment.observed[1...]) == [0.25, 0, 1, 1])
    _ = try environment.step(.discrete(0))  // becomes 1, which does nothing
    #expect(Array(environment.observed[1...]) == [0.25, 1, 0, 1])
    let group = try settings.makeGroup(3) { UInt64($0) }
    for step in 0..<3 {
      try group.begin()
      for lane in 0..<3 {
        let flags = (2..<5).map { group.situation.observations[lane, $0] }
        #expect(flags == (step % 2 == 0 ? [1, 0, 1] : [0, 1, 1]), "lane \(lane), step \(step)")
        group.actions.set(lane, index: 2)
      }
      try group.step()
    }
    // Stacked ones say nothing that an agent would know to look for.
    #expect(
      try make(["mask": "always"], ["illegalActions": "masked", "wrappers": ["frameStack": .integer(2)]]).make()
        .specification.legalActions == nil)
  }

  @Test func legalActionsThatNobodyTellsAreMissed() throws {
    var environment = try make([:], ["illegalActions": "masked"]).make()
    let error = #expect(throws: GymnasiumError.self) { try environment.reset(seed: 1) }
    #expect(error?.description.contains("nobody tells which actions are legal, as info[\"action_mask\"]") == true)
    let cases: [(kwargs: JSONObject, others: JSONObject, text: String)] = [
      (["action": "box"], [:], "of actions in a box all are legal; remove environment.illegalActions"),
      (["observation": "index"], [:], "set environment.observation to \"vector\""),
      (["observation": "image"], [:], "set environment.illegalActions to \"next\""),
    ]
    for (kwargs, _, text) in cases {
      let configuration = try make(kwargs, ["illegalActions": "masked"])
      let error = #expect(throws: GymnasiumError.self) { try configuration.make() }
      #expect(error?.description.contains(text) == true, "\(error?.description ?? "nothing") has no \(text)")
    }
  }

  @Test func whatNoAgentCanUseIsRefusedWithTheWayOut() throws {
    let cases: [(kwargs: JSONObject, others: JSONObject, text: String)] = [
      (["observation": "text"], [:], "the observation's space is a Text space"),
      (["observation": "dict"], [:], "part \"note\" is a Text space, of no fixed size; drop it: environment.drop"),
      ([:], ["drop": ["x"]], "environment.drop: the observation has no part \"x\""),
      (["action": "text"], [:], "the action's space is a Text space"),
      (["action": "many"], [:], "the action space has 10000 combinations"),
      (["action": "mixed"], [:], "mixes numbers and choices"),
      (["action": "unbounded"], [:], "set environment.actionLimit"),
      (["fault": "make"], [:], "raised an error in making it: ValueError: no point today"),
      ([:], ["id": "gymnasium:None-v0"], "Environment `None-v0` doesn't exist"),
      ([:], ["imports": ["no_such_module"]], "has no module \"no_such_module\""),
    ]
    for (kwargs, others, text) in cases {
      let configuration = try make(kwargs, others)
      let error = #expect(throws: GymnasiumError.self) { try configuration.make() }
      #expect(error?.description.contains(text) == true, "\(error?.description ?? "nothing") has no \(text)")
    }
  }

  @Test func settingsAreReadStrictly() {
    let cases: [(settings: JSONObject, faults: [String])] = [
      (["id": "gymnasium:"], ["environment.id: names no environment; such as \"gymnasium:CartPole-v1\""]),
      (
        ["id": "gymnasium:X", "pythonWrappers": ["x"]],
        ["environment.pythonWrappers[0]: expected \"module:Name\" or {\"module:Name\": {arguments}}, found a string"]
      ),
      (
        ["id": "gymnasium:X", "kwargs": .integer(3)], ["environment.kwargs: expected an object, found 3"]
      ),
      (
        ["id": "gymnasium:X", "imports": [.integer(1)]],
        ["environment.imports: expected an array of strings, found an array"]
      ),
      (
        ["id": "LineWorld-v0", "kwargs": [:]],
        [
          "environment.kwargs: environment.id \"LineWorld-v0\" has no such setting; remove it, or use environment.id "
            + "\"gymnasium:\""
        ]
      ),
    ]
    for (settings, faults) in cases { #expect(PythonWorker.configuration(settings).1 == faults) }
  }

  // MARK: Episodes

  @Test func keepsTheContract() throws {
    let configuration = try make()
    let report = try EnvironmentContract.check(seeds: 0..<1, steps: 100, configuration.make)
    #expect(report.findings.map(\.description) == [])
  }

  /// One message for all lanes, or one for each: the same bits, in wrappers too.
  @Test(arguments: [JSONObject(), ["actionRepeat": .integer(2), "frameStack": .integer(2), "observesTime": true]])
  func aGroupGivesWhatSingleOnesGive(wrappers: JSONObject) throws {
    let configuration = try make([:], ["wrappers": .object(wrappers)])
    let lanes = 3
    let together = try configuration.makeGroup(lanes) { UInt64($0) * 7 }
    let singles = try (0..<lanes).map { lane in try configuration.makeGroup(1) { _ in UInt64(lane) * 7 } }
    var random = RandomStream(seed: 5)
    for _ in 0..<12 {
      try together.begin()
      for lane in 0..<lanes {
        try singles[lane].begin()
        together.actions.setUniform(lane, &random)
        singles[lane].actions.set(0, Rows(together.actions.rows.row(lane)))
      }
      try together.step()
      for lane in 0..<lanes {
        try singles[lane].step()
        #expect(singles[lane].outcomes[0] == together.outcomes[lane])
        for column in 0..<together.transitions.next.columns {
          #expect(singles[lane].transitions.next[0, column] == together.transitions.next[lane, column])
        }
        // Later episodes have other seeds in a group.
        if together.outcomes[lane].isOver { return }
      }
    }
  }

  @Test func theStepLimitIsTheEnvironmentsOwnOrAnother() throws {
    func length(_ limit: JSON?) throws -> Int {
      var others: JSONObject = [:]
      others["stepLimit"] = limit
      var environment = try make(["action": "box"], others).make()
      try environment.reset(seed: 2)
      for step in 1...40 {
        let outcome = try environment.step([0])
        #expect(!outcome.isTerminated)
        if outcome.isTruncated { return step }
      }
      return 0
    }
    #expect(try length(nil) == 15 && length(.integer(4)) == 4 && length(.integer(0)) == 0)
  }

  @Test func wrappersAndOptionsReachThePythonSide() throws {
    var environment = try make(
      [:],
      [
        "pythonWrappers": [["gymnasium:Pusher": ["by": .integer(2)]], "gymnasium:Pusher"],
        "resetOptions": ["position": .integer(5)],
      ]
    ).make()
    try environment.reset(seed: 2)
    #expect(environment.observed == [8, 0])
  }

  /// By either name; of an environment that says nothing of it nothing is known, as before the first step.
  @Test(arguments: ["is_success", "success", ""]) func successIsWhatTheInformationSays(name: String) throws {
    var environment = try make(["success": .string(name)], ["wrappers": ["observesTime": true]]).make()
    var seen: Set<Bool?> = []
    for seed in [0, 1] as [UInt64] {
      try environment.reset(seed: seed)
      #expect(environment.isSuccess == nil)
      for _ in 0..<12 {
        _ = try environment.step(.discrete(seed == 0 ? 0 : 2))
        #expect(environment.isSuccess == (name.isEmpty ? nil : environment.observed[0] > 0))
        seen.insert(environment.isSuccess)
      }
    }
    #expect(seen == (name.isEmpty ? [nil] : [true, false]))
  }

  @Test func aPictureIsDrawnWhereItWasAskedFor() throws {
    var configuration = try make()
    var environment = try configuration.make()
    try environment.reset(seed: 0)
    #expect(environment.picture == nil)
    configuration.drawPictures()
    environment = try configuration.make()
    try environment.reset(seed: 0)
    let picture = try #require(environment.picture)
    #expect((picture.width, picture.height) == (4, 3))
    #expect(picture[2, 1].red == 20 && picture[2, 1].blue == 30)
  }

  // MARK: States

  /// A state that is stored is restored as it was; what gives none is played again.
  @Test(arguments: [true, false]) func anEpisodeGoesOn(givesState: Bool) throws {
    let wrappers: JSONObject = givesState ? [:] : ["pythonWrappers": [["gymnasium:Pusher": [:]]]]
    let configuration = try make([:], wrappers)
    var original = try configuration.make()
    try original.reset(seed: 4)
    for action in [2, 0, 1] { _ = try original.step(.discrete(action)) }
    let archive = Archive()
    try original.archive(archive)
    #expect(archive.scalars.contains { $0.name == "hasState" } == givesState)
    var restored = try configuration.make()
    try restored.archive(Archive(scalars: archive.scalars, tensors: archive.tensors))
    #expect(restored.observed == original.observed)
    for action in [1, 2, 2, 0] {
      #expect(try restored.step(.discrete(action)) == original.step(.discrete(action)))
      #expect(restored.observed == original.observed)
    }
  }

  // MARK: Processes

  /// Also while an environment hangs: the other end is all that counts.
  @Test func aWorkerEndsWithItsParent() throws {
    let (configuration, _) = PythonWorker.configuration(worker.settings(["fault": "hang", "at": .integer(1)]))
    let settings = try #require(configuration.settings as? GymnasiumSettings)
    let link = try WorkerLink(id: settings.id, python: settings.python)
    try link.ask(.hello, settings.hello(count: 1, draws: false), "", seconds: 20)
    try link.take(.hello) { _ in }
    try link.ask(.reset, [1, 0, 0, 0, 0, 0, 0, 0] + [UInt8](repeating: 0, count: 16), "", seconds: 20)
    try link.take(.reset) { _ in }
    try link.ask(.step, [1] + [UInt8](repeating: 0, count: 15) + [1, 0, 0, 0], "", seconds: 20)
    usleep(300_000)  // it is in the middle of it
    let child = link.processIdentifier
    #expect(kill(child, 0) == 0)
    link.abandon()
    var status: Int32 = 0
    for _ in 0..<500 where waitpid(child, &status, WNOHANG) != child { usleep(10_000) }
    #expect(kill(child, 0) != 0, "the worker outlives its parent")
  }

  @Test func guessesWhatHasToBeImported() {
    #expect(GymnasiumPython.modules(for: "gymnasium:ALE/Pong-v5") == ["ale_py"])
    #expect(GymnasiumPython.modules(for: "gymnasium:MiniGrid-Empty-5x5-v0") == ["minigrid"])
    #expect(GymnasiumPython.modules(for: "gymnasium:highway-fast-v0") == ["highway_env"])
    #expect(GymnasiumPython.modules(for: "gymnasium:CartPole-v1") == [])
    #expect(GymnasiumPython.modules(for: "gymnasium:my_module:Thing-v0") == [])
    #expect(GymnasiumPython.family(of: "gymnasium:HalfCheetah-v5").name == "mujoco")
  }
}

/// Gymnasium itself in a worker against the environments of this program that bear its ids.
@Suite(.enabled(if: PythonWorker.gymnasium != nil, "no Python has gymnasium: scripts/setup-gymnasium.sh classic"))
struct GymnasiumAgainstNativeTests {
  @Test(arguments: ["CartPole-v1", "Pendulum-v1", "MountainCar-v0", "FrozenLake-v1", "Taxi-v4"])
  func givesTheSameBits(id: String) throws {
    var settings: JSONObject = ["python": .string(try #require(PythonWorker.gymnasium))]
    settings["id"] = .string("gymnasium:\(id)")
    let (configuration, faults) = PythonWorker.configuration(settings)
    #expect(faults == [])
    var (bridged, native) = (try configuration.make(), try #require(EnvironmentConfiguration(id: id)).make())
    #expect(bridged.specification.actionSpace == native.specification.actionSpace)
    #expect(bridged.specification.stepLimit == native.specification.stepLimit)
    var sampler = ActionSampler(native.specification.actionSpace, RandomStream(seed: 1))
    for episode in 0..<5 {
      let seed = UInt64(episode) << 61 | 12345
      try bridged.reset(seed: seed)
      try native.reset(seed: seed)
      #expect(bridged.observed.map(\.bitPattern) == native.observed.map(\.bitPattern))
      for _ in 0..<200 {
        let action = sampler.draw()
        let (one, other) = try (action.withAction { try bridged.step($0) }, action.withAction { try native.step($0) })
        #expect(one == other)
        #expect(bridged.observed.map(\.bitPattern) == native.observed.map(\.bitPattern))
        if one.isOver { break }
      }
    }
  }
}
