import CKernels
import Support

/// LaProp (Ziyin et al. 2020) with adaptive gradient clipping (Brock et al. 2021) and a linear warm-up, as DreamerV3
/// has it, over several parameter stores.
///
/// Per tensor g ← g/max(1, ‖g‖/(clip·max(10⁻³, ‖p‖))); v ← β₂v + (1−β₂)g²; m ← β₁m + (1−β₁)·g/(√(v/(1−β₂ᵗ)) + ε);
/// p ← p − rate·m/(1−β₁ᵗ), with rate·min(1, (t−1)/warmup): the first step of a warm-up moves nothing.
package final class LaProp: ArchivableObject {
  /// What it moves.
  package let stores: [ParameterStore]
  private let learningRate, beta1, beta2, epsilon, clip: Float
  private let warmup: Int
  /// Parameters that are clipped together: parts of one tensor of the store at a place.
  private let tensors: [(store: Int, parameters: [Parameter])]
  /// Every tensor is one thread's, so that the threads change nothing.
  private let pool: ComputePool?
  private let firstMoments, secondMoments: [FloatBuffer]
  /// Steps done.
  package private(set) var steps = 0

  /// An optimiser that has done no step; all parameters are there.
  /// - Parameters:
  ///   - warmup: steps until the learning rate is reached; 0: at once.
  ///   - clip: largest ratio of a gradient's norm to its parameter's; 0: none.
  ///   - tensorName: parameters of one store with the same tensor name are clipped as one.
  package init(
    _ stores: [ParameterStore], learningRate: Float, beta1: Float = 0.9, beta2: Float = 0.999, epsilon: Float = 1e-20,
    warmup: Int, clip: Float, pool: ComputePool? = nil, tensorName: (Parameter) -> String = { $0.name }
  ) {
    (self.stores, self.pool) = (stores, pool)
    (self.learningRate, self.beta1, self.beta2, self.epsilon) = (learningRate, beta1, beta2, epsilon)
    (self.warmup, self.clip) = (warmup, clip)
    var tensors: [(store: Int, parameters: [Parameter])] = []
    for (place, store) in stores.enumerated() {
      var names: [String: Int] = [:]
      for parameter in store.parameters {
        let name = tensorName(parameter)
        if let tensor = names[name] {
          tensors[tensor].parameters.append(parameter)
        } else {
          names[name] = tensors.count
          tensors.append((place, [parameter]))
        }
      }
    }
    self.tensors = tensors
    for store in stores { store.seal() }
    (firstMoments, secondMoments) = (
      stores.map { FloatBuffer(count: $0.count) }, stores.map { FloatBuffer(count: $0.count) }
    )
  }

  /// One step with the stores' gradients, which stay as they are.
  package func step() {
    steps += 1
    let share = warmup == 0 ? 1 : min(1, Float(steps - 1) / Float(warmup))
    let step = ck_laprop(
      learning_rate: learningRate * share, beta1: beta1, beta2: beta2, epsilon: epsilon, gradient_scale: 1,
      step: Int64(steps))
    var job = Job(optimizer: .passUnretained(self), step: step)
    pool.run(tasks: tensors.count, on: &job) { job, tensor, _ in
      let job = job!.assumingMemoryBound(to: Job.self).pointee
      job.optimizer.takeUnretainedValue().move(Int(tensor), job.step)
    }
  }

  /// What the threads of a step have in common; alive for the time of one call.
  private struct Job {
    let optimizer: Unmanaged<LaProp>
    let step: ck_laprop
  }

  /// One tensor's step.
  private func move(_ tensor: Int, _ step: ck_laprop) {
    let (place, parameters) = tensors[tensor]
    let store = stores[place]
    var step = step
    step.gradient_scale = scale(parameters, of: store)
    for parameter in parameters {
      ck_laprop_step(
        &step, Int64(parameter.count), store.values(of: parameter).baseAddress!,
        store.gradients(of: parameter).baseAddress!, firstMoments[place].base + parameter.offset,
        secondMoments[place].base + parameter.offset)
    }
  }

  /// 1/max(1, ‖g‖/(clip·max(10⁻³, ‖p‖)))
  private func scale(_ parameters: [Parameter], of store: ParameterStore) -> Float {
    guard clip > 0 else { return 1 }
    var (gradient, value) = (0.0, 0.0)
    for parameter in parameters {
      gradient += ck_sum_of_squares(Int64(parameter.count), store.gradients(of: parameter).baseAddress!)
      value += ck_sum_of_squares(Int64(parameter.count), store.values(of: parameter).baseAddress!)
    }
    let ratio = gradient.squareRoot() / (Double(clip) * max(1e-3, value.squareRoot()))
    return Float(1 / max(1, ratio))
  }

  /// ‖gradients‖ over all stores, before any clipping.
  package var gradientNorm: Double {
    stores.reduce(0) { $0 + $1.gradientNorm * $1.gradientNorm }.squareRoot()
  }

  /// Archives the stores, their weights under their own names, and under "laprop" the moments and the step count.
  package func archive(_ archive: Archive) throws {
    for store in stores { try store.archive(archive) }
    try archive.scope("laprop") {
      try archive.value("steps", &steps)
      for (place, store) in stores.enumerated() {
        try store.archiveMoments(archive, first: firstMoments[place], second: secondMoments[place])
      }
    }
  }
}
