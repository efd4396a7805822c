import CKernels
import Support

/// Adam (Kingma & Ba 2015) and AdamW (Loshchilov & Hutter 2019) over one parameter store, in PyTorch's form.
///
/// m ← β₁m + (1−β₁)g, v ← β₂v + (1−β₂)g²; p ← p − rate·(m/(1−β₁ᵗ))/(√(v/(1−β₂ᵗ)) + ε).
package final class Adam: ArchivableObject {
  /// What it moves.
  package let store: ParameterStore
  /// Limit of the norm over all gradients; larger ones are scaled down to it first. nil: none.
  package let maximumNorm: Float?
  /// Coupled decay of each parameter, in the store's order: decay·p is added to the gradient.
  let decays: [Float]
  /// Decoupled decay of each parameter, likewise; nil: that of the settings.
  private let decoupledDecays: [Float]?
  /// m and v, laid out as the store is.
  let firstMoments, secondMoments: FloatBuffer
  /// Steps done.
  package private(set) var steps = 0
  private var settings: ck_adam

  /// "rate" in the formula, for the next steps. It is not archived: where it changes, it follows from what is.
  package var learningRate: Float {
    get { settings.learning_rate }
    set { settings.learning_rate = newValue }
  }

  /// An optimiser that has done no step; all parameters of `store` are there.
  /// - Parameters:
  ///   - learningRate: "rate" above.
  ///   - beta1: β₁, the decay of the gradients' mean.
  ///   - beta2: β₂, the decay of the squared gradients' mean.
  ///   - epsilon: ε, outside the root, after the bias correction.
  ///   - decays: for each parameter of the store its coupled decay (Adam's `weight_decay`, the gradient of
  ///     ½·decay·‖p‖²); nil: none.
  ///   - decoupledDecay: p ← p·(1 − rate·decay) before the update (AdamW's `weight_decay`).
  ///   - decoupledDecays: the same for each parameter of the store, in place of it.
  ///   - maximumNorm: limit of the norm over all gradients; nil: none.
  package init(
    _ store: ParameterStore, learningRate: Float, beta1: Float = 0.9, beta2: Float = 0.999, epsilon: Float = 1e-8,
    decays: [Float]? = nil, decoupledDecay: Float = 0, decoupledDecays: [Float]? = nil,
    maximumNorm: Float? = nil
  ) {
    self.store = store
    self.maximumNorm = maximumNorm
    self.decays = decays ?? [Float](repeating: 0, count: store.parameters.count)
    self.decoupledDecays = decoupledDecays
    precondition(
      [self.decays.count, decoupledDecays?.count ?? store.parameters.count].allSatisfy { $0 == store.parameters.count },
      "one decay for each parameter")
    settings = ck_adam(
      learning_rate: learningRate, beta1: beta1, beta2: beta2, epsilon: epsilon, coupled_decay: 0,
      decoupled_decay: decoupledDecay, gradient_scale: 1, step: 0)
    store.seal()
    (firstMoments, secondMoments) = (FloatBuffer(count: store.count), FloatBuffer(count: store.count))
  }

  /// One step with the store's gradients, which stay as they are.
  package func step(pool: ComputePool? = nil) {
    let step = begin()
    for parameter in store.parameters { move(parameter, step, pool) }
  }

  /// Counts a step and clips: what the kernels need to know of it.
  func begin() -> ck_adam {
    steps += 1
    var step = settings
    step.step = Int64(steps)
    if let maximumNorm { step.gradient_scale = Float(min(1, Double(maximumNorm) / (store.gradientNorm + 1e-6))) }
    return step
  }

  /// The part of a step that moves one parameter, in tiles over the pool.
  func move(_ parameter: Parameter, _ step: ck_adam, _ pool: ComputePool?) {
    let offset = parameter.offset
    var job = AdamJob(
      step: step, count: parameter.count, p: store.values(of: parameter).baseAddress!,
      g: store.gradients(of: parameter).baseAddress!, m: firstMoments.base + offset, v: secondMoments.base + offset)
    job.step.coupled_decay = decays[parameter.index]
    if let decoupledDecays { job.step.decoupled_decay = decoupledDecays[parameter.index] }
    forEachTile(pool, count: job.count, &job) { context, tile, _ in
      let job = context!.assumingMemoryBound(to: AdamJob.self)
      let start = Int(tile) * elementwiseTile
      // A copy of its own: `&` of the shared one would be an exclusive access by every thread at once.
      var step = job.pointee.step
      ck_adam_step(
        &step, Int64(min(elementwiseTile, job.pointee.count - start)), job.pointee.p + start, job.pointee.g + start,
        job.pointee.m + start, job.pointee.v + start)
    }
  }

  /// As if it had done no step; the parameters stay where they are.
  package func reset() {
    steps = 0
    firstMoments.memory.update(repeating: 0)
    secondMoments.memory.update(repeating: 0)
  }

  /// m and v of one parameter, for inspection.
  package func moments(
    of parameter: Parameter
  ) -> (first: UnsafeBufferPointer<Float>, second: UnsafeBufferPointer<Float>) {
    let range = parameter.offset..<parameter.offset + parameter.count
    return (.init(rebasing: firstMoments.readOnly[range]), .init(rebasing: secondMoments.readOnly[range]))
  }

  /// Archives the store, its weights under their own names, and under "adam" the moments, parameter by parameter, and
  /// the step count (not the settings, which are configuration).
  package func archive(_ archive: Archive) throws {
    try store.archive(archive)
    try archive.scope("adam") {
      try archive.value("steps", &steps)
      try store.archiveMoments(archive, first: firstMoments, second: secondMoments)
    }
  }
}

/// One parameter's step.
private struct AdamJob: BitwiseCopyable {
  var step: ck_adam
  let count: Int
  let p, g, m, v: UnsafeMutablePointer<Float>
}
