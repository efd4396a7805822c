import Support

/// How large Dreamer's networks are.
package struct DreamerSizes: Equatable, Sendable {
  /// The table of DreamerV3's authors, with two more for processors.
  package enum Name: String, CaseIterable, Sendable {
    case nano, micro
    case m1 = "1m"
    case m12 = "12m"
    case m25 = "25m"
  }

  /// One-hot categoricals (DreamerV2 and V3), or independent normals (DreamerV1).
  package enum Latent: String, CaseIterable, Sendable {
    case categorical, gaussian
  }

  /// Elements of the recurrent state h.
  package var deterministic: Int
  /// Width of the dynamics' layers.
  package var hidden: Int
  /// Width of all other layers.
  package var units: Int
  /// Latents of z, and classes of each where they are categorical.
  package var latents, classes: Int
  /// What z is made of.
  package var latent = Latent.categorical
  /// Blocks of the recurrent layers.
  package var blocks: Int
  /// Bins of the two-hot heads.
  package var bins: Int
  /// Channels of pictures are multiples of it: by these, from the picture on.
  package var depth: Int
  package var depthMultiples = [2, 3, 4, 4]
  /// Layers of the encoder's and the decoder's networks for numbers.
  package var denseLayers = 3
  /// Blocks of the decoder's layer from h to the smallest picture; nil: as many as the recurrent layers have,
  /// as far as they divide the channels.
  package var pictureBlocks: Int?

  /// Of any numbers.
  package init(
    deterministic: Int, hidden: Int, units: Int, latents: Int, classes: Int, blocks: Int = 8, bins: Int = 255,
    depth: Int
  ) {
    (self.deterministic, self.hidden, self.units) = (deterministic, hidden, units)
    (self.latents, self.classes, self.blocks, self.bins) = (latents, classes, blocks, bins)
    self.depth = depth
  }

  /// Those of the table.
  package init(_ name: Name) {
    self =
      switch name {
      case .nano:
        DreamerSizes(deterministic: 128, hidden: 64, units: 64, latents: 8, classes: 8, bins: 41, depth: 2)
      case .micro: DreamerSizes(deterministic: 256, hidden: 64, units: 64, latents: 16, classes: 8, depth: 4)
      case .m1: DreamerSizes(deterministic: 512, hidden: 64, units: 64, latents: 32, classes: 4, depth: 4)
      case .m12: DreamerSizes(deterministic: 2048, hidden: 256, units: 256, latents: 32, classes: 16, depth: 16)
      case .m25: DreamerSizes(deterministic: 3072, hidden: 384, units: 384, latents: 32, classes: 24, depth: 24)
      }
  }

  /// Channels of every level of a picture, until a side has 4 pixels or is odd.
  func channels(of picture: DreamerObservation.Picture) -> [Int] {
    depthMultiples.prefix(picture.levels).map { depth * $0 }
  }

  /// Columns of z.
  package var stochastic: Int { latent == .categorical ? latents * classes : latents }
  /// Columns of what a distribution of z is said by: logits, or means and then raw deviations.
  package var statistics: Int { latent == .categorical ? stochastic : 2 * latents }
  /// Columns of a latent state [h, z], which all heads see.
  package var features: Int { deterministic + stochastic }
}
