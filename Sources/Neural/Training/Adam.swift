import CKernels
import Support

/// Adam (Kingma & Ba 2015) and AdamW (Loshchilov & Hutter 2019) over a whole parameter store, in PyTorch's form.
///
/// m ← β₁m + (1−β₁)g, v ← β₂v + (1−β₂)g²; p ← p − rate·(m/(1−β₁ᵗ))/(√(v/(1−β₂ᵗ)) + ε).
package final class Adam {
  /// "rate" above.
  package var learningRate: Float
  /// β₁, the decay of the gradients' mean.
  package var beta1: Float
  /// β₂, the decay of the squared gradients' mean.
  package var beta2: Float
  /// Outside the root, after the bias correction.
  package var epsilon: Float
  /// Added to the gradient as decay·p: Adam's `weight_decay`, the gradient of ½·decay·‖p‖².
  package var coupledDecay: Float
  /// p ← p·(1 − rate·decay) before the update: AdamW's `weight_decay`.
  package var decoupledDecay: Float
  /// Limit of the norm over all gradients; larger ones are scaled down to it first. nil: none.
  package var maximumNorm: Float?
  /// Steps done.
  package private(set) var steps = 0
  /// Norm of all gradients before clipping at the last step; only known with a `maximumNorm`.
  package private(set) var lastGradientNorm: Double?
  private var firstMoments: UnsafeMutableBufferPointer<Float>?
  private var secondMoments: UnsafeMutableBufferPointer<Float>?

  /// An optimiser that has done no step; it takes on the size of the first store that it is given.
  package init(
    learningRate: Float, beta1: Float = 0.9, beta2: Float = 0.999, epsilon: Float = 1e-8, coupledDecay: Float = 0,
    decoupledDecay: Float = 0, maximumNorm: Float? = nil
  ) {
    self.learningRate = learningRate
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.coupledDecay = coupledDecay
    self.decoupledDecay = decoupledDecay
    self.maximumNorm = maximumNorm
  }

  deinit {
    firstMoments?.baseAddress?.deallocate()
    secondMoments?.baseAddress?.deallocate()
  }

  /// One step with the gradients of `store` (always the same one). `coupledDecays`: one value for each parameter in
  /// the store's order, instead of `coupledDecay`. The gradients stay as they are.
  package func step(_ store: ParameterStore, coupledDecays: [Float]? = nil, pool: ComputePool? = nil) {
    let (m, v) = moments(for: store)
    guard let p = store.values.baseAddress, let g = store.gradients.baseAddress else { return }
    steps += 1
    var scale: Float = 1
    if let maximumNorm {
      let norm = store.gradientNorm
      lastGradientNorm = norm
      scale = Float(min(1, Double(maximumNorm) / (norm + 1e-6)))
    }
    var job = AdamJob(
      step: ck_adam(
        learning_rate: learningRate, beta1: beta1, beta2: beta2, epsilon: epsilon, coupled_decay: coupledDecay,
        decoupled_decay: decoupledDecay, gradient_scale: scale, step: Int64(steps)),
      count: store.count, p: p, g: g, m: m, v: v)
    if let coupledDecays {
      precondition(coupledDecays.count == store.parameters.count, "one decay for each parameter")
      for parameter in store.parameters {
        let offset = parameter.offset
        var part = AdamJob(
          step: job.step, count: parameter.count, p: p + offset, g: g + offset, m: m + offset, v: v + offset)
        part.step.coupled_decay = coupledDecays[parameter.index]
        part.run(pool)
      }
    } else {
      job.run(pool)
    }
  }

  /// A step on `batch`, where the networks' gradients need not be written down; with a `maximumNorm` they have to be.
  /// `decays`: coupled decay of each layer's weights; `parameterDecays`: of every parameter of the store.
  package func step(
    _ store: ParameterStore, through training: NetworkTraining, of batch: any TrainingBatch, decays: [Float],
    parameterDecays: [Float], pool: ComputePool? = nil
  ) {
    store.clearGradients()
    guard maximumNorm == nil else {
      training.storeGradients(of: batch)
      return step(store, coupledDecays: parameterDecays, pool: pool)
    }
    let (m, v) = moments(for: store)
    guard let p = store.values.baseAddress else { return }
    steps += 1
    let settings = ck_adam(
      learning_rate: learningRate, beta1: beta1, beta2: beta2, epsilon: epsilon, coupled_decay: 0,
      decoupled_decay: decoupledDecay, gradient_scale: 1, step: Int64(steps))
    decays.withUnsafeBufferPointer {
      training.step(of: batch, settings, decays: $0.baseAddress, firstMoments: m, secondMoments: v)
    }
    for parameter in store.parameters where !training.owns(parameter) {
      let offset = parameter.offset
      var part = AdamJob(
        step: settings, count: parameter.count, p: p + offset, g: store.gradients(of: parameter).baseAddress!,
        m: m + offset, v: v + offset)
      part.step.coupled_decay = parameterDecays[parameter.index]
      part.run(pool)
    }
  }

  /// Archives the moments, parameter by parameter, and the step count (not the settings, which are configuration).
  package func archive(_ archive: Archive, of store: ParameterStore) throws {
    let (m, v) = moments(for: store)
    try archive.value("steps", &steps)
    try store.forEachStored { name, range, shape in
      let (start, count) = (range.lowerBound, range.count)
      for (moment, memory) in [("first_moment.", m), ("second_moment.", v)] {
        try archive.buffer(moment + name, .init(start: memory + start, count: count), shape: shape)
      }
    }
  }

  /// m and v of one parameter, for inspection.
  package func moments(
    of parameter: Parameter, in store: ParameterStore
  ) -> (first: UnsafeBufferPointer<Float>, second: UnsafeBufferPointer<Float>) {
    let (m, v) = moments(for: store)
    return (
      UnsafeBufferPointer(start: m + parameter.offset, count: parameter.count),
      UnsafeBufferPointer(start: v + parameter.offset, count: parameter.count)
    )
  }

  private func moments(for store: ParameterStore) -> (UnsafeMutablePointer<Float>, UnsafeMutablePointer<Float>) {
    if let firstMoments, let secondMoments {
      precondition(firstMoments.count == store.count, "an optimiser belongs to one parameter store")
      return (firstMoments.baseAddress!, secondMoments.baseAddress!)
    }
    func zeros() -> UnsafeMutableBufferPointer<Float> {
      let memory = UnsafeMutableBufferPointer(start: allocateAligned(store.count), count: store.count)
      memory.update(repeating: 0)
      return memory
    }
    let (first, second) = (zeros(), zeros())
    (firstMoments, secondMoments) = (first, second)
    return (first.baseAddress!, second.baseAddress!)
  }
}

/// One range of a step, cut into tiles over the pool.
private struct AdamJob: BitwiseCopyable {
  var step: ck_adam
  let count: Int
  let p, g, m, v: UnsafeMutablePointer<Float>

  mutating func run(_ pool: ComputePool?) {
    forEachTile(pool, count: count, &self) { context, tile, _ in
      let job = context!.assumingMemoryBound(to: AdamJob.self)
      let start = Int(tile) * elementwiseTile
      // A copy of its own: `&` of the shared one would be an exclusive access by every thread at once.
      var step = job.pointee.step
      ck_adam_step(
        &step, Int64(min(elementwiseTile, job.pointee.count - start)), job.pointee.p + start, job.pointee.g + start,
        job.pointee.m + start, job.pointee.v + start)
    }
  }
}
