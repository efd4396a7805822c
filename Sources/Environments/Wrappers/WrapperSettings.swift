import Support

/// What may stand around any environment: the section "environment.wrappers", all off by default.
///
/// From the inside out: the step limit, repeated actions, rescaled actions, features or pixels, stacked frames, the
/// time column; normalised observations last, which belong to the group, because lanes share their statistics.
package struct WrapperSettings: Configurable, Equatable {
  package var actionRepeat = 1
  package var rescalesActions = false
  package var observesFeatures = false
  /// Of a side of the picture that is seen in place of numbers; 0: none.
  package var pixels = 0
  package var frameStack = 1
  package var observesTime = false
  package var normalizesObservations = false
  /// Of a normalised observation, to both sides.
  package var observationLimit = 10.0

  package init() {}

  package mutating func declare(_ fields: Fields) {
    fields.integer(
      "actionRepeat", &actionRepeat, in: 1...1000,
      "times that every action is taken: one step, whose rewards are summed; stepLimit counts each of them")
    fields.flag("rescalesActions", &rescalesActions, "vectors of actions come in [-1, 1] instead of the task's bounds")
    fields.flag(
      "observesFeatures", &observesFeatures,
      "observations are what models see of them: angles as sine and cosine, where the task says so")
    fields.integer(
      "pixels", &pixels, in: 0...512, "side of a picture of the task that is seen in place of its numbers; 0: none")
    fields.integer("frameStack", &frameStack, in: 1...64, "newest observations that are seen together, oldest first")
    fields.flag("observesTime", &observesTime, "a last column with the share of the step limit that is over")
    fields.flag(
      "normalizesObservations", &normalizesObservations,
      "standardise observations by running mean and variance; evaluations leave these as they are")
    fields.number(
      "observationLimit", &observationLimit, in: 0...1e6, aboveLowerBound: true, "bound of normalised observations")
    if !normalizesObservations { fields.unused("observationLimit", because: "observations are not normalised") }
  }

  /// Stands around `environment`, which has its step limit.
  /// - Throws: `WrapperMisfits`.
  package func wrap(_ environment: any Environment) throws -> any Environment {
    var misfits = misfits(environment.specification)
    if pixels > 0 && environment.sketch == nil {
      misfits.append(Fault(path: "pixels", message: "nobody draws \(environment.specification.id); remove it"))
    }
    if observesFeatures && pixels > 0 {
      misfits.append(Fault(path: "observesFeatures", message: "with pixels nothing else is seen; remove it"))
    }
    guard misfits.isEmpty else { throw WrapperMisfits(faults: misfits) }
    var environment = environment
    func replace(_ wrap: (any Environment) -> any Environment) { environment = wrap(environment) }
    if actionRepeat > 1 { replace { repeating($0) } }
    if rescalesActions { replace { rescaling($0) } }
    if observesFeatures && WrapperSettings.hasFeatures(environment) { replace { featuring($0) } }
    if pixels > 0 { replace { drawing($0) } }
    if frameStack > 1 { replace { stacking($0) } }
    if observesTime { replace { timing($0) } }
    return environment
  }

  private func repeating(_ base: some Environment) -> any Environment { ActionRepeat(base, count: actionRepeat) }
  private func rescaling(_ base: some Environment) -> any Environment { RescaledActions(base) }
  /// Whether models see anything else of its observations than what stands there.
  package static func hasFeatures(_ environment: any Environment) -> Bool {
    guard case .box = environment.specification.observationSpace else { return false }
    return environment.knownDynamics?.modelFeatures != nil
  }

  private func featuring(_ base: some Environment) -> any Environment { FeatureObservation(base) }
  private func drawing(_ base: some Environment) -> any Environment { PixelObservation(base, side: pixels) }
  private func stacking(_ base: some Environment) -> any Environment { FrameStack(base, count: frameStack) }
  private func timing(_ base: some Environment) -> any Environment { TimeObservation(base) }

  /// The statistics of a run of environments with that specification, before the first observation; nil: none.
  package func makeNormalizer(_ specification: EnvironmentSpecification) -> RunningNormalizer? {
    guard normalizesObservations else { return nil }
    return RunningNormalizer(columns: specification.observationSpace.size, limit: observationLimit)
  }

  /// The setting of this section for which the declared dynamics of `bare` are not those of what an agent sees; nil:
  /// there is none.
  func hidingSetting(of bare: any Environment) -> String? {
    // Statistics move: the same state is another observation later.
    if normalizesObservations { return "normalizesObservations" }
    if pixels > 0 { return "pixels" }
    if actionRepeat > 1 { return "actionRepeat" }
    return observesFeatures && WrapperSettings.hasFeatures(bare) ? "observesFeatures" : nil
  }

  /// What makes no sense around an environment with that specification.
  private func misfits(_ specification: EnvironmentSpecification) -> [Fault] {
    var faults: [Fault] = []
    let id = specification.id
    func fault(_ setting: String, _ message: String) { faults.append(Fault(path: setting, message: message)) }
    if rescalesActions {
      switch specification.actionSpace {
      case .discrete: fault("rescalesActions", "actions of \(id) are discrete: there is nothing to rescale; remove it")
      case .box(let low, let high):
        if !(low + high).allSatisfy(\.isFinite) {
          fault("rescalesActions", "actions of \(id) have no bounds; remove it")
        }
      }
    }
    let isIndex = specification.observationSpace.isDiscrete && pixels == 0
    let isImage = specification.observationSpace.isImage || pixels > 0
    if isIndex && frameStack > 1 {
      fault("frameStack", "\(id) gives an index, and only vectors and images are stacked; remove it")
    }
    let kind = isIndex ? "an index" : "images"
    if isIndex || isImage {
      if observesTime { fault("observesTime", "\(id) gives \(kind): there is no place for a column; remove it") }
      if normalizesObservations {
        fault("normalizesObservations", "\(id) gives \(kind), and only vectors are normalised; remove it")
      }
    }
    if observesTime && specification.stepLimit == nil {
      fault(
        "observesTime", "episodes have no limit, so no share of it can be over; set environment.stepLimit to 1000, say")
    }
    return faults
  }
}

/// Wrappers that do not suit their environment; paths are names of settings.
package struct WrapperMisfits: Error, CustomStringConvertible {
  package let faults: [Fault]
  package var description: String { faults.map(\.description).joined(separator: "; ") }
}
