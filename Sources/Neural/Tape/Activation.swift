import CKernels

/// An elementwise non-linearity, by its name in configurations.
package enum Activation: String, CaseIterable, Codable, Sendable {
  /// x
  case identity
  /// max(x, 0); the derivative at 0 is 0
  case relu
  case tanh
  /// 1/(1 + e⁻ˣ)
  case sigmoid
  /// x·sigmoid(x), also called swish
  case silu
  /// x for x > 0, eˣ − 1 below
  case elu
  /// x/2·(1 + tanh(√(2/π)(x + 0.044715x³))), JAX's default
  case geluTanh = "gelu_tanh"
  /// x·Φ(x), PyTorch's default
  case gelu
  /// x·tanh(softplus(x))
  case mish
  /// log(1 + eˣ)
  case softplus

  /// The number the C kernels know it by.
  package var kernelCode: Int32 {
    switch self {
    case .identity: Int32(CK_IDENTITY)
    case .relu: Int32(CK_RELU)
    case .tanh: Int32(CK_TANH)
    case .sigmoid: Int32(CK_SIGMOID)
    case .silu: Int32(CK_SILU)
    case .elu: Int32(CK_ELU)
    case .geluTanh: Int32(CK_GELU_TANH)
    case .gelu: Int32(CK_GELU_ERF)
    case .mish: Int32(CK_MISH)
    case .softplus: Int32(CK_SOFTPLUS)
    }
  }
}
