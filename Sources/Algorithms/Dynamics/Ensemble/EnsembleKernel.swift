import CKernels
import Environments
import Foundation
import Support

/// An ensemble in the form that the fused roll-out kernel reads: pointers into the parameter store, and the
/// normaliser and features in plain arrays. It lives as long as its model.
///
/// Standardised targets are undone in a copy of the output layer: means scale by σ and shift by μ; log-variances and
/// their bounds shift by 2·log σ, which the soft bounding carries through unchanged.
final class EnsembleKernel {
  let pointer: UnsafeMutablePointer<ck_ensemble>
  private let featureKinds: UnsafeMutablePointer<Int32>
  private let featureIndexes: UnsafeMutablePointer<Int32>
  private let targetIsChange: UnsafeMutablePointer<Int32>
  private let inputMean: FloatBuffer
  private let inputInverseDeviation: FloatBuffer
  /// The output layer with standardisation undone, and the bounds: only where targets are standardised.
  private var outputWeight = FloatBuffer(count: 0)
  private var outputBias = FloatBuffer(count: 0)
  private var lowerBound = FloatBuffer(count: 0)
  private var upperBound = FloatBuffer(count: 0)
  /// The form for planners of reduced precision, once one asked for it.
  private var reduced: ReducedEnsembleKernel?

  init(_ model: EnsembleDynamics) {
    let layout = model.layout
    pointer = .allocate(capacity: 1)
    pointer.initialize(to: ck_ensemble())
    featureKinds = .allocate(capacity: layout.features.count)
    featureIndexes = .allocate(capacity: layout.features.count)
    targetIsChange = .allocate(capacity: layout.observationSize)
    inputMean = FloatBuffer(count: model.inputColumns)
    inputInverseDeviation = FloatBuffer(count: model.inputColumns)
    for (place, feature) in layout.features.enumerated() {
      switch feature {
      case .value(let index): set(place, Int32(CK_FEATURE_VALUE), index)
      case .sine(let index): set(place, Int32(CK_FEATURE_SIN), index)
      case .cosine(let index): set(place, Int32(CK_FEATURE_COS), index)
      }
    }
    for column in 0..<layout.observationSize { targetIsChange[column] = model.predictsChange(column) ? 1 : 0 }
    fill(model)
    refresh(model)
  }

  deinit {
    pointer.deallocate()
    featureKinds.deallocate()
    featureIndexes.deallocate()
    targetIsChange.deallocate()
  }

  private func set(_ place: Int, _ kind: Int32, _ index: Int) {
    featureKinds[place] = kind
    featureIndexes[place] = Int32(index)
  }

  private func fill(_ model: EnsembleDynamics) {
    let layers = model.network.layers
    pointer.pointee.layers = Int32(layers.count)
    pointer.pointee.members = Int32(model.configuration.ensembleSize)
    pointer.pointee.activation = model.configuration.activation.kernelCode
    pointer.pointee.observation_size = Int32(model.layout.observationSize)
    pointer.pointee.action_size = Int32(model.layout.actionColumns)
    pointer.pointee.feature_count = Int32(model.layout.features.count)
    pointer.pointee.feature_kind = UnsafePointer(featureKinds)
    pointer.pointee.feature_index = UnsafePointer(featureIndexes)
    pointer.pointee.input_mean = UnsafePointer(inputMean.base)
    pointer.pointee.input_inverse_deviation = UnsafePointer(inputInverseDeviation.base)
    pointer.pointee.target_is_delta = UnsafePointer(targetIsChange)
    pointer.pointee.is_probabilistic = model.configuration.kind == .probabilistic ? 1 : 0
    pointer.pointee.learns_reward = model.configuration.reward == .learned ? 1 : 0
    pointer.pointee.learns_termination = model.configuration.termination == .learned ? 1 : 0
    // C arrays arrive in Swift as tuples; their elements lie one after the other.
    withUnsafeMutableBytes(of: &pointer.pointee.widths) { bytes in
      let widths = bytes.bindMemory(to: Int32.self)
      widths[0] = Int32(model.inputColumns)
      for (layer, parameters) in layers.enumerated() { widths[layer + 1] = Int32(parameters.weight.rows) }
    }
    withUnsafeMutableBytes(of: &pointer.pointee.weights) { bytes in
      let weights = bytes.bindMemory(to: UnsafePointer<Float>?.self)
      for (layer, parameters) in layers.enumerated() {
        weights[layer] = UnsafePointer(model.store.values(of: parameters.weight).baseAddress)
      }
    }
    withUnsafeMutableBytes(of: &pointer.pointee.biases) { bytes in
      let biases = bytes.bindMemory(to: UnsafePointer<Float>?.self)
      for (layer, parameters) in layers.enumerated() {
        biases[layer] = UnsafePointer(model.store.values(of: parameters.bias).baseAddress)
      }
    }
    if let head = model.head {
      pointer.pointee.minimum_log_variance = UnsafePointer(model.store.values(of: head.minimum).baseAddress)
      pointer.pointee.maximum_log_variance = UnsafePointer(model.store.values(of: head.maximum).baseAddress)
    }
  }

  /// Takes over the normalisers, and the weights where they are not read in place.
  func refresh(_ model: EnsembleDynamics) {
    if model.configuration.normalizesTargets { undoStandardization(model) }
    for column in 0..<model.inputColumns {
      inputMean[column] = Float(model.normalizer.mean[column])
      inputInverseDeviation[column] = Float(1 / model.normalizer.deviation[column])
    }
    reduced?.refresh(pointer)
  }

  /// The ensemble in the precision that a planner wants; valid as long as this is, and refreshed with it.
  func pointer(_ precision: RolloutSettings.Precision) -> UnsafePointer<ck_ensemble> {
    guard precision == .bfloat16 else { return UnsafePointer(pointer) }
    if reduced == nil { reduced = ReducedEnsembleKernel(pointer) }
    return UnsafePointer(reduced!.pointer)
  }

  private func undoStandardization(_ model: EnsembleDynamics) {
    let layer = model.network.layers[model.network.layers.count - 1]
    let (weight, bias) = (model.store.values(of: layer.weight), model.store.values(of: layer.bias))
    if outputWeight.count == 0 {
      outputWeight = FloatBuffer(count: weight.count)
      outputBias = FloatBuffer(count: bias.count)
    }
    let (inputs, outputs, targets) = (layer.weight.columns, layer.weight.rows, model.targetCount)
    let (mean, deviation) = (model.targetNormalizer.mean, model.targetNormalizer.deviation)
    for row in 0..<bias.count {
      let output = row % outputs
      let target = output % targets
      let isMean = output < targets
      let scale = isMean ? Float(deviation[target]) : 1
      for column in 0..<inputs { outputWeight[row * inputs + column] = weight[row * inputs + column] * scale }
      outputBias[row] =
        isMean ? bias[row] * scale + Float(mean[target]) : bias[row] + Float(2 * log(deviation[target]))
    }
    let last = model.network.layers.count - 1
    withUnsafeMutableBytes(of: &pointer.pointee.weights) {
      $0.bindMemory(to: UnsafePointer<Float>?.self)[last] = UnsafePointer(outputWeight.base)
    }
    withUnsafeMutableBytes(of: &pointer.pointee.biases) {
      $0.bindMemory(to: UnsafePointer<Float>?.self)[last] = UnsafePointer(outputBias.base)
    }
    guard let head = model.head else { return }
    if lowerBound.count == 0 {
      lowerBound = FloatBuffer(count: targets)
      upperBound = FloatBuffer(count: targets)
    }
    for target in 0..<targets {
      let shift = Float(2 * log(deviation[target]))
      lowerBound[target] = model.store.values(of: head.minimum)[target] + shift
      upperBound[target] = model.store.values(of: head.maximum)[target] + shift
    }
    pointer.pointee.minimum_log_variance = UnsafePointer(lowerBound.base)
    pointer.pointee.maximum_log_variance = UnsafePointer(upperBound.base)
  }

  /// Floats of scratch memory one step needs.
  var workspaceSize: Int { Int(ck_ensemble_workspace(pointer)) }
}
