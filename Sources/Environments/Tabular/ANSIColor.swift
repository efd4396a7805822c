/// The colours of Gymnasium's `ansi` pictures, by their escape codes.
enum ANSIColor: Int {
  case red = 31, green = 32, yellow = 33, blue = 34, magenta = 35

  /// In this colour.
  func colored(_ character: Character) -> String { "\u{1b}[\(rawValue)m\(character)\u{1b}[0m" }
  /// In this colour, bold.
  func bold(_ character: Character) -> String { "\u{1b}[\(rawValue);1m\(character)\u{1b}[0m" }
  /// On a ground of this colour.
  func highlighted(_ character: Character) -> String { "\u{1b}[\(rawValue + 10)m\(character)\u{1b}[0m" }
}
