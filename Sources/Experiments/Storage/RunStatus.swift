import Support

/// status.json of one seed: replaced in one step, for people and scripts that watch.
package struct RunStatus: Equatable, Sendable {
  /// How a run stands.
  package enum State: String, Sendable { case running, done, interrupted, failed, diverged }

  package var state: State
  /// Completed environment steps at the last checkpoint or end.
  package var step: Int
  /// The steps asked for.
  package var total: Int
  /// Why the run failed or diverged; nil otherwise.
  package var reason: String?
  /// When, UTC.
  package var updated = Clock.timestamp()

  /// Replaces the file.
  package func write(to path: String) throws(FileError) {
    let document: JSON = [
      "status": .string(state.rawValue), "step": .integer(step), "total": .integer(total), "reason": .text(reason),
      "updated": .string(updated),
    ]
    try FileSystem.writeAtomically(document.prettyText, to: path)
  }

  /// nil where the file is missing or no status.
  package static func read(_ path: String) -> RunStatus? {
    guard let object = (try? JSONParser.read(path))?.object,
      let state = object["status"]?.string.flatMap(State.init(rawValue:)), let step = object["step"]?.integer,
      let total = object["total"]?.integer
    else { return nil }
    let (reason, updated) = (object["reason"]?.string, object["updated"]?.string ?? "")
    return RunStatus(state: state, step: step, total: total, reason: reason, updated: updated)
  }
}
