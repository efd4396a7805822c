import Support

/// A native environment that the registry can build: a value with options, and what is known before it is built.
package protocol ConfigurableEnvironment: ValueEnvironment {
  associatedtype Configuration: Configurable = NoOptions
  /// The environment with its standard options; `stepLimit` is the one its authors give it.
  static var specification: EnvironmentSpecification { get }
  /// An environment before its first reset. It never ends an episode by time: `TimeLimit` does.
  init(_ configuration: Configuration)
  /// See `PhysicalState`.
  var state: [Double] { get set }
  /// See `PhysicalState`; set before `state`.
  var isSinglePrecision: Bool { get set }
}

extension ConfigurableEnvironment {
  package var specification: EnvironmentSpecification { Self.specification }
  package var isSinglePrecision: Bool {
    get { false }
    set {}
  }
  package var physicalState: PhysicalState? {
    get { PhysicalState(state, isSinglePrecision: isSinglePrecision) }
    set {
      guard let newValue else { return }
      isSinglePrecision = newValue.isSinglePrecision
      state = newValue.values
    }
  }
  /// An environment with its standard options.
  package init() { self.init(Configuration()) }
}

/// The options of an environment that has none.
package struct NoOptions: Configurable {
  package init() {}
  package mutating func declare(_ fields: Fields) {}
}
