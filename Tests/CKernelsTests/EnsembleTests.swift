import CKernels
import CKernelsReference
import Testing

/// A model of a small environment with memory of its own, and the rows it moves.
final class TestEnsemble {
  struct Options: Sendable, CustomTestStringConvertible {
    var observationSize = 3, actionSize = 2, hidden = [20, 33], activation = CK_SILU
    /// (kind, column of the observation)
    var features: [(Int, Int)] = [(CK_FEATURE_VALUE, 0), (CK_FEATURE_VALUE, 1), (CK_FEATURE_VALUE, 2)]
    var isDelta: [Int32] = [1, 1, 1]
    var isProbabilistic = true, learnsReward = false, learnsTermination = false
    var isSampled = true, isIndexed = false
    /// Layers after the first in bfloat16.
    var isReduced = false
    /// Factors of all weights and biases, to come near the ends of the exponents.
    var weightScale: Float = 1, biasScale: Float = 0.3
    /// Weight (or bias) number `index` of a layer, the same in every member; nil: random numbers.
    var parameter: (@Sendable (_ layer: Int, _ isBias: Bool, _ index: Int) -> Float)?

    var testDescription: String {
      let flags = [
        ("probabilistic", isProbabilistic), ("reward", learnsReward), ("termination", learnsTermination),
        ("sampled", isSampled), ("indexed", isIndexed), ("features", features.count > 3),
        ("bfloat16", isReduced), ("hidden \(hidden)", hidden != [20, 33]),
      ]
      return (["activation \(activation)"] + flags.filter(\.1).map(\.0)).joined(separator: ", ")
    }

    static let all: [Options] = {
      let trigonometric = [
        (CK_FEATURE_SIN, 1), (CK_FEATURE_COS, 1), (CK_FEATURE_VALUE, 2), (CK_FEATURE_VALUE, 0),
      ]
      var rich = Options()
      rich.features = trigonometric
      rich.isDelta = [1, 0, 1]
      rich.learnsReward = true
      rich.learnsTermination = true
      var all = [Options(), rich]
      for kind in 0..<CK_ACTIVATION_COUNT { all.append(Options(hidden: [9], activation: kind)) }
      for base in [Options(), rich] {
        var option = base
        option.isSampled = false
        all.append(option)
        option.isProbabilistic = false
        all.append(option)
        option = base
        option.isIndexed = true
        all.append(option)
      }
      var onlyTermination = rich
      onlyTermination.learnsReward = false
      all.append(onlyTermination)
      var wide = rich
      wide.observationSize = 6
      wide.isDelta = [1, 0, 1, 0, 1, 1]
      wide.hidden = [50, 49, 48]
      all.append(wide)
      var single = Options()
      single.hidden = []
      all.append(single)
      return all
    }()
  }

  /// What one call writes.
  struct Results: Equatable {
    var next, reward, termination, mean, variance: [UInt32]
  }

  let options: Options
  let rowCount: Int, targets: Int
  private(set) var ensemble = ck_ensemble()
  private var allocations: [UnsafeMutableRawPointer] = []
  private let observation: [Float], action: [Float]

  /// - Parameter rowCount: no multiple of 7, see `step`.
  init(_ options: Options, rowCount: Int = 120) {
    self.options = options
    self.rowCount = rowCount
    targets = options.observationSize + (options.learnsReward ? 1 : 0) + (options.learnsTermination ? 1 : 0)
    observation = sample(options.observationSize * rowCount, seed: 100)
    action = sample(options.actionSize * rowCount, seed: 101)
    let members = 2, inputs = options.features.count + options.actionSize
    let widths = [inputs] + options.hidden + [targets * (options.isProbabilistic ? 2 : 1)]

    ensemble.layers = Int32(widths.count - 1)
    ensemble.members = Int32(members)
    withUnsafeMutableBytes(of: &ensemble.widths) { $0.bindMemory(to: Int32.self).set(widths.map { Int32($0) }) }
    var weights: [UnsafePointer<Float>?] = [], biases: [UnsafePointer<Float>?] = []
    var pairs = [UnsafePointer<UInt32>?](repeating: nil, count: widths.count - 1)
    for (layer, (from, to)) in zip(widths, widths.dropFirst()).enumerated() {
      let scale = 1 / Float(from).squareRoot()
      var weight = sample(members * from * to, seed: UInt64(layer)).map { $0 * scale * options.weightScale }
      var bias = sample(members * to, seed: UInt64(50 + layer)).map { $0 * options.biasScale }
      if let parameter = options.parameter {
        for index in weight.indices { weight[index] = parameter(layer, false, index % (from * to)) }
        for index in bias.indices { bias[index] = parameter(layer, true, index % to) }
      }
      weights.append(keep(weight))
      biases.append(keep(bias))
      guard options.isReduced && layer > 0 else { continue }
      var words = [UInt32](repeating: .max, count: members * to * ((from + 1) / 2))
      ck_bfloat16_pairs(Int64(members * to), Int64(from), weights[layer], &words)
      pairs[layer] = keep(words)
    }
    withUnsafeMutableBytes(of: &ensemble.pairs) { $0.bindMemory(to: UnsafePointer<UInt32>?.self).set(pairs) }
    withUnsafeMutableBytes(of: &ensemble.weights) { $0.bindMemory(to: UnsafePointer<Float>?.self).set(weights) }
    withUnsafeMutableBytes(of: &ensemble.biases) { $0.bindMemory(to: UnsafePointer<Float>?.self).set(biases) }
    ensemble.activation = Int32(options.activation)
    ensemble.observation_size = Int32(options.observationSize)
    ensemble.action_size = Int32(options.actionSize)
    ensemble.feature_count = Int32(options.features.count)
    ensemble.feature_kind = keep(options.features.map { Int32($0.0) })
    ensemble.feature_index = keep(options.features.map { Int32($0.1) })
    ensemble.input_mean = keep(sample(inputs, seed: 60))
    ensemble.input_inverse_deviation = keep(sample(inputs, seed: 61).map { 1.5 + $0 })
    ensemble.target_is_delta = keep(options.isDelta)
    ensemble.is_probabilistic = options.isProbabilistic ? 1 : 0
    ensemble.learns_reward = options.learnsReward ? 1 : 0
    ensemble.learns_termination = options.learnsTermination ? 1 : 0
    ensemble.minimum_log_variance = keep(sample(targets, seed: 62).map { $0 - 6 })
    ensemble.maximum_log_variance = keep(sample(targets, seed: 63).map { $0 * 0.5 })
  }

  deinit { allocations.forEach { $0.deallocate() } }

  private func keep<Element>(_ values: [Element]) -> UnsafePointer<Element>? {
    let memory = UnsafeMutablePointer<Element>.allocate(capacity: max(values.count, 1))
    memory.initialize(from: values, count: values.count)
    allocations.append(memory)
    return UnsafePointer(memory)
  }

  /// Moves rows first..<first + count (or those of an index) in calls of at most `group` rows.
  func step(
    first: Int = 5, count: Int, group: Int = .max, reference: Bool = false, inPlace: Bool = false,
    spoiledRow: Int? = nil
  ) -> Results {
    let width = options.observationSize * rowCount
    let untouched = { (count: Int) in [Float](repeating: -7, count: count) }
    let arrays = [
      observation, action, untouched(width), untouched(rowCount), untouched(rowCount), untouched(targets * rowCount),
      untouched(targets * rowCount),
      // The workspace: whatever it holds must not matter.
      [Float](repeating: .nan, count: Int(ck_ensemble_workspace(&ensemble))),
    ]
    let memory = arrays.map { array in
      let buffer = UnsafeMutableBufferPointer<Float>.allocate(capacity: array.count)
      _ = buffer.initialize(from: array)
      return buffer
    }
    defer { memory.forEach { $0.deallocate() } }
    if let spoiledRow { memory[0][spoiledRow] = .nan }
    let next = memory[inPlace ? 0 : 2]
    var rows = ck_rows(
      stride: Int64(rowCount), observation: memory[0].baseAddress, action: memory[1].baseAddress,
      next_observation: next.baseAddress, reward: memory[3].baseAddress, termination: memory[4].baseAddress,
      mean: memory[5].baseAddress, variance: memory[6].baseAddress)
    var noise = ck_noise(key: 0x1234_5678_9abc_def0, step: 17, iteration: 3)
    // Every seventh row, which visits each row once, for 7 and the number of rows have no common factor.
    let index = (0..<count).map { Int32(($0 * 7 + first) % rowCount) }
    withUnsafePointer(to: &noise) { noise in
      index.withUnsafeBufferPointer { index in
        let noise = options.isSampled ? noise : nil
        for done in stride(from: 0, to: count, by: min(group, count)) {
          let size = Int64(min(group, count - done)), start = Int64(first + done)
          let index = options.isIndexed ? index.baseAddress! + done : nil
          if reference {
            ck_reference_ensemble_step(&ensemble, 1, size, start, index, 1000, &rows, noise)
          } else {
            ck_ensemble_step(&ensemble, 1, size, start, index, 1000, &rows, noise, memory[7].baseAddress)
          }
        }
      }
    }
    return Results(
      next: bits(Array(next)), reward: bits(Array(memory[3])), termination: bits(Array(memory[4])),
      mean: bits(Array(memory[5])), variance: bits(Array(memory[6])))
  }
}

extension UnsafeMutableBufferPointer {
  fileprivate func set(_ values: [Element]) {
    for (index, value) in values.enumerated() { self[index] = value }
  }
}

extension Kernels {
  @Suite struct Ensembles {
    @Test(arguments: TestEnsemble.Options.all) func agreesWithReference(_ options: TestEnsemble.Options) {
      let ensemble = TestEnsemble(options)
      for count in [1, 4, 33, 100] {
        let got = sameOnEveryISA { ensemble.step(count: count) }, want = ensemble.step(count: count, reference: true)
        #expect(largestError(floats(got.next), floats(want.next), floor: 1) < 2e-5)
        #expect(largestError(floats(got.reward), floats(want.reward), floor: 1) < 2e-5)
        #expect(largestError(floats(got.termination), floats(want.termination), floor: 1) < 2e-5)
        #expect(largestError(floats(got.mean), floats(want.mean), floor: 1) < 2e-5)
        #expect(largestError(floats(got.variance), floats(want.variance), floor: 0.1) < 2e-5)
      }
    }

    @Test(arguments: TestEnsemble.Options.all) func groupingDoesNotMatter(_ options: TestEnsemble.Options) {
      let ensemble = TestEnsemble(options)
      sameOnEveryISA {
        let whole = ensemble.step(count: 100)
        for group in [1, 4, 16, 17, 48, 51] {
          let isSame = ensemble.step(count: 100, group: group) == whole
          #expect(isSame, "calls of \(group) rows")
        }
        let inPlace = ensemble.step(count: 100, inPlace: true)
        #expect(inPlace.mean == whole.mean)
        #expect(zip(inPlace.next, whole.next).allSatisfy { $0 == $1 || $1 == Float(-7).bitPattern })
        return whole
      }
    }

    @Test func otherRowsAreLeftAlone() {
      let results = TestEnsemble(.init()).step(first: 5, count: 50)
      for column in 0..<3 {
        for row in [0, 4, 55, 119] { #expect(floats(results.next)[column * 120 + row] == -7) }
        for row in [5, 54] { #expect(floats(results.next)[column * 120 + row] != -7) }
      }
    }

    @Test func aNaNReachesItsRowAlone() {
      for kind in 0..<CK_ACTIVATION_COUNT {
        for isProbabilistic in [true, false] {
          var options = TestEnsemble.Options(activation: kind)
          options.isProbabilistic = isProbabilistic
          let ensemble = TestEnsemble(options)
          sameOnEveryISA {
            let next = floats(ensemble.step(first: 0, count: 100, spoiledRow: 37).next)
            let isOnlyThere = (0..<300).allSatisfy { next[$0 / 100 * 120 + $0 % 100].isNaN == ($0 % 100 == 37) }
            #expect(isOnlyThere)
            return true
          }
        }
      }
    }
  }
}
