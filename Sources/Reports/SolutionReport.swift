import Experiments
import Environments
import Support

/// `mbrl solve`: the optimum of a tabular task, from its own table.
package struct SolutionReport: Sendable {
  package var id: String
  /// Steps after which an episode is truncated; nil: never.
  package var stepLimit: Int?
  /// What a reward is worth one step later.
  package var discount: Double
  /// The best policy for that discount, over an unlimited time.
  package var solution: TabularSolution
  /// The undiscounted return of that policy within the step limit: the mean that evaluations of it approach.
  package var policyReturn: Double?
  /// The highest undiscounted return that any policy has within the step limit.
  package var bestReturn: Double?
  private let table: TransitionTable
  private let task: any TabularTask

  /// Solves the task; `settings` are the environment's options.
  /// - Parameters:
  ///   - discount: in 0...1.
  ///   - step: the time of the run, for a task that changes in its course.
  package init(id: String, settings: [String], discount: Double, atStep step: Int) throws(ExperimentError) {
    let configuration = try EnvironmentCheck.configuration(id: id, settings: settings)
    var environment: any Environment
    do { environment = try configuration.make() } catch { throw ExperimentError(error) }
    environment.runStep = step
    if environment.runStep != step {
      throw .usage("--at-step: \(configuration.id) does not change in the course of a run")
    }
    guard let tabular = environment.tabular else {
      let known = EnvironmentRegistry.ids.filter { (try? EnvironmentConfiguration(id: $0)?.describe())?.tabular != nil }
      throw .usage("\(configuration.id) has no table to solve; these have: \(known.joined(separator: ", "))")
    }
    (self.id, self.discount) = (configuration.id, discount)
    stepLimit = configuration.stepLimit
    (task, table) = (tabular, tabular.table)
    solution = ValueIteration.solve(table, discount: discount)
    if let stepLimit {
      policyReturn = ValueIteration.expectedReturn(of: solution.policy, in: table, steps: stepLimit)
      bestReturn = ValueIteration.expectedReturn(of: table, steps: stepLimit)
    }
    guard solution.isConverged else {
      throw .failed("\(configuration.id) has no finite value without discounting; choose --discount below 1")
    }
  }

  // MARK: For people

  package var lines: [String] {
    let starts = table.initialDistribution.count { $0 > 0 }
    var lines = [
      "\(id): \(table.stateCount) states, \(table.actionCount) actions, \(starts) start\(starts == 1 ? "" : "s")",
      "expected return from the start",
    ]
    var returns = [("best policy, discount \(NumberText.fixed(discount, 6))", solution.expectedReturn)]
    if let stepLimit, let policyReturn, let bestReturn {
      returns.append(("the same policy, undiscounted, \(stepLimit) steps", policyReturn))
      returns.append(("best possible, undiscounted, \(stepLimit) steps", bestReturn))
    }
    let width = (returns.map(\.0.count).max() ?? 0) + 2
    lines += returns.map { "  " + $0.0.padded(to: width) + NumberText.fixed($0.1, 6) }
    if let layout = task.layout {
      lines += ["best action"] + layout.policyLines(solution.policy, symbols: task.actionSymbols).map { "  \($0)" }
      lines += ["value"] + layout.valueLines(solution.values).map { "  \($0)" }
    } else {
      lines += ["best action in how many states"] + actionLines + ["value over the starts"] + startLines
    }
    return lines
  }

  private var actionLines: [String] {
    var table = TextTable(["  action", "states"], rightAligned: [1])
    for (action, name) in task.actionNames.enumerated() {
      table.append(["  \(name)", String(solution.policy.count { $0 == action })])
    }
    return Array(table.lines.dropFirst())
  }

  private var startLines: [String] {
    let values = zip(table.initialDistribution, solution.values).filter { $0.0 > 0 }.map(\.1)
    return [
      "  lowest  \(NumberText.fixed(values.min() ?? .nan, 6))",
      "  mean    \(NumberText.fixed(solution.expectedReturn, 6))",
      "  highest \(NumberText.fixed(values.max() ?? .nan, 6))",
    ]
  }

  // MARK: For programs

  /// The report for programs, every state included.
  package var json: JSON {
    [
      "id": .string(id), "states": .integer(table.stateCount), "actions": .integer(table.actionCount),
      "discount": .finite(discount), "step_limit": .integer(stepLimit),
      "expected_return": .finite(solution.expectedReturn), "policy_return": .finite(policyReturn),
      "best_return": .finite(bestReturn), "sweeps": .integer(solution.sweeps), "action_names": .texts(task.actionNames),
      "policy": .integers(solution.policy), "values": .array(solution.values.map { .finite($0) }),
    ]
  }
}
