/// How the program ends; scripts and cluster engines decide by these numbers.
package enum ExitCode: Int32, Sendable, CaseIterable {
  case success = 0
  case failure = 1
  case usage = 2
  case configuration = 3
  case checkpoint = 4
  case diverged = 5
  case locked = 6
  case someSeedsFailed = 7
  case interrupted = 75

  /// One line for `--help`.
  package var meaning: String {
    switch self {
    case .success: "done"
    case .failure: "failed at run time"
    case .usage: "wrong arguments"
    case .configuration: "the configuration has mistakes, or does not fit the run that it should go on with"
    case .checkpoint: "a checkpoint is damaged or does not fit"
    case .diverged: "a number is not finite any more"
    case .locked: "another process works on this run"
    case .someSeedsFailed: "some seeds failed, the others are done"
    case .interrupted: "interrupted: what was done of a run is stored, and the same command goes on"
    }
  }
}
