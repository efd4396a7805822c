import Support
import TestSupport
import Testing

import Environments

/// Whatever the folder of golden data holds of Gymnasium and mbrl-lib: any environments, options, seeds and lengths.
@Suite("recordings of Gymnasium and mbrl-lib")
struct RecordingGoldenTests {
  private static let episodes = "gymnasium/tabular-rollouts.jsonl"
  private static let notSlippery = "gymnasium/FrozenLake-v1-is_slippery=False.jsonl"
  static let files = Fixture.names(in: "gymnasium", suffix: ".jsonl").filter { $0 != episodes }

  @Test("agree with the environments", arguments: files)
  func recording(file: String) throws {
    guard !Fixture.isLeftOut(file) else { return print("skipped: \(Fixture.path(file)) is missing") }
    let header = try Fixture.lines(file, limit: 1)[0]
    let id = try header["env"].text
    guard file.hasPrefix("gymnasium/\(id.prefix { $0 != "-" })") else {
      throw try header["env"].fault("is \(id), which the file is not named after")
    }
    // A recording that leaves these out would be compared without them.
    let kind = try header["kind"].choice("trace", "table")
    for key in ["observation_space", "action_space"] + (kind == "table" ? ["initial"] : []) {
      _ = try header[key].keys()
    }
    _ = try header["max_episode_steps"]
    let options = kind == "table" ? try header["kwargs"] : nil
    guard let environment = try environment(header["env"], options) else { return }
    switch (try recording(header), environment.tabular) {
    case (.trace(let trace), nil): try compare(trace, with: environment, header)
    case (.table(let table), .some): try compare(table, with: environment, header)
    default: throw try header["kind"].fault("is \(kind), as which \(id) is not recorded")
    }
  }

  /// An environment with options under their names here or in Gymnasium; nil, and a line that says so, where it is not
  /// one of ours.
  private func environment(_ id: Fixture, _ options: Fixture?) throws -> (any Environment)? {
    let name = try id.text
    guard let known = [name, "\(name)-v0"].first(where: { EnvironmentRegistry.settings(for: $0) != nil }) else {
      guard Fixture.isElsewhere else { throw id.fault("is \(name), which is no environment here") }
      print("skipped: \(id.file): no environment \(name) here")
      return nil
    }
    let names = ["is_slippery": "isSlippery", "success_rate": "successRate", "is_rainy": "isRainy", "map_name": "map"]
    var object = JSONObject([("id", .string(known))])
    for (key, value) in options?.json.object?.members ?? [] { object.members.append((names[key] ?? key, value)) }
    var configuration = EnvironmentConfiguration()
    let faults = Fields.read(&configuration, from: object).faults
    if let options, options.json.object == nil { throw options.fault("is \(options.json.kindName), not an object") }
    guard faults.isEmpty else { throw (options ?? id).fault(faults.map(\.description).joined(separator: "; ")) }
    return try configuration.make()
  }

  /// Reads the recording that a header belongs to.
  private func recording(_ header: Fixture) throws -> Recording {
    try naming(header) { () throws(TraceError) in try Recording(path: header.file) }
  }

  /// What goes wrong with a recording, with its file.
  private func naming<Result>(_ header: Fixture, _ body: () throws(TraceError) -> Result) throws -> Result {
    do throws(TraceError) {
      return try body()
    } catch {
      throw FixtureError(file: header.file, key: "line \(error.line ?? 0)", problem: error.message)
    }
  }

  // MARK: Traces

  private func compare(_ trace: TraceFile, with environment: any Environment, _ header: Fixture) throws {
    let report = try naming(header) { () throws(TraceError) in try TraceReplay.replay(trace, through: environment) }
    let place: Comment = "\(header.file): \(report)"
    guard report.rollouts + report.probes > 0 else { throw header.fault("no step follows") }
    #expect(report.passes && report.flagsAtThreshold == 0, place)
    // Another platform's libm may round its cosines differently.
    #if os(Linux) && arch(x86_64)
      #expect(report.state == TraceReport.Deviation() && report.reward == TraceReport.Deviation(), place)
      // NumPy's float32 cosine, used by Acrobot's reset only, is not the C library's.
      if report.id != "Acrobot-v1" { #expect(report.observationUlps == TraceReport.Deviation(), place) }
      try runFreely(trace, environment, header)
    #endif
  }

  /// Takes a rollout's actions without setting the states in between: what single steps hide must not add up.
  private func runFreely(_ trace: TraceFile, _ environment: any Environment, _ header: Fixture) throws {
    var environment = environment
    var reached: [Double] = []
    for row in trace.rows where !row.isProbe {
      let place: Comment = "\(header.file): line \(row.line)"
      switch row.content {
      case .reset(let seed): try environment.reset(seed: seed)
      case .step(let start, let action, let reward, let isTerminated):
        if start.values != reached { environment.physicalState = start }
        let outcome = try action.withAction { try environment.step($0) }
        #expect(outcome.reward == reward && outcome.isTerminated == isTerminated, place)
      }
      #expect(environment.physicalState?.values == row.state, place)
      reached = row.state
    }
  }

  // MARK: Tables

  private func compare(_ table: TableFile, with environment: any Environment, _ header: Fixture) throws {
    let task = try #require(environment.tabular)
    func report(_ change: (inout TableFile) -> Void = { _ in }) throws -> TableReport {
      var table = table
      change(&table)
      return try naming(header) { () throws(TraceError) in
        try TableReport(table, against: task, of: environment.specification)
      }
    }
    let right = try report()
    try #require(right.passes, "\(header.file): \(right)")
    #expect(right.pairs == task.stateCount * task.actionCount, "\(header.file)")

    // What differs in one bit is found, with its line.
    let line = table.rows[0].line
    let changes: [(inout TableOutcome) -> Void] = [
      { $0.probability = $0.probability.nextUp }, { $0.nextState += 1 }, { $0.reward = $0.reward.nextUp },
      { $0.isTerminated.toggle() },
    ]
    for change in changes {
      let wrong = try report { change(&$0.rows[0].outcomes[0]) }
      #expect(!wrong.passes && wrong.failedLines == [line], "\(wrong)")
      #expect(wrong.differences[0].hasPrefix("line \(line): "), "\(wrong)")
    }
    let others: [(inout TableFile) -> Void] = [
      { $0.rows[0].action = task.actionCount }, { $0.rows.removeLast() }, { $0.initialDistribution = [:] },
      { $0.header.observationSpace = .discrete(count: task.stateCount + 1) },
    ]
    for change in others { #expect(!(try report(change).passes)) }
  }

  /// Without its option the lake is another one, everywhere but where episodes end.
  @Test("say which options they have", .golden(notSlippery))
  func options() throws {
    let header = try Fixture.lines(Self.notSlippery, limit: 1)[0]
    guard case .table(let table) = try recording(header), try !header["kwargs/is_slippery"].flag,
      let slippery = try environment(header["env"], nil), let task = slippery.tabular
    else { throw header.fault("is no table of a lake that is not slippery") }
    let report = try naming(header) { () throws(TraceError) in
      try TableReport(table, against: task, of: slippery.specification)
    }
    let ends = table.rows.count { row in row.outcomes.allSatisfy { $0.isTerminated && $0.nextState == row.state } }
    #expect(!report.passes && report.failedLines.count == table.rows.count - ends, "\(header.file): \(report)")
  }

  // MARK: Episodes

  /// Episodes of Gymnasium from `reset(seed:)` on, with its own `ansi` pictures of the first and the last state.
  @Test("start from their seeds and have Gymnasium's pictures", .golden(episodes))
  func tabularEpisodes() throws {
    for row in try Fixture.lines(Self.episodes) {
      guard var environment = try environment(row["env"], row["options"]) else { continue }
      guard let task = environment.tabular else { throw try row["env"].fault("has no table") }
      let place: Comment = "\(row.file): \(row.key)"
      func integers(_ key: String, below count: Int, _ length: Int? = nil) throws -> [Int] {
        try row[key].elements(length).map { try $0.integer(in: 0...count - 1) }
      }
      let actions = try integers("actions", below: task.actionCount)
      let states = try integers("states", below: task.stateCount, actions.count + 1)
      let rewards = try row["rewards"].doubles([actions.count])
      let terminated = try row["terminated"].elements(actions.count).map { try $0.flag }
      try environment.reset(seed: UInt64(try row["seed"].integer(in: 0...Int.max)))
      #expect(environment.currentState == states[0], place)
      #expect(environment.text(.ansi) == (try row["first_text"].text), place)
      for (step, action) in actions.enumerated() {
        let outcome = try environment.step(.discrete(action))
        #expect(environment.currentState == states[step + 1], place)
        #expect(outcome.reward == rewards[step] && outcome.isTerminated == terminated[step], place)
      }
      #expect(environment.text(.ansi) == (try row["last_text"].text), place)
    }
  }
}
