/// A group of settings that a JSON file may change. The defaults are the initial values of the stored properties.
///
/// One function declares every setting once, with its range and meaning; reading, strictness, the resolved file and
/// the JSON schema all come from that declaration.
package protocol Configurable: Sendable {
  init()
  /// Declares every setting to `fields`, in the order in which it should be printed.
  mutating func declare(_ fields: Fields)
}

/// One mistake in a configuration: where, what, and what to do about it.
package struct Fault: Error, Equatable, Sendable, CustomStringConvertible {
  /// "planner.population"; empty for the whole of it.
  package var path: String
  /// What is wrong, and what would be right.
  package var message: String

  /// A mistake at a path, or of the whole.
  package init(path: String = "", message: String) { (self.path, self.message) = (path, message) }

  package var description: String { path.isEmpty ? message : "\(path): \(message)" }
}

/// Where a setting's value came from.
package enum Provenance: String, Sendable { case standard = "default", file, override }

/// One resolved setting, for `config show`.
package struct ResolvedField: Sendable {
  /// "planner.population".
  package var path: String
  package var value: JSON
  package var provenance: Provenance
  /// Set on the command line, or in the file to something other than its default.
  package var isChosen: Bool
  package var help: String
  /// What a setting of few possible values may be; empty for any other.
  package var choices: [String]
}
