import Support

/// A task of Gymnasium's in MuJoCo: reset and step in Gymnasium's order of calls, so that every bit is the same.
///
/// A step remembers what the reward subtracts, hands the action on as it is (MuJoCo clamps it while it simulates, the
/// cost of controls is of what was asked for), simulates, and then looks. What is derived (places of bodies, forces)
/// is that of the last evaluation inside the last substep, and nothing is derived anew afterwards.
///
/// A simulation that diverges ends the episode as truncated: MuJoCo has by then gone back to its initial state, so the
/// observation stays the last one before, and the reward is 0.
package struct MuJoCoEnvironment<Task: MuJoCoTask>: Environment {
  package let specification: EnvironmentSpecification
  private let task: Task
  /// Not shared with another value: `copy` makes one of its own.
  private let simulation: MuJoCoSimulation
  private let frameSkip: Int
  /// Of a step, s.
  private let duration: Double
  private var place = SIMD2<Double>()
  /// In double precision.
  package private(set) var observation: [Double]

  /// - Throws: `MuJoCoError`.
  package init(_ configuration: Task.Configuration, _ options: MuJoCoOptions<Task>) throws(MuJoCoError) {
    let library = try MuJoCoLibrary.load(options.library)
    let (file, facts) = (options.xmlFile, Task.facts)
    let model = try library.model(file, text: file == facts.model ? facts.xml : nil)
    task = try Task(configuration, model)
    specification = Task.specification(configuration, model.counts)
    simulation = try MuJoCoSimulation(model)
    frameSkip = options.frameSkip
    duration = model.timestep * Double(frameSkip)
    observation = [Double](repeating: 0, count: specification.observationSpace.size)
    look(nil)
  }

  package mutating func reset(seed: UInt64) throws {
    var random = NumPyRandom(seed: seed)
    try simulation.reset()
    task.begin(simulation, &random)
    try simulation.forward()
    look(nil)
  }

  package mutating func step(_ action: Action) throws -> Outcome {
    let action = try action.vector(count: simulation.model.counts.controls)
    for (index, value) in action.enumerated() { simulation.control[index] = Double(value) }
    try simulation.step(frameSkip)
    if simulation.hasDiverged {
      MuJoCoLibrary.announce(
        "a simulation of \(specification.id) diverged; its episode is truncated (this is said once, and done always)")
      return Outcome(reward: 0, isTerminated: false, isTruncated: true)
    }
    let step = MuJoCoStep(action: action, before: place, after: task.place(simulation), duration: duration)
    let outcome = task.outcome(simulation, step)
    look(step)
    return outcome
  }

  /// Takes over what is seen now, after `step` or, where that is nil, after the simulation was put somewhere.
  private mutating func look(_ step: MuJoCoStep?) {
    let (task, simulation) = (task, simulation)
    place = step?.after ?? task.place(simulation)
    observation.withUnsafeMutableBufferPointer { numbers in
      var observation = MuJoCoObservation(numbers)
      task.observe(simulation, step, into: &observation)
      assert(observation.count == numbers.count, "\(observation.count) numbers of \(numbers.count)")
    }
  }

  package func observe(into observation: UnsafeMutableBufferPointer<Float>) {
    for (index, number) in self.observation.enumerated() { observation[index] = Float(number) }
  }

  package var knownDynamics: (any KnownDynamics)? { task.knownDynamics }

  package var sketch: Sketch? { Task.view.sketch(of: simulation) }

  package func copy() -> Self? {
    guard let simulation = try? simulation.copy() else { return nil }
    return MuJoCoEnvironment(self, simulation)
  }

  private init(_ other: Self, _ simulation: MuJoCoSimulation) {
    (specification, task, self.simulation) = (other.specification, other.task, simulation)
    (frameSkip, duration, place, observation) = (other.frameSkip, other.duration, other.place, other.observation)
  }

  /// Positions, velocities, where the search for forces starts (qacc_warmstart) and, where positions do not tell it,
  /// the place whose change is rewarded; as the recordings of Gymnasium have it. What is seen after moving there is
  /// derived from the positions themselves, not from the evaluation before.
  package var physicalState: PhysicalState? {
    get {
      let counts = simulation.model.counts
      var values = Array(UnsafeBufferPointer(start: simulation.position, count: counts.positions))
      values += UnsafeBufferPointer(start: simulation.velocity, count: counts.velocities)
      values += UnsafeBufferPointer(start: simulation.warmStart, count: counts.velocities)
      if Task.remembersPlace { values += [place.x, place.y] }
      return PhysicalState(values)
    }
    set {
      guard let values = newValue?.values else { return }
      do {
        try go(to: values)
      } catch {
        // A setter cannot throw; the next step of a simulation that is out of order does.
        MuJoCoLibrary.announce("\(specification.id): \(error)")
      }
    }
  }

  private mutating func go(to values: [Double]) throws(MuJoCoError) {
    let (positions, velocities) = (simulation.model.counts.positions, simulation.model.counts.velocities)
    let size = positions + 2 * velocities + (Task.remembersPlace ? 2 : 0)
    precondition(values.count == size, "\(values.count) numbers as a state of \(specification.id)")
    try simulation.reset()
    for index in 0..<positions { simulation.position[index] = values[index] }
    for index in 0..<velocities { simulation.velocity[index] = values[positions + index] }
    try simulation.forward()
    for index in 0..<velocities { simulation.warmStart[index] = values[positions + velocities + index] }
    look(nil)
    if Task.remembersPlace { place = SIMD2(values[size - 2], values[size - 1]) }
  }

  /// The complete state, and what was derived before it and is seen.
  package mutating func archive(_ archive: Archive) throws {
    let isReading = archive.mode == .reading
    var state = try simulation.state
    try archive.array("state", &state, isFixed: true)
    if isReading { try simulation.restore(state) }
    try archive.value("placeX", &place.x)
    try archive.value("placeY", &place.y)
    try archive.array("observation", &observation, isFixed: true)
    var geoms = simulation.geomPlaces
    try archive.array("geoms", &geoms, isFixed: true)
    if isReading { simulation.geomPlaces = geoms }
  }
}

/// How a task is simulated: options that all tasks have.
package struct MuJoCoOptions<Task: MuJoCoTask>: Configurable {
  package var frameSkip = Task.facts.frameSkip
  package var xmlFile = Task.facts.model
  package var library = ""

  package init() {}

  package mutating func declare(_ fields: Fields) {
    fields.integer("frameSkip", &frameSkip, in: 1...10_000, "steps of the model in one step of the task")
    fields.text("xmlFile", &xmlFile, "the model: a name, or a path that begins with /, . or ~")
    fields.text(
      "library", &library,
      "libmujoco or its folder; empty: what \(MuJoCoFiles.variable) names, or where scripts/setup-mujoco.sh put it")
  }
}

/// The tasks of this program that MuJoCo simulates; a new one is one file and one line here.
package struct MuJoCoEnvironments: EnvironmentFamily {
  private typealias Known = (specification: EnvironmentSpecification, settings: any EnvironmentSettings)

  private static let entries: [Known] = [
    entry(HalfCheetah.self),
    entry(HalfCheetahPETS.self),
    entry(Hopper.self),
    entry(Walker2d.self),
    entry(Ant.self),
    entry(Humanoid.self),
    entry(InvertedPendulum.self),
    entry(InvertedDoublePendulum.self),
    entry(PlanarReacher.self),
    entry(Pusher.self),
    entry(Swimmer.self),
    entry(CartPolePETS.self),
    entry(ReacherPETS.self),
    entry(PusherPETS.self),
  ]

  private static func entry<Task: MuJoCoTask>(_ task: Task.Type) -> Known {
    (Task.specification(Task.Configuration(), Task.facts.counts), MuJoCoSettings<Task>())
  }

  package init() {}

  package var specifications: [EnvironmentSpecification] { MuJoCoEnvironments.entries.map(\.specification) }

  package func settings(for id: String) -> (any EnvironmentSettings)? {
    MuJoCoEnvironments.entries.first { $0.specification.id == id }?.settings
  }
}

/// The settings of one task.
private struct MuJoCoSettings<Task: MuJoCoTask>: EnvironmentSettings {
  var task = Task.Configuration()
  var options = MuJoCoOptions<Task>()
  var standardStepLimit: Int? { Task.facts.stepLimit }
  /// A step takes 15 to 200 µs, a handful of messages between threads.
  var stepsInParallel: Bool { true }

  mutating func declare(_ fields: Fields) {
    task.declare(fields)
    options.declare(fields)
  }

  func make(stepLimit: Int?) throws -> any Environment {
    TimeLimit(try MuJoCoEnvironment<Task>(task, options), stepLimit: stepLimit)
  }
}
