import Foundation
import Support

/// Weights of 0..<count with the sum of any subtree, for draws in proportion to them. A sum is that of its two halves
/// whatever was there before, so that equal weights give equal trees.
final class SumTree {
  private let leaves: Int
  /// The root is node 1; the children of n are 2n and 2n + 1.
  private let nodes: UnsafeMutablePointer<Double>
  /// The largest weight ever set, 1 at least.
  var largest = 1.0

  /// `count` zeros, which take no memory before they are set.
  init(_ count: Int) {
    var leaves = 1
    while leaves < count { leaves *= 2 }
    self.leaves = leaves
    guard let memory = calloc(2 * leaves, 8) else { outOfMemory(MemoryNeed.product(2 * leaves, 8)) }
    nodes = memory.bindMemory(to: Double.self, capacity: 2 * leaves)
  }

  deinit { free(nodes) }

  var total: Double { nodes[1] }

  subscript(index: Int) -> Double {
    get { nodes[leaves + index] }
    set {
      largest = max(largest, newValue)
      var node = leaves + index
      nodes[node] = newValue
      while node > 1 {
        node /= 2
        nodes[node] = nodes[2 * node] + nodes[2 * node + 1]
      }
    }
  }

  /// Where `value`, 0..<total, falls in the row of weights; never on a weight of 0 where there is any other.
  func index(of value: Double) -> Int {
    var (node, rest) = (1, value)
    while node < leaves {
      node *= 2
      if rest >= nodes[node] && nodes[node + 1] > 0 {
        rest -= nodes[node]
        node += 1
      }
    }
    return node - leaves
  }
}
