/// How an environment's table differs from a recorded one; equal means equal in every bit of every number.
package struct TableReport: Sendable, CustomStringConvertible {
  package var id: String
  package var pairs = 0
  package var outcomes = 0
  /// Lines of the recording whose outcomes are others, or in another order; 1: the initial distribution.
  package var failedLines: [Int] = []
  /// What the recording has and what the environment has, for the first of those lines.
  package var differences: [String] = []
  /// What the header says otherwise than the environment, and pairs that the recording lacks.
  package var headerDifferences: [String] = []
  /// Differences that are none of the table's: a time limit of this program's own.
  package var notes: [String] = []

  package var passes: Bool { failedLines.isEmpty && headerDifferences.isEmpty }

  package var description: String {
    let heading = "\(id): \(pairs) states and actions with \(outcomes) outcomes: \(passes ? "equal" : "FAILS")"
    let count = failedLines.isEmpty ? [] : ["\(failedLines.count) lines differ"]
    return ([heading] + headerDifferences + notes + count + differences).joined(separator: "\n")
  }

  private mutating func fail(_ line: Int, _ text: @autoclosure () -> String) {
    failedLines.append(line)
    if differences.count < 5 { differences.append("line \(line): \(text())") }
  }

  /// Compares a table with the recording of the original.
  /// - Parameter task: with the options of the recording.
  /// - Throws: `TraceError` where the recording is of another task.
  package init(_ file: TableFile, against task: any TabularTask, of specification: EnvironmentSpecification)
    throws(TraceError)
  {
    id = specification.id
    headerDifferences = try file.header.differences(from: specification)
    if file.header.stepLimit == nil, specification.stepLimit != nil {
      // Ending by time is no part of the dynamics.
      notes = headerDifferences.filter { $0.hasPrefix("step limit") }
      headerDifferences.removeAll { $0.hasPrefix("step limit") }
    }
    let table = task.table
    for (state, probability) in table.initialDistribution.enumerated() {
      let recorded = file.initialDistribution[state] ?? 0
      if recorded != probability {
        fail(1, "initial probability of \(state): \(recorded) recorded, \(probability) here")
      }
    }
    var seen: Set<[Int]> = []
    for row in file.rows {
      guard (0..<table.stateCount).contains(row.state), (0..<table.actionCount).contains(row.action) else {
        fail(row.line, "no state \(row.state) with action \(row.action) here")
        continue
      }
      seen.insert([row.state, row.action])
      let here = task.transitions(from: row.state, taking: row.action)
      pairs += 1
      outcomes += row.outcomes.count
      if here != row.outcomes { fail(row.line, "\(row.outcomes) recorded, \(here) here") }
    }
    let missing = table.stateCount * table.actionCount - seen.count
    if missing > 0 { headerDifferences.append("\(missing) states and actions are not recorded") }
  }
}
