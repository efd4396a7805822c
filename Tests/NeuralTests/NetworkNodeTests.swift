import CKernels
import Neural
import Support
import TestSupport
import Testing

/// What both kinds of networks offer.
private protocol FusedNetwork {
  var members: Int { get }
  var store: ParameterStore { get }
  func callAsFunction(_ x: Tensor, on tape: Tape, frozen: Bool) -> Tensor
  func fused(_ x: Tensor, on tape: Tape, frozen: Bool) -> Tensor
}
extension MLP: FusedNetwork {}
extension NormalizedMLP: FusedNetwork {}

/// A whole network as one node of a tape, against the same network layer by layer: equal to the bit.
@Suite(.serialized) struct NetworkNodeTests {
  private static func network(members: Int, activation: Activation, seed: UInt64 = 7) -> MLP {
    var random = RandomStream(seed: seed)
    return MLP(
      name: "members.{member}", sizes: [19, 40, 33, 3], members: members, activation: activation,
      biasInitializer: .uniform(0.1), random: &random)
  }

  /// Values, gradients of the parameters and of two parts of the inputs; the first part takes one on wish.
  private static func pass(
    fused: Bool, _ network: some FusedNetwork, rows: Int, shared: Bool, frozen: Bool, firstTakesGradient: Bool,
    twice: Bool = false, accumulating: Bool = false, pool: ComputePool
  ) -> [Float] {
    let tape = Tape(pool: pool)
    var random = RandomStream(seed: 3)
    let batch = shared ? 1 : network.members
    func leaf(_ columns: Int, takesGradient: Bool) -> Tensor {
      takesGradient
        ? tape.variable(batch: batch, rows: rows, columns: columns) { random.fillNormal($0) }
        : tape.constant(batch: batch, rows: rows, columns: columns) { random.fillNormal($0) }
    }
    let (first, second) = (leaf(12, takesGradient: firstTakesGradient), leaf(7, takesGradient: true))
    let x = tape.concatenateColumns([first, second])
    func output() -> Tensor {
      fused ? network.fused(x, on: tape, frozen: frozen) : network(x, on: tape, frozen: frozen)
    }
    let y = output()
    var loss = tape.mean(tape.square(y))
    if twice { loss = tape.add(loss, tape.mean(tape.sin(output()))) }
    network.store.clearGradients()
    if accumulating {
      for (index, gradient) in network.store.gradients.indices.enumerated() {
        network.store.gradients[gradient] = Float(index % 11) - 5
      }
    }
    tape.backward(loss)
    var result = Array(tape.values(y)) + Array(tape.gradient(second))
    if firstTakesGradient { result += tape.gradient(first) }
    for parameter in network.store.parameters { result += network.store.gradients(of: parameter) }
    return result
  }

  @Test(arguments: Activation.allCases, [1, 3]) func equalsItsLayers(activation: Activation, members: Int) {
    let isCommon = activation == .relu || activation == .silu
    Self.expectSame(Self.network(members: members, activation: activation), every: isCommon ? 1 : 9)
  }

  /// Hidden layers below and above the lanes of the norm's sums, and not a multiple of them.
  @Test(arguments: [1, 3], [[19, 40, 33, 3], [19, 64, 150, 3]])
  func normalizedEqualsItsLayers(members: Int, sizes: [Int]) {
    Self.expectSame(Self.normalized(members: members, sizes: sizes), every: 1)
  }

  private static func normalized(members: Int, sizes: [Int]) -> NormalizedMLP {
    var random = RandomStream(seed: 9)
    return NormalizedMLP(
      name: "members.{member}", sizes: sizes, epsilons: [1, 0.01], members: members, random: &random)
  }

  private static func expectSame(_ network: some FusedNetwork, every: Int) {
    for (rows, threads) in [(32, 1), (77, 2)] {
      let pool = ComputePool(threads: threads)
      for options in stride(from: 0, to: 32, by: every) {
        func on(_ bit: Int) -> Bool { options >> bit & 1 == 1 }
        func pass(_ fused: Bool) -> [UInt32] {
          Self.pass(
            fused: fused, network, rows: rows, shared: on(0), frozen: on(1), firstTakesGradient: on(2), twice: on(3),
            accumulating: on(4), pool: pool
          ).map { $0 == 0 ? 0 : $0.bitPattern }
        }
        let isSame = pass(true) == pass(false)
        #expect(isSame, "\(rows) rows, options \(options)")
      }
    }
  }

  /// What one instruction set has kept another one takes back.
  @Test func theWayBackIsOfTheKernelsThatWentForward() {
    holdingInstructionSet {
      let selected = ck_isa_current()
      defer { ck_isa_select(selected) }
      let network = Self.network(members: 2, activation: .relu)
      func gradients(back isa: Int32) -> [Float] {
        ck_isa_select(selected)
        var random = RandomStream(seed: 5)
        let tape = Tape()
        let loss = tape.mean(network.fused(tape.constant(rows: 50, columns: 19) { random.fillNormal($0) }, on: tape))
        network.store.clearGradients()
        ck_isa_select(isa)
        tape.backward(loss)
        return Array(network.store.gradients)
      }
      let want = gradients(back: selected)
      for isa in Int32(CK_ISA_PORTABLE)...Int32(CK_ISA_AVX512) where ck_isa_available(isa) != 0 {
        let isSame = gradients(back: isa) == want
        #expect(isSame, "\(String(cString: ck_isa_name(isa)))")
      }
    }
  }

  @Test(arguments: [false, true]) func isTheSameForEveryInstructionSet(isNormalized: Bool) {
    holdingInstructionSet {
      let selected = ck_isa_current()
      defer { ck_isa_select(selected) }
      func pass(_ network: some FusedNetwork, threads: Int) -> [Float] {
        Self.pass(
          fused: true, network, rows: 77, shared: true, frozen: false, firstTakesGradient: true,
          pool: ComputePool(threads: threads))
      }
      func pass(threads: Int) -> [Float] {
        isNormalized
          ? pass(Self.normalized(members: 2, sizes: [19, 70, 33, 3]), threads: threads)
          : pass(Self.network(members: 2, activation: .relu), threads: threads)
      }
      let want = pass(threads: 1)
      for isa in Int32(CK_ISA_PORTABLE)...Int32(CK_ISA_AVX512) where ck_isa_available(isa) != 0 {
        ck_isa_select(isa)
        let isSame = pass(threads: 2) == want
        #expect(isSame, "\(String(cString: ck_isa_name(isa)))")
      }
    }
  }

  /// One member alone is that part of them all.
  @Test func aMemberIsItsPart() {
    let network = Self.normalized(members: 3, sizes: [19, 70, 33, 3])
    let tape = Tape()
    tape.withoutGradients {
      var random = RandomStream(seed: 4)
      let x = tape.constant(rows: 40, columns: 19) { random.fillNormal($0) }
      let whole = tape.values(network(x, on: tape))
      for member in 0..<3 {
        let part = network.member(member, x, on: tape)
        #expect(tape.operation(of: part) == .network)
        #expect(Array(tape.values(part)) == Array(whole[member * 120..<(member + 1) * 120]))
      }
    }
  }

  /// With few rows, or layers in between, it is the network layer by layer.
  @Test func othersGoLayerByLayer() {
    var random = RandomStream(seed: 1)
    let normalized = MLP(name: "n", sizes: [4, 8, 2], activation: .relu, normalizesLayers: true, random: &random)
    let plain = MLP(name: "p", sizes: [4, 8, 2], activation: .relu, random: &random)
    let tape = Tape()
    func operation(_ network: MLP, rows: Int) -> Neural.Operation {
      tape.operation(of: network.fused(tape.constant(rows: rows, columns: 4) { random.fillNormal($0) }, on: tape))
    }
    #expect(operation(plain, rows: 32) == .network)
    #expect(operation(plain, rows: 31) == .linear)
    #expect(operation(normalized, rows: 32) == .linear)
  }
}
