extension String {
  /// The text, followed by as many of a character as make it `width` characters long.
  package func padded(to width: Int, with filling: Character = " ") -> String {
    self + String(repeating: filling, count: max(0, width - count))
  }

  /// The text after as many of a character as make it `width` characters long.
  package func leftPadded(to width: Int, with filling: Character = " ") -> String {
    String(repeating: filling, count: max(0, width - count)) + self
  }

  /// At most `limit` characters, with "…" where there were more: messages stay readable whatever a file holds.
  package func shortened(to limit: Int = 40) -> String {
    let start = prefix(limit + 1)
    return start.count > limit ? start.dropLast() + "…" : self
  }
}
