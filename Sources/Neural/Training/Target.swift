import Support

/// A copy of a network that follows it slowly (a target network).
package final class Target<N: Network>: ArchivableObject {
  /// The copy; its store is its own.
  package let network: N
  private let source: ParameterStore

  /// A copy with the present values of `network`, and of whatever else lies in its store.
  package init(of network: N) {
    source = network.store
    self.network = network.over(ParameterStore(copying: source))
  }

  /// copy ← rate·network + (1 − rate)·copy.
  package func follow(rate: Float) {
    if rate == 1 { network.store.copyValues(from: source) } else { network.store.polyak(from: source, rate: rate) }
  }

  package func archive(_ archive: Archive) throws { try network.store.archive(archive) }
}
