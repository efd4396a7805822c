import Experiments
import Support

/// What to write instead of arguments that a command does not take.
enum ArgumentAdvice {
  /// About an option that a command with these ones lacks; `value` is what came after it.
  static func unknownOption(_ name: String, value: String?, _ syntax: CommandSyntax) -> String {
    let word = String(name.drop { $0 == "-" })
    let names = syntax.options.map(\.name)
    if let near = Suggestion.nearest(word, among: names.map { String($0.dropFirst(2)) }) {
      return "; did you mean \"--\(near)\"?"
    }
    if syntax.takesSettings, let path = SettingCatalogue.named(word) { return setting(path, value) }
    if let near = Suggestion.nearest(name, among: names) { return "; did you mean \"\(near)\"?" }
    if syntax.takesSettings, let path = SettingCatalogue.meant(word) { return setting(path, value) }
    return ""
  }

  /// About arguments beyond the last operand of a command that takes settings.
  static func unexpected(_ rest: ArraySlice<String>, settings: [String]) -> String {
    if let last = settings.last, last.contains("["), !last.contains("]"),
      let end = rest.firstIndex(where: { $0.contains("]") })
    {
      let parts = ([last] + rest[...end]).joined(separator: " ").split(separator: "=", maxSplits: 1)
      if parts.count == 2, let list = ListText.literal(String(parts[1])) {
        return "; the shell splits at spaces: write \(parts[0])=\(list)"
      }
    }
    let word = String(rest[rest.startIndex].prefix { $0 != ":" })
    guard let path = SettingCatalogue.meant(word) else { return "" }
    return setting(path, rest.dropFirst().first)
  }

  private static func setting(_ path: String, _ value: String?) -> String {
    let isValue = value.map { !$0.hasPrefix("-") && !$0.contains("=") && !$0.contains("/") } ?? false
    return "; for a setting write \(path)=\(isValue ? value ?? "" : "VALUE")"
  }
}
