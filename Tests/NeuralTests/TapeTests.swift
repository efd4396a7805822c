import Neural
import Support
import Testing

/// What the tape promises beside right numbers.
struct TapeTests {
  @Test func sharedSubexpressionsAddTheirGradients() {
    let tape = Tape()
    let x = tape.variable([2, -3], columns: 2)
    let square = tape.multiply(x, x)
    // x² + 2x² + x³ → 6x + 3x²
    let loss = tape.sum(tape.add(tape.add(square, tape.scale(square, by: 2)), tape.multiply(square, x)))
    tape.backward(loss)
    #expect(Array(tape.gradient(x)) == [24, 9])
    #expect(Array(tape.gradient(square)) == [5, 0])
  }

  @Test func aSecondLossOnTheSameTapeStartsAfresh() {
    let tape = Tape()
    let x = tape.variable([2, -3], columns: 2)
    let y = tape.square(x)
    tape.backward(tape.sum(y))
    #expect(Array(tape.gradient(x)) == [4, -6])
    tape.backward(tape.sum(tape.scale(y, by: 10)))
    #expect(Array(tape.gradient(x)) == [40, -60])
  }

  @Test func aTensorWithoutContributionHasZeroGradient() {
    let tape = Tape()
    let x = tape.variable([1, 2, 3], columns: 3)
    let unused = tape.variable([4, 5], columns: 2)
    tape.backward(tape.sum(x))
    #expect(Array(tape.gradient(unused)) == [0, 0])
  }

  @Test func frozenParametersPassGradientsToTheirInputs() {
    var random = RandomStream(seed: 1)
    let network = MLP(name: "", sizes: [3, 4, 2], activation: .tanh, random: &random)
    let store = network.store
    let tape = Tape()
    func inputGradient(frozen: Bool) -> [Float] {
      tape.rewind()
      store.clearGradients()
      let x = tape.variable([0.1, 0.2, 0.3], columns: 3)
      tape.backward(tape.sum(network(x, on: tape, frozen: frozen)))
      return Array(tape.gradient(x))
    }
    let free = inputGradient(frozen: false)
    #expect(store.gradientNorm > 0)
    let frozen = inputGradient(frozen: true)
    #expect(store.gradientNorm == 0)
    #expect(frozen == free && free.contains { $0 != 0 })
  }

  @Test func detachedStopsGradients() {
    let tape = Tape()
    let x = tape.variable([2, -3], columns: 2)
    let stopped = tape.detached(tape.square(x))
    #expect(Array(tape.values(stopped)) == [4, 9])
    tape.backward(tape.sum(tape.multiply(x, stopped)))
    #expect(Array(tape.gradient(x)) == [4, 9])
  }

  @Test func withoutGradientsNothingIsRecorded() {
    var random = RandomStream(seed: 1)
    let network = MLP(name: "", sizes: [3, 4, 1], activation: .silu, random: &random)
    let store = network.store
    let tape = Tape()
    let x = tape.variable([0.1, 0.2, 0.3], columns: 3)
    let recorded = network(x, on: tape)
    let silent = tape.withoutGradients { network(x, on: tape) }
    #expect(tape.requiresGradient(recorded) && !tape.requiresGradient(silent))
    #expect(Array(tape.values(recorded)) == Array(tape.values(silent)))
    // What comes after is recorded again and takes the silent result as a constant.
    tape.backward(tape.sum(tape.multiply(x, silent)))
    #expect(Array(tape.gradient(x)) == [Float](repeating: tape.scalar(silent), count: 3))
    #expect(store.gradientNorm == 0)
  }

  @Test func parameterGradientsAddUpUntilTheyAreCleared() {
    var random = RandomStream(seed: 1)
    let store = ParameterStore()
    let used = store.addVector("used", count: 3, initializer: .constant(2), random: &random)
    let unused = store.addVector("unused", count: 2, initializer: .zeros, random: &random)
    store.gradients(of: unused)[0] = 7
    let tape = Tape()
    func pass() {
      tape.rewind()
      let x = tape.parameter(used, of: store)
      tape.backward(tape.sum(tape.multiply(x, tape.parameter(used, of: store))))
    }
    pass()
    #expect(Array(store.gradients(of: used)) == [4, 4, 4])
    pass()
    #expect(Array(store.gradients(of: used)) == [8, 8, 8])
    store.clearGradients()
    pass()
    #expect(Array(store.gradients(of: used)) == [4, 4, 4])
    #expect(Array(store.gradients(of: unused)) == [0, 0])
    store.clearGradients()
    #expect(store.gradients.allSatisfy { $0 == 0 })
  }

  @Test func aSeedIsTheGradientOfTheRoot() {
    let tape = Tape()
    let x = tape.variable([2, -3], columns: 2)
    let square = tape.square(x)
    let seed: [Float] = [10, -1]
    seed.withUnsafeBufferPointer { tape.backward(square, seed: $0) }
    #expect(Array(tape.gradient(square)) == seed)
    #expect(Array(tape.gradient(x)) == [40, 6])
  }

  @Test func keptGradientsReachTheStoreWhenTheyAreAdded() {
    var random = RandomStream(seed: 1)
    let store = ParameterStore()
    let parameter = store.addVector("used", count: 2, initializer: .constant(3), random: &random)
    store.gradients(of: parameter).update(repeating: 1)
    let tape = Tape()
    let x = tape.parameter(parameter, of: store)
    let frozen = tape.parameter(parameter, of: store, frozen: true)
    let cube = tape.multiply(tape.multiply(x, tape.parameter(parameter, of: store)), frozen)
    tape.backward(tape.sum(cube), keeping: true)
    #expect(Array(store.gradients(of: parameter)) == [1, 1])
    #expect(Array(tape.gradient(x)) == [9, 9])
    tape.addGradients()
    #expect(Array(store.gradients(of: parameter)) == [19, 19])
    tape.backward(tape.sum(cube))
    #expect(Array(store.gradients(of: parameter)) == [37, 37])
  }

  /// Of several tapes at once: sums in the order in which they are added, whole networks included, and nothing twice.
  @Test func collectedGradientsReachTheStoresWhenTheyAreAdded() {
    var random = RandomStream(seed: 1)
    let network = MLP(name: "", sizes: [3, 8, 2], members: 1, activation: .silu, random: &random)
    let other = ParameterStore()
    let scale = other.addVector("scale", count: 3, initializer: .constant(3), random: &random)
    let unused = other.addVector("unused", count: 1, initializer: .constant(3), random: &random)
    /// Differentiates a loss on rows that differ from tape to tape; a fused network where there are enough of them.
    func differentiate(_ tape: Tape, _ number: Int, rows: Int) {
      tape.rewind()
      let x = tape.constant(rows: rows, columns: 3) { x in
        for index in x.indices { x[index] = Float((index * 7 + number * 5) % 11) / 5 - 1 }
      }
      let said = network.fused(tape.multiply(x, tape.parameter(scale, of: other)), on: tape)
      tape.backward(tape.mean(tape.square(said)))
    }
    func gradients() -> [[Float]] { [Array(network.store.gradients), Array(other.gradients)] }
    func clear() { for store in [network.store, other] { store.clearGradients() } }
    for rows in [5, 40] {
      // What one tape after another adds.
      clear()
      for number in 0..<3 { differentiate(Tape(), number, rows: rows) }
      let wanted = gradients()
      clear()
      let tapes = (0..<3).map { _ in Tape(collectsGradients: true) }
      for round in 0..<2 {
        for number in [2, 0, 1] { differentiate(tapes[number], number, rows: rows) }
        if round == 0 { #expect(gradients().joined().allSatisfy { $0 == 0 }) }
        for tape in tapes { tape.addCollectedGradients() }
        for (own, wanted) in zip(gradients(), wanted) {
          let factor = Float(round + 1)
          #expect(zip(own, wanted).allSatisfy { abs($0 - factor * $1) <= 1e-5 * abs($0) + 1e-6 }, "\(rows) rows")
        }
      }
      for tape in tapes { tape.addCollectedGradients() }
      #expect(zip(gradients().joined(), wanted.joined()).allSatisfy { abs($0 - 2 * $1) <= 1e-5 * abs($0) + 1e-6 })
    }
    #expect(other.gradients(of: unused)[0] == 0)
  }

  @Test func theSteadyStateAllocatesNothing() {
    var random = RandomStream(seed: 1)
    let network = MLP(name: "", sizes: [8, 64, 64, 4], members: 3, activation: .silu, random: &random)
    let tape = Tape()
    let inputs = [Float](repeating: 0.5, count: 3 * 50 * 8)
    func pass() -> (capacity: Int, place: UnsafePointer<Float>?) {
      tape.rewind()
      let output = network(tape.constant(inputs, batch: 3, rows: 50, columns: 8), on: tape)
      tape.backward(tape.mean(tape.square(output)))
      return (tape.capacity, tape.values(output).baseAddress)
    }
    _ = pass()
    let second = pass()
    for _ in 0..<5 {
      let later = pass()
      #expect(later.capacity == second.capacity && later.place == second.place)
    }
  }

  @Test func aScopeGivesItsMemoryBack() {
    let tape = Tape()
    let x = tape.variable([1, 2, 3], columns: 3)
    let places = (0..<3).map { _ in tape.scope { tape.values(tape.exp(tape.square(x))).baseAddress } }
    #expect(places[1] == places[0] && places[2] == places[0])
    #expect(tape.nodeCount == 1)
    tape.backward(tape.sum(tape.square(x)))
    #expect(Array(tape.gradient(x)) == [2, 4, 6])
  }

  @Test func pointersStayValidWhileTheArenaGrows() {
    let tape = Tape()
    let x = tape.constant([1, 2, 3], columns: 3)
    let place = tape.values(x).baseAddress
    for _ in 0..<20 { _ = tape.constant([Float](repeating: 0, count: 10_000), columns: 10_000) }
    #expect(tape.values(x).baseAddress == place && Array(tape.values(x)) == [1, 2, 3])
  }

  @Test func tiesShareTheGradient() {
    let tape = Tape()
    let (a, b) = (tape.variable([1, 2], columns: 2), tape.variable([1, 3], columns: 2))
    tape.backward(tape.sum(tape.add(tape.minimum(a, b), tape.scale(tape.maximum(a, b), by: 10))))
    #expect(Array(tape.gradient(a)) == [5.5, 1])
    #expect(Array(tape.gradient(b)) == [5.5, 10])
  }

  @Test func notANumberIsNotHidden() {
    let tape = Tape()
    let (bad, good) = (tape.constant([.nan, 1], columns: 2), tape.constant([1, .nan], columns: 2))
    for result in [tape.minimum(bad, good), tape.maximum(bad, good)] {
      #expect(tape.values(result).allSatisfy { $0.isNaN })
    }
    #expect(tape.values(tape.clamp(bad, low: -1, high: 1))[0].isNaN)
  }

  @Test func straightThroughSamplesFollowTheirProbabilities() {
    let tape = Tape()
    var random = RandomStream(seed: 3)
    let rows = 20_000
    var logits: [Float] = []
    for _ in 0..<rows { logits += [0, -Float.infinity, 1, -1] }
    let sample = tape.straightThroughSample(
      tape.constant(logits, rows: rows, columns: 4),
      draws: tape.constant(rows: rows, columns: 1) { random.fillUniform($0, 0, 1) })
    var counts = [0.0, 0, 0, 0]
    for row in 0..<rows { for column in 0..<4 { counts[column] += Double(tape.values(sample)[4 * row + column]) } }
    let total = 1 + 2.718281828 + 0.367879441
    for (count, weight) in zip(counts, [1, 0, 2.718281828, 0.367879441]) {
      #expect(abs(count / Double(rows) - weight / total) < 0.012)
    }
    #expect(counts.reduce(0, +) == Double(rows) && counts[1] == 0)
  }

  @Test func aTensorOfAnEarlierPassIsRefused() async {
    await #expect(processExitsWith: .failure) {
      let tape = Tape()
      let x = tape.constant([1], columns: 1)
      tape.rewind()
      _ = tape.constant([2], columns: 1)
      _ = tape.values(x)
    }
  }

  @Test func shapesThatDoNotFitAreRefused() async {
    await #expect(processExitsWith: .failure) {
      let tape = Tape()
      let x = tape.constant([1, 2, 3], columns: 3)
      let weight = tape.constant([1, 2, 3, 4], rows: 2, columns: 2)
      _ = tape.linear(x, weight: weight, bias: nil)
    }
    await #expect(processExitsWith: .failure) {
      let tape = Tape()
      _ = tape.add(tape.constant([1, 2, 3], columns: 3), tape.constant([1, 2], columns: 2))
    }
  }

  @Test func parametersAreAddedBeforeTheStoreIsUsed() async {
    await #expect(processExitsWith: .failure) {
      var random = RandomStream(seed: 1)
      let store = ParameterStore()
      let bias = store.addVector("bias", count: 3, initializer: .zeros, random: &random)
      _ = Tape().parameter(bias, of: store)
      _ = store.addVector("late", count: 3, initializer: .zeros, random: &random)
    }
  }
}
