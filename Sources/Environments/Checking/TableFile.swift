import Foundation

/// The recorded table of a tabular environment, as JSON lines.
///
/// The first line is the header (`env`, `kind`: "table", `max_episode_steps`, the spaces, `initial`: the probability of
/// each state at an episode's start); every other line is a state and an action with all their outcomes:
/// `{"state", "action", "outcomes": [{"probability", "next_state", "reward", "terminated"}]}`.
package struct TableFile: Sendable {
  /// One line after the header.
  package struct Row: Decodable, Sendable {
    /// Counted from 1.
    package fileprivate(set) var line = 0
    package var state: Int
    package var action: Int
    /// In the order in which the original draws them.
    package var outcomes: [TableOutcome]

    private enum CodingKeys: CodingKey { case state, action, outcomes }
  }

  package var header: RecordingHeader
  /// The probability of each state at an episode's start, zeros left out.
  package var initialDistribution: [Int: Double] = [:]
  package var rows: [Row] = []

  /// Reads a table from its text, in UTF-8.
  package init(_ data: Data) throws(TraceError) {
    let lines = try RecordingHeader.lines(of: data, "table")
    header = try RecordingHeader(lines[0].text, line: 1)
    guard header.kind == "table" else {
      throw TraceError(line: 1, message: "\"kind\" is \"\(header.kind)\", not \"table\"")
    }
    for (key, probability) in header.initial ?? [:] {
      guard let state = Int(key) else { throw TraceError(line: 1, message: "\"initial\": \"\(key)\" is no state") }
      initialDistribution[state] = probability
    }
    for (number, text) in lines.dropFirst() {
      var row = try Row(text, line: number)
      row.line = number
      rows.append(row)
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
    if !first.isEmpty, try RecordingHeader(first, line: 1).kind == "table" {
      self = .table(try TableFile(data))
    } else {
      self = .trace(try TraceFile(data))
    }
  }
}
