import Support

/// What a run tells whoever watches it. Watching never changes a run.
package enum RunEvent: Sendable {
  case started(RunOutlook)
  case stepped(RunSnapshot)
  /// `seconds` of work on the run, of which the evaluation `took` some.
  case evaluated(step: Int, EvaluationResult, isBest: Bool, seconds: Double, took: Double)
  case checkpointed(step: Int)
  case warning(String)
  case ended(SeedEnd)
}

/// What a run that starts is about to do.
package struct RunOutlook: Sendable {
  /// Where training starts; 0 unless the run was resumed.
  package var step: Int
  /// Where it ends.
  package var total: Int
  /// Steps between evaluations; 0: only at the end.
  package var evaluationEvery: Int
  /// Of one evaluation; 0: there is none.
  package var evaluationEpisodes: Int
  /// Of an episode; nil: unlimited.
  package var stepLimit: Int?
  /// What the run is at, at any time.
  package var activity: Activity
  /// The checkpoint that it branches off; nil: it goes on with its own, or starts from nothing.
  package var origin: String?

  /// A run of these settings that starts at `step`.
  package init(step: Int, _ configuration: ExperimentConfiguration, activity: Activity, origin: String? = nil) {
    (self.step, self.activity, self.origin) = (step, activity, origin)
    total = configuration.training.environmentSteps
    (evaluationEvery, evaluationEpisodes) = (configuration.evaluation.every, configuration.evaluation.episodes)
    stepLimit = configuration.environment.stepLimit
  }

  /// Evaluations that fall due after a step, the one at the end included.
  package func evaluations(after step: Int) -> Int {
    guard evaluationEpisodes > 0, step < total else { return 0 }
    guard evaluationEvery > 0 else { return 1 }
    return total / evaluationEvery - step / evaluationEvery + (total.isMultiple(of: evaluationEvery) ? 0 : 1)
  }
}

/// The few numbers that a progress line shows.
package struct RunSnapshot: Equatable, Sendable {
  package var step: Int
  /// Completed episodes of the run.
  package var episodes: Int
  package var lastReturn: Double?
  package var evaluationMean: Double?

  /// The numbers of this moment.
  package init(_ run: RunProgress) {
    (step, episodes) = (run.step, run.episodes)
    lastReturn = run.recentReturns.last
    evaluationMean = run.evaluationMean.isNaN ? nil : run.evaluationMean
  }
}

/// How the work on one seed ended.
package enum SeedEnd: Sendable {
  /// At `step`; `wasDone`: there was nothing left to do.
  case done(step: Int, wasDone: Bool)
  /// There was nothing to do, for an earlier command, `recorded`, asked for more steps than this one.
  case surpassed(step: Int, requested: Int, RunStatus?)
  /// Stopped on request, stored at `step`.
  case interrupted(step: Int)
  case failed(ExperimentError)

  /// As status.json has it.
  package var state: RunStatus.State {
    switch self {
    case .done: .done
    case .surpassed(_, _, let recorded): recorded?.state ?? .interrupted
    case .interrupted: .interrupted
    case .failed(.diverged): .diverged
    case .failed: .failed
    }
  }

  /// Why it failed, or did nothing for a run that is longer; nil otherwise.
  package var reason: String? {
    switch self {
    case .failed(let error): return error.description
    case .surpassed(let step, let requested, let recorded):
      let text = "has \(step) steps, more than the \(requested) asked for; "
      guard let recorded, recorded.state != .done, recorded.total > requested else {
        return text + "its results are those of all of them"
      }
      return text + "\(recorded.state.rawValue) on the way to \(recorded.total): go on with "
        + "training.environmentSteps=\(recorded.total)"
    case .done, .interrupted: return nil
    }
  }

  /// The code with which a command ends whose only seed this is.
  package var exitCode: ExitCode {
    switch self {
    case .done, .surpassed: .success
    case .interrupted: .interrupted
    case .failed(let error): error.exitCode
    }
  }
}

/// Takes in what runs tell; called from several threads.
package protocol RunObserver: Sendable {
  func report(seed: Int, _ event: RunEvent)
}

/// Where a run asks whether it should stop.
package enum StopPoint: Equatable, Sendable {
  /// Between two steps.
  case step(Int)
  /// Before a step of the evaluation at that training step.
  case evaluation(Int)
  /// Within a long plan or model fit.
  case computation
}

/// Answers whether a run should be stored and left; called from several threads.
package typealias StopRequest = @Sendable (_ seed: Int, _ point: StopPoint) -> Bool
