import Environments
import Neural
import Support

/// The section `agent.convolutions`: what pictures are seen through, in place of the hidden layers for numbers.
package struct ConvolutionSettings: Configurable {
  package enum Kind: String, CaseIterable, Sendable {
    /// Those of Mnih et al. (2015) where a picture has 36 pixels on a side; of smaller ones 3×3 pixels, 2 apart.
    case standard
    /// As the lists say.
    case given
    /// None: a picture is a vector as any other.
    case none
  }

  package var kind = Kind.standard
  package var channels = [32, 64, 64]
  package var kernels = [8, 4, 3]
  package var strides = [4, 2, 1]
  package var hiddenSizes = [512]

  /// Those of nearly all who learn from pictures without a model.
  package init() {}

  package mutating func declare(_ fields: Fields) {
    fields.choice(
      "type", &kind, "standard: by the picture's sides; given: as the lists below say; none: pictures as vectors")
    fields.integers("channels", &channels, each: 1...1024, count: 1...8, "of every layer, from the picture on")
    fields.integers("kernels", &kernels, each: 1...64, count: 1...8, "pixels on the side of a layer's patches")
    fields.integers("strides", &strides, each: 1...64, count: 1...8, "pixels from one patch to the next")
    fields.integers("hiddenSizes", &hiddenSizes, each: 1...4096, count: 0...7, "dense layers after them")
    guard kind == .given else { return }
    for (name, count) in [("kernels", kernels.count), ("strides", strides.count)] where count != channels.count {
      fields.fault(name, "has \(count) elements, agent.convolutions.channels \(channels.count): one for every layer")
    }
  }

  /// The layers for observations; none where they are no pictures. nil where the lists fit no picture of that size.
  package func layers(_ space: ObservationSpace) -> [PatchConvolution]? {
    guard kind != .none, case .image(let height, let width, let depth) = space else { return [] }
    let isLarge = min(height, width) >= 36
    var layers: [PatchConvolution] = []
    var (rows, columns, seen) = (height, width, depth)
    for place in 0..<min(channels.count, kernels.count, strides.count) {
      let isSmall = kind == .standard && !isLarge
      let (kernel, stride) = isSmall ? (3, 2) : (kernels[place], strides[place])
      // A patch of what is left would be all of it, or nearly.
      if isSmall && min(rows, columns) < 6 { break }
      guard kernel <= min(rows, columns) else { return nil }
      let layer = PatchConvolution(
        height: rows, width: columns, channels: seen, outputs: channels[place], kernel: kernel, stride: stride)
      layers.append(layer)
      (rows, columns, seen) = (layer.outputHeight, layer.outputWidth, layer.outputs)
    }
    return layers
  }

  /// Reports lists that fit no picture of the task.
  package func check(_ task: EnvironmentDescription, _ fields: Fields) {
    let space = task.specification.observationSpace
    guard case .image(let height, let width, _) = space, layers(space) == nil else { return }
    fields.fault(
      "agent.convolutions.kernels",
      "a patch is larger than what is left of pictures of \(height)×\(width); make kernels or strides smaller, or set "
        + "agent.convolutions.type=standard")
  }

  /// Warns of settings that nothing reads.
  package func warn(_ task: EnvironmentDescription, _ fields: Fields) {
    func unused(_ names: [String], because reason: String) {
      for name in names { fields.unused("agent.convolutions.\(name)", because: reason) }
    }
    if !task.specification.observationSpace.isImage {
      fields.unused("agent.convolutions", because: "observations are no pictures")
    } else if kind == .none {
      unused(["channels", "kernels", "strides", "hiddenSizes"], because: "agent.convolutions.type is \"none\"")
    } else if kind == .standard {
      unused(["channels", "kernels", "strides"], because: "agent.convolutions.type is not \"given\"")
    }
  }
}
