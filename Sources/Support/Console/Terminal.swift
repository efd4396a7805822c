import Foundation

/// What can be shown on one of the program's outputs.
package struct Terminal: Sendable {
  /// Colours that say what a line is; meaning never depends on colour alone.
  package enum Colour: Int, Sendable { case red = 31, green = 32, yellow = 33, dim = 2, bold = 1 }

  /// Whether lines can be redrawn in place.
  package var isLive: Bool
  /// Whether colours are wanted and can be shown.
  package var hasColour: Bool
  private let descriptor: Int32
  private let fixedSize: (columns: Int, rows: Int)?

  /// Looks at an open descriptor (unless told whether it is a terminal) and at the environment: NO_COLOR (any non-empty
  /// value), TERM=dumb or unset.
  package init(
    _ descriptor: Int32, isTerminal: Bool? = nil, noColour: Bool = false,
    environment: [String: String] = ProcessInfo.processInfo.environment
  ) {
    let kind = environment["TERM"] ?? ""
    self.descriptor = descriptor
    isLive = isTerminal ?? (isatty(descriptor) == 1) && !kind.isEmpty && kind != "dumb"
    hasColour = isLive && !noColour && (environment["NO_COLOR"] ?? "").isEmpty
    fixedSize = nil
  }

  /// A terminal of a given size, or none, for tests.
  package init(isLive: Bool, hasColour: Bool, columns: Int = 80, rows: Int = 24) {
    (self.isLive, self.hasColour) = (isLive, hasColour)
    descriptor = -1
    fixedSize = (columns, rows)
  }

  /// Columns and rows now (a window may change its size); 80 × 24 where nobody knows.
  package var size: (columns: Int, rows: Int) {
    if let fixedSize { return fixedSize }
    var size = winsize()
    guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else { return (80, 24) }
    return (Int(size.ws_col), Int(size.ws_row))
  }

  /// The text in a colour, where there are colours.
  package func paint(_ text: String, _ colour: Colour) -> String {
    hasColour ? "\u{1B}[\(colour.rawValue)m\(text)\u{1B}[0m" : text
  }

  /// At most `columns` characters on one line, control characters made spaces, "…" where something is left out.
  package static func clipped(_ line: String, columns: Int) -> String {
    var text = ""
    var count = 0
    for character in line {
      if count == max(1, columns) { return text.dropLast() + "…" }
      text.append(character.unicodeScalars.contains(where: isControl) ? " " : character)
      count += 1
    }
    return text
  }

  /// The text with control characters other than line feeds and tabs made visible, so that a name in a file cannot
  /// steer the terminal.
  package static func harmless(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: isUnsafe) else { return text }
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars { result.append(isUnsafe(scalar) ? "\u{FFFD}" : scalar) }
    return String(result)
  }

  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
  }

  private static func isUnsafe(_ scalar: Unicode.Scalar) -> Bool {
    isControl(scalar) && scalar != "\n" && scalar != "\t"
  }
}
