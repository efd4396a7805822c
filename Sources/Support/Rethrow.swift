/// The value of `body`; what it throws becomes another kind of error.
package func rethrow<Value, Inner: Error, Outer: Error>(
  _ body: @autoclosure () throws(Inner) -> Value, as convert: (Inner) -> Outer
) throws(Outer) -> Value {
  do throws(Inner) {
    return try body()
  } catch {
    throw convert(error)
  }
}
