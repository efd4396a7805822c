import Neural
import Support
import Testing

/// LaProp's steps on threads.
@Suite struct LaPropTests {
  /// Every tensor moves, to the same bits on any number of threads: none is left out, none is moved twice.
  @Test(arguments: [2, 3]) func threadsChangeNothing(threads: Int) {
    func moved(_ pool: ComputePool?) -> [[Float]] {
      var random = RandomStream(seed: 7)
      let stores = [ParameterStore(), ParameterStore()]
      for (place, store) in stores.enumerated() {
        for tensor in 0..<5 {
          _ = store.addVector(
            "p\(tensor)", count: 3 + 17 * tensor + place, initializer: .constant(1), random: &random)
        }
      }
      let optimizer = LaProp(stores, learningRate: 0.01, warmup: 2, clip: 0.3, pool: pool)
      for step in 1...4 {
        for store in stores {
          for parameter in store.parameters {
            let gradients = store.gradients(of: parameter)
            for index in gradients.indices { gradients[index] = Float(index % 7 + step) * (index % 2 == 0 ? 0.1 : -3) }
          }
        }
        optimizer.step()
      }
      return stores.flatMap { store in store.parameters.map { Array(store.values(of: $0)) } }
    }
    let alone = moved(nil)
    #expect(moved(ComputePool(threads: threads)) == alone)
    #expect(alone.joined().allSatisfy { $0 != 1 && abs($0 - 1) < 0.1 })
  }
}
