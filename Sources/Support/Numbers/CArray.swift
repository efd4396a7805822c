/// The elements of a C array. It arrives in Swift as a tuple, whose elements lie one after the other.
package func withElements<Tuple, Element, Result>(
  of tuple: inout Tuple, as type: Element.Type, _ body: (UnsafeMutableBufferPointer<Element>) throws -> Result
) rethrows -> Result {
  try withUnsafeMutableBytes(of: &tuple) { try body($0.bindMemory(to: type)) }
}
