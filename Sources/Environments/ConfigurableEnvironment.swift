import Support

/// A native environment that the registry can build: a value with options, and what is known before it is built.
package protocol ConfigurableEnvironment: ValueEnvironment {
  associatedtype Configuration: Configurable = NoOptions
  /// The environment with its standard options; `stepLimit` is the one its authors give it.
  static var specification: EnvironmentSpecification { get }
  /// Every id of the type, with what it sets; default: that of `specification`.
  static var variants: [(specification: EnvironmentSpecification, configuration: Configuration)] { get }
  /// An environment before its first reset. It never ends an episode by time: `TimeLimit` does.
  init(_ configuration: Configuration)
  /// See `PhysicalState`.
  var state: [Double] { get set }
  /// See `PhysicalState`; set before `state`.
  var isSinglePrecision: Bool { get set }
}

extension ConfigurableEnvironment {
  package static var variants: [(specification: EnvironmentSpecification, configuration: Configuration)] {
    [(specification, Configuration())]
  }
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

/// A task whose physical state is a few numbers.
package protocol PhysicalEnvironment: ConfigurableEnvironment {
  /// The numbers of the state, in the order of recordings, with their names in archives.
  static var quantities: Quantities { get }
}

extension PhysicalEnvironment {
  package typealias Quantities = KeyValuePairs<String, any WritableKeyPath<Self, Double> & Sendable>

  package var state: [Double] {
    get { Self.quantities.map { self[keyPath: $0.value] } }
    set {
      precondition(newValue.count == Self.quantities.count, "\(newValue.count) numbers as a state of \(Self.self)")
      for (quantity, number) in zip(Self.quantities, newValue) { self[keyPath: quantity.value] = number }
    }
  }

  package mutating func archive(_ archive: Archive) throws { try archiveQuantities(archive) }

  /// The numbers of the state.
  mutating func archiveQuantities(_ archive: Archive) throws {
    for (name, place) in Self.quantities { try archive.value(name, &self[keyPath: place]) }
  }
}

/// The options of an environment that has none.
package struct NoOptions: Configurable {
  package init() {}
  package mutating func declare(_ fields: Fields) {}
}
