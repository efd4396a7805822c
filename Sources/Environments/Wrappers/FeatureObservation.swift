import Foundation
import Support

/// What a learned model of the task would see of an observation, in the place of it: angles as sine and cosine, columns
/// that tell nothing left out (`KnownDynamics.modelFeatures`). A policy that sees an angle which turns on and on sees
/// ever new numbers; of its sine and cosine it does not.
package struct FeatureObservation<Base: Environment>: EnvironmentWrapper {
  package static var keepsTransitions: Bool { false }
  package var base: Base
  package let specification: EnvironmentSpecification
  private let features: [ObservationFeature]
  private let columns: Int

  /// Around an environment whose known dynamics name features of its vectors.
  package init(_ base: Base) {
    var specification = base.specification
    guard case .box(let low, let high) = specification.observationSpace,
      let features = base.knownDynamics?.modelFeatures
    else { preconditionFailure("features of a vector") }
    (self.base, self.features, columns) = (base, features, low.count)
    func bounds(_ of: [Float], _ turned: Float) -> [Float] {
      features.map { feature in
        if case .value(let index) = feature { of[index] } else { turned }
      }
    }
    let names = specification.observationNames
    // "θ, rad" has the unit behind its comma.
    func bare(_ index: Int) -> Substring { names[index].prefix { $0 != "," } }
    func name(_ feature: ObservationFeature) -> String {
      switch feature {
      case .value(let index): names[index]
      case .sine(let index): "sin \(bare(index))"
      case .cosine(let index): "cos \(bare(index))"
      }
    }
    specification.showObservations(
      in: .box(low: bounds(low, -1), high: bounds(high, 1)), names: names.isEmpty ? [] : features.map(name))
    self.specification = specification
  }

  package func observe(into observation: UnsafeMutableBufferPointer<Float>) {
    withUnsafeTemporaryAllocation(of: Float.self, capacity: columns) { inner in
      base.observe(into: inner)
      for (column, feature) in features.enumerated() {
        observation[column] =
          switch feature {
          case .value(let index): inner[index]
          case .sine(let index): KernelMath.sine(inner[index])
          case .cosine(let index): KernelMath.cosine(inner[index])
          }
      }
    }
  }

  package mutating func archive(_ archive: Archive) throws { try archive.part("features", &base) }
}
