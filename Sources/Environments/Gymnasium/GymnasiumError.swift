import Support

/// Why a Gymnasium environment could not be made or went wrong; the text holds the end of what its worker printed.
package struct GymnasiumError: Error, CustomStringConvertible {
  /// What went wrong.
  package enum Kind: Equatable, Sendable {
    /// Something that has to be installed is not there.
    case missing
    /// The environment cannot be made with these settings, or no agent here can use its spaces.
    case settings
    /// Its code raised an error, or gave what its spaces do not hold.
    case raised
    /// The worker ended.
    case ended
    /// The worker did not answer in time.
    case hung
  }

  package var kind: Kind
  /// One line.
  package var summary: String
  /// Lines of a traceback.
  package var trace: [String] = []
  /// The last lines that the worker printed.
  package var printed: [String] = []

  package var description: String {
    func block(_ title: String, _ lines: [String]) -> String {
      lines.isEmpty ? "" : "\n  \(title):\n" + lines.map { "    \($0)" }.joined(separator: "\n")
    }
    return summary + block("where", trace) + block("its last lines", printed)
  }

  /// Whether a new worker may do better.
  var isWorthARestart: Bool { kind == .raised || kind == .ended || kind == .hung }
}
