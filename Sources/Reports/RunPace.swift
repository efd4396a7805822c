import Experiments
import Support

/// How fast a run works and how long the rest will take, from samples of where it stands.
///
/// Steps and evaluations are timed apart. Steps count as long as those of the run's usual work do: random steps before
/// anything is learned say nothing about planned ones, so that before the first of these no time left is known.
package struct RunPace {
  /// The speed shown is that of about so many seconds.
  package static let window = 10.0

  /// A moment at which the step changed: seconds of work without evaluations, and the step.
  private struct Sample {
    var work: Double
    var step: Int
  }

  private let outlook: RunOutlook
  private let start: Double
  private var recent: [Sample]
  /// Where the usual work began.
  private var usual: Sample?
  private var step: Int
  private var episodes = 0
  private var evaluationSeconds = 0.0
  private var lastEvaluation: Double?

  /// Of a run that starts at `now`, in seconds of a clock that never goes back.
  package init(_ outlook: RunOutlook, now: Double) {
    (self.outlook, start, step) = (outlook, now, outlook.step)
    recent = [Sample(work: 0, step: outlook.step)]
  }

  /// Takes in where the run stands.
  package mutating func sample(step: Int, episodes: Int, _ phase: Activity.Phase, now: Double) {
    self.episodes = episodes
    guard step > self.step else { return }
    self.step = step
    let sample = Sample(work: now - start - evaluationSeconds, step: step)
    if usual == nil && (phase == .planning || phase == .none) { usual = sample }
    recent.append(sample)
    while recent.count > 2 && recent[1].work < sample.work - RunPace.window { recent.removeFirst() }
  }

  /// Takes in an evaluation that took so many seconds.
  package mutating func evaluated(_ seconds: Double) {
    lastEvaluation = seconds
    evaluationSeconds += seconds
  }

  /// Over the last seconds; nil before there is a speed.
  package var stepsPerSecond: Double? { speed(from: recent[0]) }

  /// Seconds that a step of the usual work takes, fits included; nil before there was one.
  package var secondsPerStep: Double? { usual.flatMap(speed).map { 1 / $0 } }

  /// Steps of the usual work so far.
  var usualSteps: Double { usual.map { Double(step - $0.step) } ?? 0 }

  private func speed(from first: Sample) -> Double? {
    guard let last = recent.last, last.step > first.step, last.work > first.work else { return nil }
    return Double(last.step - first.step) / (last.work - first.work)
  }

  /// Over the whole session; nil where no step was made.
  package func meanSpeed(now: Double) -> Double? {
    let work = now - start - evaluationSeconds
    return step > outlook.step && work > 0 ? Double(step - outlook.step) / work : nil
  }

  /// Until the run's end, evaluations included; nil while it cannot be known.
  package func secondsLeft(_ moment: Activity.Moment) -> Double? {
    guard let secondsPerStep else { return nil }
    let isEvaluating = moment.phase == .evaluating && moment.total > 0
    var evaluationsLeft = Double(outlook.evaluations(after: step))
    if isEvaluating { evaluationsLeft += Double(moment.total - moment.done) / Double(moment.total) }
    let steps = Double(max(0, outlook.total - step)) * secondsPerStep
    return evaluationsLeft == 0 ? steps : secondsPerEvaluation(secondsPerStep).map { steps + evaluationsLeft * $0 }
  }

  /// As the last one took; before there was one, as long as the training steps of so many episodes.
  private func secondsPerEvaluation(_ secondsPerStep: Double) -> Double? {
    if let lastEvaluation { return lastEvaluation }
    let length = episodes > 0 ? Double(step) / Double(episodes) : outlook.stepLimit.map(Double.init)
    return length.map { $0 * secondsPerStep * Double(outlook.evaluationEpisodes) }
  }
}
