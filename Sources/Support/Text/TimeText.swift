/// Durations as people read them.
package enum TimeText {
  /// "0s", "45s", "1m 05s", "2h 03m", "3d 04h": two units at most, rounded down. "?" where it is not finite.
  package static func duration(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds < 1e15 else { return "?" }
    let total = Int(max(0, seconds))
    switch total {
    case ..<60: return "\(total)s"
    case ..<3600: return "\(total / 60)m \(padded(total % 60))s"
    case ..<86_400: return "\(total / 3600)h \(padded(total / 60 % 60))m"
    default: return "\(total / 86_400)d \(padded(total / 3600 % 24))h"
    }
  }

  private static func padded(_ number: Int) -> String { String(number).leftPadded(to: 2, with: "0") }
}
