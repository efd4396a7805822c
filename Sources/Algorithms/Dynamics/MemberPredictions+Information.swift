import Support

/// What a step through an ensemble loses of the information about where the rollout is (Infoprop, Frauenknecht et al.
/// 2025), quantity by quantity.
package struct FusedPrediction: Equatable {
  /// What the members' normals agree on: σ̄² = 1/mean(1/σ²_e), μ̄ = σ̄²·mean(μ_e/σ²_e).
  package let mean, variance: Float
  /// ε² = mean((μ_e − μ̄)²): what they do not.
  package let disagreement: Float

  /// K = σ̄²/(σ̄² + ε²): how much a draw of one member says about the environment.
  package var gain: Float { variance / (variance + disagreement) }

  /// (1 − K)σ̄², what is left in doubt where that draw is known; written without the difference.
  package var conditionalVariance: Float { variance * (disagreement / (variance + disagreement)) }

  /// μ̄ + K(y − μ̄) + noise·√((1 − K)σ̄²) of a member's draw y.
  package func conditional(on draw: Float, noise: Float) -> Float {
    mean + gain * (draw - mean) + noise * conditionalVariance.squareRoot()
  }

  /// Bits lost: max(0, ½log₂(2πe(1 − K)σ̄²) − log₂ resolution), `resolution` what the quantity is told apart to.
  package func loss(resolution: Float) -> Float {
    let share = conditionalVariance / (resolution * resolution)
    guard share > .leastNormalMagnitude else { return 0 }
    return max(0, (KernelMath.log(share) + 2.837877) * 0.7213475)
  }
}

extension MemberPredictions {
  /// One quantity of one row; members have a variance.
  package func fused(_ target: Int, _ row: Int) -> FusedPrediction {
    var (precision, weighted) = (0.0, 0.0)
    for member in 0..<members {
      let certainty = 1 / Double(max(variance(member, target, row), .leastNormalMagnitude))
      precision += certainty
      weighted += certainty * Double(mean(member, target, row))
    }
    let center = weighted / precision
    let spread = (0..<members).reduce(0) { sum, member in
      let difference = Double(mean(member, target, row)) - center
      return sum + difference * difference
    }
    return FusedPrediction(
      mean: Float(center), variance: Float(Double(members) / precision), disagreement: Float(spread / Double(members)))
  }

  /// σ: the deviation of the members' rewards, where they predict them, plus the mean of the deviations of the other
  /// quantities (WIMLE, 2026); `observations` are the first of them.
  package func spread(_ row: Int, observations: Int) -> Float {
    var (ofReward, ofObservation) = (0.0, 0.0)
    for target in 0..<quantities {
      let center = (0..<members).reduce(0) { $0 + Double(mean($1, target, row)) } / Double(members)
      let squares = (0..<members).reduce(0) { sum, member in
        let difference = Double(mean(member, target, row)) - center
        return sum + difference * difference
      }
      let deviation = (squares / Double(members)).squareRoot()
      if target < observations { ofObservation += deviation / Double(observations) } else { ofReward += deviation }
    }
    return Float(ofReward + ofObservation)
  }
}
