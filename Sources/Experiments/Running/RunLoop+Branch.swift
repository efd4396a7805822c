import Support

extension RunLoop {
  /// Takes over the state of another run, to go on from it with the settings of this one. Where those of the planner,
  /// the environment or `agent.trust` are others, plans, episodes or imagined rows are begun anew; what else must be
  /// alike for the state to fit is said by the error.
  package func branch(off origin: RunOrigin.Checkpoint, _ resolved: JSONObject) throws(ExperimentError) {
    let checkpoint = try Checkpoint.read(origin.path)
    func differs(_ section: String) -> Bool { checkpoint.manifest.settings[section] != resolved[section] }
    var omitted: Set<Archive.Passing> = []
    if differs("planner") || differs("environment") { omitted.insert(.plans) }
    if differs("environment") { omitted.insert(.episodes) }
    if checkpoint.manifest.settings["agent"]?.object?["trust"] != resolved["agent"]?.object?["trust"] {
      omitted.insert(.imagination)
    }
    do {
      try restore(checkpoint, LogFolder(Checkpoint.logs(of: origin.path)), omitting: omitted)
    } catch .checkpoint(let path, let reason) {
      // The settings of the learner decide on the shape of its state; of many any may be the one.
      let changed = SettingDifference.between(.object(checkpoint.manifest.settings), .object(resolved))
        .filter { $0.path.hasPrefix("agent.") || $0.path.hasPrefix("model.") }
      guard !changed.isEmpty else { throw .checkpoint(path: path, reason: reason) }
      throw .checkpoint(
        path: path,
        reason: "its state does not fit these settings: \(reason); changed are "
          + changed.prefix(8).map(\.description).joined(separator: ", ") + (changed.count > 8 ? " …" : ""))
    }
    progress.forgetHistory()
  }
}
