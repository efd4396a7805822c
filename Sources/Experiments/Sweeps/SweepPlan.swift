import Support

/// A sweep's file, every variant of it read as an experiment and checked. Making it writes nothing.
package struct SweepPlan: Sendable {
  /// One experiment of the sweep.
  package struct Variant: Sendable {
    /// NAME-HASH.
    package var run: String
    /// What makes it, as "key.path=value".
    package var settings: [String]
    package var resolved: JSONObject
    package var steps: Int
  }

  package var file: SweepFile
  package var variants: [Variant]
  /// What can hardly be meant.
  package var warnings: [String] = []

  /// Most mistakes that are told.
  private static let mostFaults = 20

  /// Reads the experiment under every variant's settings.
  /// - Throws: every mistake of every variant, up to a number.
  package init(_ file: SweepFile) throws(ExperimentError) {
    self.file = file
    variants = []
    var faults: [Fault] = []
    var seen: [String: Int] = [:]
    var repeated = 0
    for (index, own) in file.variants.enumerated() {
      let settings = own.map { SweepPlan.setting($0) }
      let all = file.settings.map { SweepPlan.setting($0) } + settings
      do throws(ExperimentError) {
        let experiment = try SweepPlan.read(file, all)
        let name = ConfigurationIdentity.directoryName(experiment.resolved, name: experiment.configuration.name)
        if let first = seen[name] {
          repeated += 1
          // What was drawn twice is one; what was written twice may be a mistake.
          let isSame = variants[first].resolved == experiment.resolved
          if !isSame {
            faults.append(
              Fault(
                path: SweepPlan.text(settings, index),
                message: "differs from \(SweepPlan.text(variants[first].settings, first)) only in what makes no run of "
                  + "its own: \(ConfigurationIdentity.free.joined(separator: ", "))"))
          }
          continue
        }
        seen[name] = variants.count
        variants.append(
          Variant(
            run: name, settings: settings, resolved: experiment.resolved,
            steps: experiment.configuration.training.environmentSteps))
      } catch {
        if case .configuration(_, let own) = error {
          faults += own.map {
            Fault(
              path: SweepPlan.text(settings, index) + ($0.path.isEmpty ? "" : ": \($0.path)"), message: $0.message)
          }
        } else {
          throw error
        }
      }
      if faults.count > SweepPlan.mostFaults { break }
    }
    guard faults.isEmpty else {
      throw .configuration(source: file.source, Array(faults.prefix(SweepPlan.mostFaults)))
    }
    if repeated > 0 { warnings.append("\(repeated) variants are there twice; each is run once") }
  }

  /// "agent.updatesPerStep=10".
  private static func setting(_ setting: (path: String, value: JSON)) -> String {
    "\(setting.path)=\(setting.value.compactText)"
  }

  private static func text(_ settings: [String], _ index: Int) -> String {
    "variant \(index)\(settings.isEmpty ? "" : " (\(settings.joined(separator: " ")))")"
  }

  private static func read(_ file: SweepFile, _ overrides: [String]) throws(ExperimentError) -> ExperimentFile {
    switch file.experiment {
    case .string(let path):
      // As the reader of the file means it: from the working folder, or else from beside the file.
      let beside = "\(FileSystem.folder(of: file.source))/\(path)"
      let isBeside = FileSystem.kind(of: path) == nil && FileSystem.kind(of: beside) != nil
      return try ExperimentFile.load(isBeside ? beside : path, overrides: overrides)
    default:
      return try ExperimentFile.read(file.experiment, name: file.name, source: file.source, overrides: overrides)
    }
  }

  /// The jobs of the first rung, or of the only one.
  package var jobs: [SweepJob] {
    var jobs: [SweepJob] = []
    for variant in variants {
      for seed in file.seeds {
        jobs.append(
          SweepJob(
            index: jobs.count, run: variant.run, seed: seed, rung: 0, steps: file.halving?.steps[0] ?? variant.steps,
            settings: variant.settings))
      }
    }
    return jobs
  }
}
