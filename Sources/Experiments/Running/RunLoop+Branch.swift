import Support

extension RunLoop {
  /// Takes over the state of another run, to go on from it with the settings of this one. Where those of the planner or
  /// the environment are others, plans or episodes are begun anew; what else must be alike for the state to fit is said
  /// by the error.
  package func branch(off origin: RunOrigin.Checkpoint, _ resolved: JSONObject) throws(ExperimentError) {
    let checkpoint = try Checkpoint.read(origin.path)
    func differs(_ section: String) -> Bool { checkpoint.manifest.settings[section] != resolved[section] }
    var omitted: Set<Archive.Passing> = []
    if differs("planner") || differs("environment") { omitted.insert(.plans) }
    if differs("environment") { omitted.insert(.episodes) }
    try restore(checkpoint, LogFolder(Checkpoint.logs(of: origin.path)), omitting: omitted)
    progress.forgetHistory()
  }
}
