/// A network whose parameters lie in one store, so that a copy of the store makes another one of it.
package protocol Network: AnyObject {
  /// Holds its parameters, and maybe those of others.
  var store: ParameterStore { get }
  /// The same network with the values of another store of the same layout.
  func over(_ store: ParameterStore) -> Self
}
