import Foundation
import Support

/// One axis: which numbers it shows, where, and with which marks.
package struct ChartScale: Equatable, Sendable {
  package let low, high: Double
  package let isLogarithmic: Bool

  /// An axis for some numbers; without any from 0 to 1. A logarithmic one shows those above 0.
  package init(_ values: [Double], isLogarithmic: Bool = false, margin: Double = 0.04) {
    let shown = values.filter { $0.isFinite && (!isLogarithmic || $0 > 0) }
    self.isLogarithmic = isLogarithmic
    guard let least = shown.min(), let most = shown.max() else {
      (low, high) = isLogarithmic ? (1, 10) : (0, 1)
      return
    }
    if isLogarithmic {
      let ratio = most > least ? exp(log(most / least) * margin) : 2
      (low, high) = (least / ratio, most * ratio)
    } else {
      let room = most > least ? (most - least) * margin : max(abs(most) * 0.1, 1)
      (low, high) = (least - room, most + room)
    }
  }

  /// An axis with these ends.
  package init(low: Double, high: Double, isLogarithmic: Bool = false) {
    (self.low, self.high, self.isLogarithmic) = (low, high, isLogarithmic)
  }

  /// Where a number is: 0 at the low end, 1 at the high one. What a logarithmic axis cannot show is at its low end.
  package func share(_ value: Double) -> Double {
    guard isLogarithmic else { return (value - low) / (high - low) }
    return value > 0 ? log(value / low) / log(high / low) : 0
  }

  /// The number at a place.
  package func value(at share: Double) -> Double {
    isLogarithmic ? low * exp(log(high / low) * share) : low + (high - low) * share
  }

  /// About `count` round numbers within the range, ascending.
  package func ticks(_ count: Int) -> [Double] { isLogarithmic ? logarithmicTicks(count) : linearTicks(count) }

  private func linearTicks(_ count: Int) -> [Double] {
    let span = (high - low) / Double(max(1, count))
    guard span > 0, span.isFinite else { return [low] }
    let power = ChartScale.power(Int(log10(span).rounded(.down)))
    let steps: [Double] = [power, 2 * power, 5 * power]
    let step = steps.first { $0 >= span * (1 - 1e-9) } ?? 10 * power
    let first = (low / step - 1e-9).rounded(.up)
    let last = (high / step + 1e-9).rounded(.down)
    guard last >= first, last - first < 1000 else { return [low] }
    return (0...Int(last - first)).map { index in
      let tick = (first + Double(index)) * step
      return tick == 0 ? 0 : tick
    }
  }

  /// 1, 2, 5, 10, …; where those are many, powers of ten alone, or every other one.
  private func logarithmicTicks(_ count: Int) -> [Double] {
    let powers = Int(log10(low).rounded(.down))...Int(log10(high).rounded(.up))
    let shown = low * (1 - 1e-9)...high * (1 + 1e-9)
    func marks(_ factors: [Double]) -> [Double] {
      var found: [Double] = []
      for power in powers {
        for factor in factors where shown.contains(factor * ChartScale.power(power)) {
          found.append(factor * ChartScale.power(power))
        }
      }
      return found
    }
    for factors in [[1, 2, 5], [1]] as [[Double]] {
      let ticks = marks(factors)
      if ticks.count <= 2 * count && ticks.count >= 2 { return ticks }
    }
    let ticks = marks([1])
    if ticks.count >= 2 {
      let every = (ticks.count + count - 1) / max(1, count)
      return ticks.enumerated().filter { $0.offset % every == 0 }.map(\.element)
    }
    return linearTicks(count).filter { $0 > 0 }
  }

  /// 10 to a whole number, the same bits everywhere.
  private static func power(_ exponent: Int) -> Double { Double("1e\(exponent)") ?? 1 }

  /// The marks' texts, as "0.5", "-200", "20k", "1.5M".
  package static func labels(_ ticks: [Double]) -> [String] {
    let most = ticks.map(abs).max() ?? 0
    let (unit, name): (Double, String) = most >= 1e9 ? (1e9, "G") : most >= 1e6 ? (1e6, "M") : (1e3, "k")
    return ticks.map { tick in
      if tick == 0 { return "0" }
      if most >= 10_000 && abs(tick) >= unit / 100 {
        // On an axis that spans powers, small marks keep their digits.
        return abs(tick) >= unit ? NumberText.fixed(tick / unit, 2) + name : small(tick)
      }
      return abs(tick) < 1e-4 ? "\(tick)" : NumberText.fixed(tick, abs(tick) >= 1 ? 3 : 6)
    }
  }

  private static func small(_ tick: Double) -> String {
    abs(tick) >= 1e3 ? NumberText.fixed(tick / 1e3, 2) + "k" : NumberText.fixed(tick, 3)
  }
}
