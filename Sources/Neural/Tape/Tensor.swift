/// A handle to one value on a tape: row-major [batch, rows, columns], where `batch` is the ensemble member.
///
/// Trivial to copy; valid until the tape is rewound.
package struct Tensor: Sendable {
  /// Shape.
  package let batch, rows, columns: Int
  let index: Int
  let generation: UInt32

  /// Elements.
  package var count: Int { batch * rows * columns }

  /// For messages.
  var shape: String { "[\(batch), \(rows), \(columns)]" }

  func hasShape(_ other: Tensor) -> Bool {
    batch == other.batch && rows == other.rows && columns == other.columns
  }
}

/// What a node computed; its backward rule is the case of the same name in `Tape.propagate`.
package enum Operation: UInt8, CaseIterable, Sendable {
  // Leaves
  case constant, variable, parameter
  // Matrix products
  case linear, blockLinear, network
  // One operand, elementwise
  case activation, scale, addScalar, exp, log, sqrt, square, sin, cos, clamp
  // Two operands, elementwise; the second may broadcast
  case add, subtract, multiply, divide, minimum, maximum
  // Shape
  case concatenateColumns, concatenateRows, columns, rows, gatherRows, reshape, detached, broadcastBatch
  // Reductions
  case sum, sumColumns, meanRows, meanBatch
  // Distributions over the last dimension
  case softmax, logSoftmax, softmaxCrossEntropy, categoricalKL, straightThroughSample
  // Categorical latents: groups of classes over the last dimension
  case oneHotSample, balancedKL, twoHotLoss, twoHotMean
  // Losses and heads
  case boundedLogVariance, gaussianNLL, meanSquaredError
  // Pictures side by side
  case frames, frameRows, convolution, upsampledConvolution, pooledConvolution, maxPool, upsample, channelNormSiLU
  case pictureLoss
  // Pictures as rows
  case patchConvolution
  // Normalisation and recurrence
  case normalized, layerNorm, rmsNorm, normSiLU, gruGates, blockGRU
}

/// One entry of the tape: plain data, no references.
struct Node {
  var operation: Operation
  /// Whether a gradient has to reach this node; false for everything recorded without gradients.
  var requiresGradient: Bool
  /// Kernel code of the activation, for `linear` and `activation`.
  var kernel: Int32 = 0
  var batch, rows, columns: Int
  /// Nodes it was computed from; -1: none.
  var first: Int32 = -1
  var second: Int32 = -1
  var third: Int32 = -1
  var values: UnsafeMutablePointer<Float>
  /// Made by the first contribution during the backward pass; a parameter's lies in its store, unless the pass keeps
  /// it.
  var gradient: UnsafeMutablePointer<Float>?
  /// Whether its memory has become that of an input's gradient.
  var isHandedOn = false
  /// What the backward rule needs beside inputs and result (pre-activation, softmax, …).
  var saved: UnsafeMutablePointer<Float>?
  /// Scalars of the operation: factor, offset, limits, epsilon, mixing weight.
  var low: Float = 0
  var high: Float = 0
  /// Integers of the operation: a slice's start; the first entry in the operand list and the number of entries;
  /// a parameter's store and index.
  var start = 0
  var length = 0

  var count: Int { batch * rows * columns }
}
