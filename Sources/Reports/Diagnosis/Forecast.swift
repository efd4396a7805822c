import Algorithms
import Environments
import Support

/// What a learned model says of the steps that follow a moment of a real episode, from the actions alone.
package struct Forecast {
  /// Per voice (a member of an ensemble, or the one world model): [steps][columns]; the first is one step ahead.
  package var voices: [[Float]]
  /// Of every voice, [steps]; nil: the model is not asked about rewards.
  package var rewards: [[Double]]?
}

/// A learned model that can be asked so.
package protocol Forecaster: AnyObject {
  /// States that have to be seen before the first forecast, that of its moment included.
  var context: Int { get }
  /// What follows the state before step `start`, for `steps` steps.
  func forecast(_ trajectory: Trajectory, from start: Int, steps: Int) -> Forecast
}

/// Every elite of an ensemble goes its own way by its means.
package final class EnsembleForecaster: Forecaster {
  private let model: any DynamicsModel
  private let step: ImaginedStep
  package let context = 1

  package init(_ model: any DynamicsModel, _ specification: EnvironmentSpecification) {
    self.model = model
    step = ImaginedStep(
      capacity: 1, observationSize: specification.observationSpace.size,
      actionColumns: specification.actionSpace.columns)
  }

  package func forecast(_ trajectory: Trajectory, from start: Int, steps: Int) -> Forecast {
    var forecast = Forecast(voices: [], rewards: [])
    for member in model.elites {
      var (path, rewards): ([Float], [Double]) = ([], [])
      for (column, value) in trajectory.observation(start).enumerated() { step.state[0, column] = value }
      for time in 0..<steps {
        for (column, value) in trajectory.action(start + time).enumerated() { step.action[0, column] = value }
        model.advance(step, by: .mean(of: member), noise: RandomStream(seed: 0))
        path += Rows(step.next).array
        rewards.append(Double(step.reward[0, 0]))
        step.carryOn()
      }
      forecast.voices.append(path)
      forecast.rewards?.append(rewards)
    }
    return forecast
  }
}

/// A world model with a memory: it sees some steps, then none.
package final class LatentForecaster: Forecaster {
  private let model: any OpenLoopModel
  package let context: Int

  /// - Parameter context: states that it sees first.
  package init(_ model: any OpenLoopModel, context: Int) { (self.model, self.context) = (model, context) }

  package func forecast(_ trajectory: Trajectory, from start: Int, steps: Int) -> Forecast {
    let (first, rows) = (start - context + 1, context + steps)
    let truth = RowBuffer(rows, trajectory.columns)
    let actions = RowBuffer(rows, trajectory.actionColumns)
    let (said, rewards) = (RowBuffer(rows, trajectory.columns), RowBuffer(rows, 1))
    for row in 0..<rows {
      for (column, value) in trajectory.observation(first + row).enumerated() { truth.rows[row, column] = value }
      // Nobody asks what the last action leads to.
      guard first + row < trajectory.steps else { continue }
      for (column, value) in trajectory.action(first + row).enumerated() { actions.rows[row, column] = value }
    }
    model.predict(
      truth.read, actions: actions.read, known: context, random: RandomStream(seed: 0).stream("forecast"),
      into: said.rows, rewards: rewards.rows)
    let told = context..<rows
    return Forecast(
      voices: [Rows(said.rows.slice(told)).array],
      rewards: [Rows(rewards.rows.slice(told)).array.map(Double.init)])
  }
}
