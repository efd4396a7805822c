import Support

/// An environment around another one. Everything is forwarded here, once; a wrapper's own file holds what it changes.
package protocol EnvironmentWrapper: Environment {
  associatedtype Base: Simulation
  var base: Base { get set }
  /// Whether a transition of the wrapper is one of the base. No default: whoever changes what a transition is (repeated
  /// actions, stacked frames, pixels) says so, for then the base's known dynamics, tables and states are not its own.
  static var keepsTransitions: Bool { get }
}

extension EnvironmentWrapper {
  package var specification: EnvironmentSpecification { base.specification }
  package mutating func reset(seed: UInt64) throws { try base.reset(seed: seed) }
  package mutating func step(_ action: Action) throws -> Outcome { try base.step(action) }
  package mutating func announce(_ action: Action) { base.announce(action) }
  package func observe(into observation: UnsafeMutableBufferPointer<Float>) { base.observe(into: observation) }
  package var runStep: Int {
    get { base.runStep }
    set { base.runStep = newValue }
  }
  package var knownDynamics: (any KnownDynamics)? { Self.keepsTransitions ? base.knownDynamics : nil }
  package var tabular: (any TabularTask)? { Self.keepsTransitions ? base.tabular : nil }
  package var physicalState: PhysicalState? {
    get { Self.keepsTransitions ? base.physicalState : nil }
    set { base.physicalState = newValue }
  }
  package var isSuccess: Bool? { base.isSuccess }
  package var sketch: Sketch? { base.sketch }
  package var picture: Raster? { base.picture }
  package func copy() -> Self? {
    guard let base = base.copy() else { return nil }
    var copy = self
    copy.base = base
    return copy
  }
}
