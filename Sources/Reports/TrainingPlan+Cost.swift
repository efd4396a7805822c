import Algorithms
import Experiments
import Support

extension TrainingPlan {
  /// What a plan costs and how many there will be; nil for agents that do not plan.
  var costLine: String? {
    let configuration = experiment.configuration
    guard let task = try? configuration.task(), let cost = configuration.agent.settings.planCost(task) else {
      return nil
    }
    var text = "a plan: \(NumberText.grouped(cost.sequences)) sequences × \(cost.horizon) steps"
    text += cost.particles > 1 ? " × \(cost.particles) particles" : ""
    text += cost.operations.map { ", \(TrainingPlan.operations($0))" } ?? ""
    let outlook = RunOutlook(step: 0, configuration, activity: Activity())
    func plans(_ steps: Double) -> String { NumberText.grouped(Int((steps / Double(cost.every)).clipped(0, 1e18))) }
    text += "; per seed up to \(plans(Double(outlook.total))) of them in training"
    let evaluations = Double(outlook.evaluations(after: 0)) * Double(outlook.evaluationEpisodes)
    guard evaluations > 0, let limit = outlook.stepLimit else { return text }
    return text + " and \(plans(evaluations * Double(limit))) in evaluations"
  }

  /// "1.5 GFLOP".
  static func operations(_ count: Double) -> String {
    let units = [(1e15, "PFLOP"), (1e12, "TFLOP"), (1e9, "GFLOP"), (1e6, "MFLOP")]
    let (size, unit) = units.first { count >= $0.0 } ?? (1e3, "kFLOP")
    let value = count / size
    return "\(NumberText.fixed(value, value < 10 ? 1 : 0)) \(unit)"
  }
}
