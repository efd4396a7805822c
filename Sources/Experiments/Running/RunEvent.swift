/// What a run tells whoever watches it. Watching never changes a run.
package enum RunEvent: Sendable {
  /// Training starts at `step`; 0 unless the run was resumed.
  case started(step: Int, total: Int)
  case stepped(RunSnapshot)
  case evaluated(step: Int, EvaluationResult, isBest: Bool, seconds: Double)
  case checkpointed(step: Int)
  case warning(String)
  case ended(SeedEnd)
}

/// The few numbers that a progress line shows.
package struct RunSnapshot: Equatable, Sendable {
  package var step: Int
  package var lastReturn: Double?
  package var evaluationMean: Double?

  /// The numbers of this moment.
  package init(_ run: RunProgress) {
    step = run.step
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
