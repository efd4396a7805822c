import Algorithms
import Support

/// Why an experiment cannot start or go on. One switch turns it into prose, one into the exit code.
package enum ExperimentError: Error, Sendable {
  /// Mistakes in the configuration that `source` names, all at once.
  case configuration(source: String, [Fault])
  /// A run stands there that was made with other settings.
  case differs(directory: String, [SettingDifference])
  /// `--resume must` without a run to go on with, and how the nearest one of that name differs.
  case nothingToResume(directory: String, nearest: String?, [SettingDifference])
  /// A checkpoint is damaged or does not fit.
  case checkpoint(path: String, reason: String)
  /// A checkpoint is of another version of the format.
  case otherVersion(path: String, reason: String)
  /// No checkpoint of a seed can be used: what to do, and each one with its reason.
  case noUsableCheckpoint(directory: String, advice: String, [(name: String, reason: String)])
  /// The configuration of a run is not that of its checkpoints any more.
  case edited(path: String, [SettingDifference])
  /// `advice`: what may help, where that is known.
  case diverged(quantity: String, step: Int, advice: String?)
  /// The runs that work at the same time need more memory than there is.
  case tooLarge(MemoryNeed, MemoryRoom, jobs: Int)
  /// The folder that a run worked in was moved, or removed (nil), meanwhile.
  case moved(String, to: String?, step: Int)
  case locked(LockError)
  case file(FileError)
  /// What an environment or agent reported.
  case failed(String)
  case usage(String)

  /// The code with which a command ends for this reason.
  package var exitCode: ExitCode {
    switch self {
    case .configuration, .differs, .nothingToResume, .edited: .configuration
    case .checkpoint, .otherVersion, .noUsableCheckpoint: .checkpoint
    case .diverged: .diverged
    case .locked(.held), .locked(.claimed): .locked
    case .locked(.file), .file, .moved, .failed, .tooLarge: .failure
    case .usage: .usage
    }
  }
}

extension ExperimentError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .configuration(let source, let faults):
      if faults.count == 1 { return "\(source): \(faults[0])" }
      return "\(source): \(faults.count) mistakes\n" + faults.map { "  \($0)" }.joined(separator: "\n")
    case .differs(let directory, let differences):
      return "\(directory) was made with other settings; only name, seeds, threads, length, evaluation, checkpoint "
        + "and logging may change:\n\(ExperimentError.list(differences))"
    case .nothingToResume(let directory, nil, _):
      return "\(directory): there is no run to resume; leave out --resume must to start one"
    case .nothingToResume(let directory, let nearest?, let differences):
      return "\(directory): there is no run to resume; \(nearest) has other settings:\n"
        + ExperimentError.list(differences)
    case .checkpoint(let path, let reason), .otherVersion(let path, let reason): return "\(path): \(reason)"
    case .noUsableCheckpoint(let directory, let advice, let reasons):
      return "\(directory): no checkpoint can be used; \(advice)\n"
        + reasons.map { "  \($0.name): \($0.reason)" }.joined(separator: "\n")
    case .moved(let old, nil, let step):
      return "\(old) was removed while the run was at step \(step): nothing of it is left, and it ends here"
    case .moved(let old, let place?, let step):
      return "\(old) was moved to \(place) while the run worked in it: stored there at step \(step), and ended. "
        + "Go on with: mbrl train \(FileSystem.folder(of: place))"
    case .edited(let path, let differences):
      return "\(path) was changed after the run began; put back what it said, or begin a new run with it: "
        + "mbrl train \(path)\n" + ExperimentError.list(differences)
    case .diverged(let quantity, let step, let advice):
      return "diverged at step \(step): \(quantity) is not finite" + (advice.map { "; \($0)" } ?? "")
    case .tooLarge(let need, let room, let jobs):
      let remedy = jobs > 1 ? "lower what is largest, or --jobs" : "lower what is largest"
      return "about \(FileSystem.byteCount(room.required(for: need))) of memory are needed, "
        + "\(FileSystem.byteCount(room.bytes)) are there (\(room.source)); \(remedy):\n"
        + need.largest(3).filter { $0.bytes >= need.bytes / 50 }
        .map { "  \(FileSystem.byteCount($0.bytes)) for \($0.what)" }.joined(separator: "\n")
    case .locked(let error): return error.description
    case .file(let error): return error.description
    case .failed(let text), .usage(let text): return text
    }
  }

  /// One mistake of the configuration as a whole.
  package static func configuration(source: String, _ message: String) -> ExperimentError {
    .configuration(source: source, [Fault(message: message)])
  }

  private static func list(_ differences: [SettingDifference]) -> String {
    differences.map { "  \($0)" }.joined(separator: "\n")
  }

  /// Any error as one of these.
  package init(_ error: any Error, step: Int = 0) {
    switch error {
    case let error as ExperimentError: self = error
    case let error as FileError: self = .file(error)
    case let error as LockError: self = .locked(error)
    case let error as DivergedError:
      self = .diverged(quantity: error.quantity, step: step, advice: error.advice)
    default: self = .failed("\(error)")
    }
  }
}
