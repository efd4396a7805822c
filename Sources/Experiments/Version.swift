/// What this program calls itself in files and in `mbrl --version`.
package enum Version {
  /// Of the program.
  package static let program = "0.1.0"
  /// Of the checkpoint's files; another number is refused.
  package static let checkpoint = 2
  /// Of the run directory's layout, in format.json and run.json; another number is refused.
  package static let runDirectory = 1
}
