import Foundation

/// The recorded table of a tabular environment, as JSON lines.
///
/// The first line is the header (`env`, `kind`: "table", `max_episode_steps`, the spaces, `initial`: the probability of
/// each state at an episode's start); every other line is a state and an action with all their outcomes:
/// `{"state", "action", "outcomes": [{"probability", "next_state", "reward", "terminated"}]}`.
package struct TableFile: Sendable {
  /// One line after the header.
  package struct Row: Sendable {
    /// Counted from 1.
    package var line: Int
    package var state: Int
    package var action: Int
    /// In the order in which the original draws them.
    package var outcomes: [TableOutcome]
  }

  package var header: TraceFile.Header
  /// The probability of each state at an episode's start, zeros left out.
  package var initialDistribution: [Int: Double]
  package var rows: [Row]

  /// Reads a table from its text, in UTF-8.
  package init(_ data: Data) throws(TraceError) {
    let lines = data.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    guard let first = lines.first, !first.isEmpty else {
      throw TraceError(line: 1, message: "the table is empty; its first line should be the header")
    }
    let headerLine = try HeaderLine(first, line: 1)
    guard headerLine.kind == "table" else {
      throw TraceError(line: 1, message: "\"kind\" is \"\(headerLine.kind)\", not \"table\"")
    }
    header = headerLine.header
    initialDistribution = [:]
    for (key, probability) in headerLine.initial ?? [:] {
      guard let state = Int(key) else { throw TraceError(line: 1, message: "\"initial\": \"\(key)\" is no state") }
      initialDistribution[state] = probability
    }
    rows = []
    for (index, line) in lines.enumerated().dropFirst() where !line.allSatisfy({ $0 == 0x20 || $0 == 0x0d }) {
      let row = try TableLine(line, line: index + 1)
      rows.append(
        Row(line: index + 1, state: row.state, action: row.action, outcomes: row.outcomes.map(\.outcome)))
    }
  }
}

/// What a recording holds, by the kind in its header.
package enum Recording: Sendable {
  case trace(TraceFile)
  case table(TableFile)

  /// Reads the file at `path`.
  package init(path: String) throws(TraceError) {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw TraceError(line: nil, message: "cannot read \(path)")
    }
    let first = data.prefix { $0 != UInt8(ascii: "\n") }
    if !first.isEmpty, try HeaderLine(first, line: 1).kind == "table" {
      self = .table(try TableFile(data))
    } else {
      self = .trace(try TraceFile(data))
    }
  }
}

private struct TableLine: Decodable {
  struct OutcomeText: Decodable {
    var probability: Double
    var next_state: Int
    var reward: Double
    var terminated: Bool

    var outcome: TableOutcome {
      TableOutcome(probability: probability, nextState: next_state, reward: reward, isTerminated: terminated)
    }
  }

  var state: Int
  var action: Int
  var outcomes: [OutcomeText]
}
