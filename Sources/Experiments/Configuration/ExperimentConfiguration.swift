import Algorithms
import Environments
import Support

/// Everything that one experiment file says: the task, the learner, and how to run it. What a setting means stands
/// where it is declared.
package struct ExperimentConfiguration: Configurable {
  /// The first part of the run directory's name; the loader sets it to the file's name before reading.
  package var name = "experiment"
  package var environment = EnvironmentConfiguration() { didSet { checkedTask = nil } }
  /// The section `agent`, and those that the agent has beside it.
  package var agent = Variant<Agents>()
  package var training = TrainingConfiguration()
  package var evaluation = EvaluationConfiguration()
  package var checkpoint = CheckpointConfiguration()
  package var logging = LoggingConfiguration()
  package var threads = 0
  package var seeds = [0]

  /// What the check found: making an environment may cost a process.
  private var checkedTask: EnvironmentDescription?

  /// The settings that decide which others there are; a word in a section's place means them.
  package static let choosers = [
    (section: "environment", key: "id"), (section: "agent", key: "type"), (section: "model", key: "type"),
    (section: "planner", key: "type"),
  ]

  package init() {}

  /// What is known of the environment before a step is taken.
  package func task() throws -> EnvironmentDescription { try checkedTask ?? environment.describe() }

  package mutating func declare(_ fields: Fields) {
    fields.text("name", &name, "name of the run directory: letters, digits, '.', '_' and '-'; default: the file's name")
    checkName(fields)
    fields.section("environment", &environment, chooser: "id", "the task")
    Agents.declareSections(of: &agent, fields)
    fields.section("training", &training, "how long to learn")
    fields.section("evaluation", &evaluation, "how the present policy is measured while it learns")
    fields.section("checkpoint", &checkpoint, "when the complete state is stored")
    fields.section("logging", &logging, "how often progress is written")
    fields.integer("threads", &threads, in: 0...64, "threads of one run; 0: the machine's cores divided by the jobs")
    fields.integers(
      "seeds", &seeds, each: SeedList.range, count: 1...SeedList.maximumCount, reading: { try? SeedList.parse($0) },
      "one independent run per seed")
    if let repeated = SeedList.firstRepeated(seeds) { fields.fault("seeds", "\(repeated) stands there twice") }
    checkAgainstEnvironment(fields)
    warnOfCadences(fields)
  }

  private func checkName(_ fields: Fields) {
    let allowed = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")
    let isPlain = !name.isEmpty && name.utf8.count <= 100 && name.first != "." && name.allSatisfy(allowed.contains)
    if !isPlain {
      let origin = fields.mentions("name") ? "" : " (the file's name)"
      fields.fault(
        "name",
        "\"\(name)\"\(origin) cannot name a folder; use up to 100 letters, digits, '.', '_' and '-', not '.' first")
    }
  }

  /// Compares settings with the task, as far as both can be trusted.
  private mutating func checkAgainstEnvironment(_ fields: Fields) {
    func isTrusted(_ roots: String...) -> Bool {
      !fields.faults.contains { fault in
        roots.contains { fault.path == $0 || fault.path.hasPrefix("\($0).") || fault.path.hasPrefix("\($0)[") }
      }
    }
    let isNamed = fields.entries.contains { $0.path == "environment.id" && $0.provenance != .standard }
    guard isNamed, isTrusted("environment.id") else { return }
    do {
      let isSound = isTrusted("environment")
      // Where options are mistaken, the standard ones tell what kind of task it is.
      let task = try (isSound ? environment : EnvironmentConfiguration(id: environment.id) ?? environment).describe()
      if isSound {
        checkedTask = task
        warnOfFeatures(fields)
      }
      if isTrusted("agent.type"), let misfit = agent.settings.misfit(task) {
        let others = Agents.suiting(task).map { "\"\($0)\"" }.joined(separator: " or ")
        fields.fault("agent.type", "\(misfit); use \(others)")
      } else if isTrusted("environment", "agent", "model", "planner") {
        agent.settings.check(task, fields)
        // A run ends with a step of all environments.
        let (steps, lanes) = (training.environmentSteps, training.environments)
        agent.settings.warn(task, lanes: lanes, steps: steps + (lanes - steps % lanes) % lanes, fields)
      }
    } catch let misfits as WrapperMisfits {
      for fault in misfits.faults { fields.fault("environment.wrappers.\(fault.path)", fault.message) }
    } catch let error as GymnasiumError {
      fields.fault("environment.id", error.description)
    } catch {
      fields.fault("environment.id", "\(environment.id) cannot be made: \(error)")
    }
    if !training.data.isEmpty && environment.wrappers.normalizesObservations {
      fields.fault("training.data", "holds observations that are not normalised; leave out normalizesObservations")
    }
    if isTrusted("environment"), environment.isEndless && evaluation.episodes > 0 {
      fields.fault(
        "environment.stepLimit", "0 lets an evaluation go on for ever; set a limit, or evaluation.episodes to 0")
    }
  }

  /// A wrapper that changes nothing.
  private func warnOfFeatures(_ fields: Fields) {
    guard environment.wrappers.observesFeatures else { return }
    var bare = environment
    bare.wrappers = WrapperSettings()
    guard let task = try? bare.make(), !WrapperSettings.hasFeatures(task) else { return }
    fields.unused(
      "environment.wrappers.observesFeatures", because: "models see the observations of \(bare.id) as they are")
  }

  /// What falls due only beyond the end of the run, or never.
  private func warnOfCadences(_ fields: Fields) {
    let steps = training.environmentSteps
    if evaluation.episodes == 0 {
      for name in ["every", "seed"] { fields.unused("evaluation.\(name)", because: "evaluation.episodes is 0") }
    } else if evaluation.every > steps {
      fields.unused("evaluation.every", because: "the run ends at step \(steps): it is evaluated there only")
    }
    if checkpoint.every > steps {
      fields.unused("checkpoint.every", because: "the run ends at step \(steps): a checkpoint is stored there anyway")
    }
    if logging.progressEvery > steps {
      fields.unused("logging.progressEvery", because: "the run ends at step \(steps): a row is written there anyway")
    }
  }
}

/// The section `training`.
package struct TrainingConfiguration: Configurable {
  package var environmentSteps = 10_000
  package var environments = 1
  package var data = ""

  package init() {}

  package mutating func declare(_ fields: Fields) {
    fields.integer(
      "environmentSteps", &environmentSteps, in: 1...1_000_000_000_000,
      "environment steps of the whole run; may be extended later")
    fields.integer("environments", &environments, in: 1...1024, "environments that are stepped together")
    fields.text("data", &data, "a file of transitions that the agent's replay starts with; empty: none")
  }
}

/// The section `evaluation`.
package struct EvaluationConfiguration: Configurable {
  package var every = 1000
  package var episodes = 10
  package var seed = 10_000

  package init() {}

  package mutating func declare(_ fields: Fields) {
    fields.integer(
      "every", &every, in: 0...1_000_000_000_000, "environment steps between evaluations; 0: only at the end")
    fields.integer("episodes", &episodes, in: 0...1_000_000, "episodes of one evaluation; 0: never evaluate")
    fields.integer("seed", &seed, in: SeedList.range, "episode i of every evaluation starts from seed + i")
  }
}

/// The section `checkpoint`.
package struct CheckpointConfiguration: Configurable {
  package var every = 1000
  package var keep = 2

  package init() {}

  package mutating func declare(_ fields: Fields) {
    fields.integer(
      "every", &every, in: 0...1_000_000_000_000,
      "environment steps between checkpoints; 0: only for the best evaluation, on interruption and at the end")
    fields.integer("keep", &keep, in: 1...1_000_000, "how many of the newest checkpoints stay, apart from the best")
  }
}

/// The section `logging`.
package struct LoggingConfiguration: Configurable {
  package var progressEvery = 200

  package init() {}

  package mutating func declare(_ fields: Fields) {
    fields.integer(
      "progressEvery", &progressEvery, in: 0...1_000_000_000_000,
      "environment steps between rows of progress.csv; 0: only at the end")
  }
}
