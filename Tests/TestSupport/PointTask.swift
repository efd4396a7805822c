import Environments
import Foundation
import Support

/// A point that is pushed along a line: the smallest task that can be seen as numbers, as a place or as a picture, and
/// pushed with any force or by three.
package struct PointTask: ValueEnvironment {
  package enum View: String, Sendable, CaseIterable { case numbers, place, picture }

  package let specification: EnvironmentSpecification
  private let view: View
  private var position = 0.0
  private var velocity = 0.0

  package init(_ view: View, isDiscrete: Bool) {
    self.view = view
    let observation: ObservationSpace =
      switch view {
      case .numbers: .box(low: [-2, -2], high: [2, 2])
      case .place: .discrete(count: 8)
      case .picture: .image(height: 16, width: 16, channels: 1)
      }
    specification = EnvironmentSpecification(
      id: "Point", observationSpace: observation,
      actionSpace: isDiscrete ? .discrete(count: 3) : .box(low: [-1], high: [1]), stepLimit: nil,
      rewardRange: -4...0, framesPerSecond: 10, summary: "push a point to the middle")
  }

  package mutating func reset(seed: UInt64) {
    var random = RandomStream(seed: seed)
    (position, velocity) = (random.uniform(-1, 1), 0)
  }

  package mutating func step(_ action: Action) throws -> Outcome {
    let force: Double =
      specification.actionSpace.isDiscrete
      ? Double(try action.index(below: 3) - 1) : Double(try action.scalar()).clipped(-1, 1)
    velocity = (velocity + 0.3 * force).clipped(-2, 2)
    position = (position + 0.2 * velocity).clipped(-2, 2)
    return Outcome(reward: -position * position, isTerminated: abs(position) > 1.9)
  }

  package func observe(into observation: UnsafeMutableBufferPointer<Float>) {
    switch view {
    case .numbers: (observation[0], observation[1]) = (Float(position), Float(velocity))
    case .place: observation[0] = Float(min(Int((position + 2) * 2), 7))
    case .picture:
      observation.update(repeating: 0)
      // The row tells the velocity.
      observation[Int((velocity + 2) * 3.9) * 16 + Int((position + 2) * 3.9)] = 255
    }
  }

  package mutating func archive(_ archive: Archive) throws {
    try archive.value("position", &position)
    try archive.value("velocity", &velocity)
  }
}

/// A simulation that lives on a thread of its own, refuses copies, cannot archive itself, and may fail: what a worker
/// process is to the house.
package final class ThreadedSimulation: Simulation, @unchecked Sendable {
  package let specification: EnvironmentSpecification
  private let fault: Fault
  private let request = DispatchSemaphore(value: 0)
  private let reply = DispatchSemaphore(value: 0)
  private var question: ((inout PointTask) throws -> Outcome)?
  private var answer: Result<Outcome, any Error> = .success(Outcome(reward: 0, isTerminated: false))
  private var observation: [Float] = []
  private var steps = 0

  /// What goes wrong in it.
  package enum Fault: Sendable, Equatable {
    case none
    /// It cannot be made.
    case cannotStart
    /// Its step of that number, over all episodes, throws.
    case step(Int)
    /// It does not repeat itself: every start is elsewhere.
    case drift
  }

  /// Of `task`, which moves into the thread.
  package init(_ task: PointTask, _ fault: Fault = .none) throws {
    if fault == .cannotStart { throw EnvironmentError.failed("the worker does not start") }
    specification = task.specification
    self.fault = fault
    let (request, reply) = (request, reply)
    Thread { [weak self] in
      var task = task
      while true {
        request.wait()
        guard let self, let question = self.question else { return }
        self.answer = Result { try question(&task) }
        self.observation = task.observed
        reply.signal()
      }
    }.start()
  }

  deinit {
    question = nil
    request.signal()
  }

  private func ask(_ question: @escaping (inout PointTask) throws -> Outcome) throws -> Outcome {
    self.question = question
    request.signal()
    reply.wait()
    return try answer.get()
  }

  private static let starts = Guarded<UInt64>(0)

  package func reset(seed: UInt64) throws {
    var drift: UInt64 = 0
    if fault == .drift {
      drift = ThreadedSimulation.starts.withLock { starts in
        starts += 1
        return starts
      }
    }
    _ = try ask { [drift] task in
      task.reset(seed: seed &+ drift)
      return Outcome(reward: 0, isTerminated: false)
    }
  }

  package func step(_ action: Action) throws -> Outcome {
    steps += 1
    if fault == .step(steps) { throw EnvironmentError.failed("the worker is gone") }
    switch action {
    case .discrete(let index): return try ask { try $0.step(.discrete(index)) }
    case .continuous(let vector):
      let copy = Array(vector)
      return try ask { task in try copy.withUnsafeBufferPointer { try task.step(.continuous($0)) } }
    }
  }

  package func observe(into observation: UnsafeMutableBufferPointer<Float>) {
    for column in observation.indices { observation[column] = self.observation[column] }
  }
}

/// The two doubles as a run makes them; they are not registered.
package struct PointSettings: EnvironmentSettings {
  package var view = PointTask.View.numbers
  package var isDiscrete = false
  package var isThreaded = false
  package var fault = ThreadedSimulation.Fault.none

  package init() {}

  /// A task that suits the kind of agent that runs on `specification`.
  package init(like specification: EnvironmentSpecification, isThreaded: Bool, isPicture: Bool = false) {
    let isTable = specification.observationSpace.isDiscrete
    view = isPicture ? .picture : isTable ? .place : .numbers
    isDiscrete = specification.actionSpace.isDiscrete
    self.isThreaded = isThreaded
  }

  package mutating func declare(_ fields: Fields) {}
  package var standardStepLimit: Int? { 15 }
  package var stepsInParallel: Bool { isThreaded }

  package func make(stepLimit: Int?) throws -> any Environment {
    let task = PointTask(view, isDiscrete: isDiscrete)
    guard isThreaded else { return TimeLimit(task, stepLimit: stepLimit) }
    return TimeLimit(EpisodeLog(try ThreadedSimulation(task, fault)), stepLimit: stepLimit)
  }
}
