import CKernels
import Neural
import Support
import TestSupport
import Testing

/// The same bytes whatever the instruction set and the number of threads.
@Suite(.serialized)
struct DeterminismTests {
  /// Everything that 20 training steps leave behind: parameters, moments, losses.
  static func train(threads: Int, rows: Int) -> [Float] {
    var random = RandomStream(seed: 11)
    let pool = ComputePool(threads: threads)
    let network = MLP(
      name: "members.{member}", sizes: [5, 70, 70, 6], members: 3, activation: .silu, random: &random)
    let store = network.store
    let head = GaussianHead(name: "", size: 3, in: store, random: &random)
    let adam = Adam(store, learningRate: 1e-3, maximumNorm: 10)
    let tape = Tape(pool: pool)
    var trace: [Float] = []
    for _ in 0..<20 {
      tape.rewind()
      let x = tape.constant(batch: 3, rows: rows, columns: 5) { random.fillNormal($0) }
      let y = tape.columns(tape.sin(x), 0..<3)
      let (mean, logVariance) = head(network(x, on: tape), on: tape)
      let loss = tape.add(
        tape.gaussianNLL(mean: mean, logVariance: logVariance, target: y),
        tape.scale(head.boundsWidth(on: tape), by: 0.01))
      store.clearGradients()
      tape.backward(loss)
      adam.step(pool: pool)
      trace.append(tape.scalar(loss))
    }
    for parameter in store.parameters { trace += adam.moments(of: parameter).second }
    return trace + Array(store.values)
  }

  @Test(arguments: [7, 200])
  func trainingIsTheSameForEveryPoolAndInstructionSet(rows: Int) {
    holdingInstructionSet {
      let selected = ck_isa_current()
      defer { ck_isa_select(selected) }
      let want = Self.train(threads: 1, rows: rows)
      #expect(want.allSatisfy { $0.isFinite } && want[19] < want[0])
      // Compared outside #expect, which takes minutes to describe how two long arrays differ.
      let isSameWithTwoThreads = Self.train(threads: 2, rows: rows) == want
      #expect(isSameWithTwoThreads)
      for isa in Int32(CK_ISA_PORTABLE)...Int32(CK_ISA_AVX512) where ck_isa_available(isa) != 0 {
        ck_isa_select(isa)
        let isSame = Self.train(threads: 2, rows: rows) == want
        #expect(isSame, "\(String(cString: ck_isa_name(isa)))")
      }
    }
  }

  @Test func aPoolRunsEveryTaskOnce() {
    for threads in [1, 2, 3] {
      let pool = ComputePool(threads: threads)
      #expect(pool.threads == threads)
      let counts = UnsafeMutableBufferPointer<Int>.allocate(capacity: 1000)
      counts.update(repeating: 0)
      defer { counts.deallocate() }
      pool.run(tasks: 1000) { task, worker in
        counts[task] += 1 + 10 * worker
      }
      #expect(counts.allSatisfy { $0 % 10 == 1 && $0 / 10 < threads })
    }
  }
}
