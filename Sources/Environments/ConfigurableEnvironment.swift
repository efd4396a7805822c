import Support

/// A native environment that the registry can build: a type, its options, and what is known before it is built.
package protocol ConfigurableEnvironment: SnapshotEnvironment {
  associatedtype Configuration: Configurable = NoOptions
  /// The environment with its standard options; `stepLimit` is the one its authors give it.
  static var specification: EnvironmentSpecification { get }
  /// An environment before its first reset. It never ends an episode by time: `TimeLimit` does.
  init(_ configuration: Configuration)
}

extension ConfigurableEnvironment {
  package var specification: EnvironmentSpecification { Self.specification }
  /// An environment with its standard options.
  package init() { self.init(Configuration()) }
}

/// The options of an environment that has none.
package struct NoOptions: Configurable {
  package init() {}
  package mutating func declare(_ fields: Fields) {}
}
