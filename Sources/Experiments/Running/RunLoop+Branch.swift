import Support

extension RunLoop {
  /// Takes over the state of another run, to go on from it with the settings of this one. Where those of the planner,
  /// the environment or `agent.trust` are others, plans, episodes or imagined rows are begun anew; what else must be
  /// alike for the state to fit is said by the error.
  package func branch(off origin: RunOrigin.Checkpoint, _ resolved: JSONObject) throws(ExperimentError) {
    let checkpoint = try Checkpoint.read(origin.path)
    /// "agent.discount: 0.9 → 0.99, …"; nil: nothing is changed there.
    func changes(in sections: [String]) -> String? {
      let changed = SettingDifference.between(.object(checkpoint.manifest.settings), .object(resolved))
        .filter { change in sections.contains { change.path.hasPrefix($0 + ".") } }
      guard !changed.isEmpty else { return nil }
      return changed.prefix(8).map(\.description).joined(separator: ", ") + (changed.count > 8 ? " …" : "")
    }
    func differs(_ section: String) -> Bool { checkpoint.manifest.settings[section] != resolved[section] }
    var omitted: Set<Archive.Passing> = []
    if differs("planner") || differs("environment") { omitted.insert(.plans) }
    if differs("environment") { omitted.insert(.episodes) }
    if checkpoint.manifest.settings["agent"]?.object?["trust"] != resolved["agent"]?.object?["trust"] {
      omitted.insert(.imagination)
    }
    func target(_ settings: JSONObject) -> String? { settings["model"]?.object?["target"]?.string }
    if let old = target(checkpoint.manifest.settings), let new = target(resolved), old != new {
      throw .checkpoint(
        path: origin.path,
        reason: "its model was fitted with model.target \"\(old)\" and would be read as \"\(new)\" until its next fit; "
          + "leave model.target as it is, or begin a run without --from")
    }
    do {
      try restore(checkpoint, LogFolder(Checkpoint.logs(of: origin.path)), omitting: omitted)
    } catch .checkpoint(let path, let reason) {
      // The settings of the learner decide on the shape of its state; of many any may be the one.
      guard let changed = changes(in: ["agent", "model"]) else { throw .checkpoint(path: path, reason: reason) }
      throw .checkpoint(
        path: path, reason: "its state does not fit these settings: \(reason); changed are \(changed)")
    }
    progress.forgetHistory()
    if let changed = changes(in: ["environment"]), let replay = agent.replay, replay.count > 0 {
      warnings.append(
        "the replay keeps transitions of the run that this one goes off, whose environment had other settings: "
          + changed)
    }
  }
}
