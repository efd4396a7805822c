import Support

/// What a part of a chart is drawn in; a theme says which colour that is.
package enum Ink: Hashable, Sendable {
  case background, text, quiet, grid, axis
  /// A group's colour, and the weaker one of its single seeds.
  case group(Int), seed(Int)
}

/// Colours for light or dark surroundings.
package enum ChartTheme: String, CaseIterable, Sendable {
  case light, dark

  /// How many groups have a colour of their own; beyond them lines are dashed.
  package static let groupColors = 8

  /// Okabe and Ito's colours, which people with any of the common kinds of colour blindness tell apart; on dark ground
  /// brighter.
  private static let groups: [ChartTheme: [UInt32]] = [
    .light: [0x0072B2, 0xD55E00, 0x009E73, 0xB5539C, 0xC98A00, 0x3FA0D8, 0x7A4B1E, 0x4D4D4D],
    .dark: [0x56B4E9, 0xFF8A4C, 0x2CCB9A, 0xE29BCB, 0xF0C23C, 0x8FA8FF, 0xC9A27A, 0xC8C8C8],
  ]

  /// The colour of an ink.
  package func color(_ ink: Ink) -> Color {
    switch ink {
    case .background: Color(self == .light ? 0xFFFFFF : 0x14171C)
    case .text: Color(self == .light ? 0x1E2329 : 0xE8EAED)
    case .quiet: Color(self == .light ? 0x5B6470 : 0xA3ABB6)
    case .grid: Color(self == .light ? 0xE6E9ED : 0x2A3038)
    case .axis: Color(self == .light ? 0x9AA3AF : 0x5B6470)
    case .group(let index): Color(ChartTheme.groups[self]![index % ChartTheme.groupColors])
    case .seed(let index): mixed(.group(index), self == .light ? 0.38 : 0.45)
    }
  }

  /// "#0072B2".
  package func code(_ ink: Ink) -> String {
    let text = String(color(ink).code, radix: 16, uppercase: true)
    return "#" + text.leftPadded(to: 6, with: "0")
  }

  /// A share of a colour on the ground.
  private func mixed(_ ink: Ink, _ share: Double) -> Color {
    let (front, back) = (color(ink), color(.background))
    func part(_ front: UInt8, _ back: UInt8) -> UInt32 {
      UInt32((Double(back) + (Double(front) - Double(back)) * share).rounded())
    }
    return Color(part(front.red, back.red) << 16 | part(front.green, back.green) << 8 | part(front.blue, back.blue))
  }
}
