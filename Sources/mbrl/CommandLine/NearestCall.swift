import Support

/// The call that somebody meant: what is printed below a mistake in the arguments.
package enum NearestCall {
  /// The arguments with their mistyped options put right, where that makes them a call; otherwise the example that has
  /// most in common with them.
  package static func to(_ arguments: [String], _ syntax: CommandSyntax) -> String {
    if let mended = mended(arguments, syntax) { return text(["mbrl", syntax.verb] + mended) }
    let words = Set(arguments.flatMap { [$0, String($0.prefix { $0 != "=" })] })
    func shared(_ example: String) -> Int { example.split(separator: " ").count { words.contains(String($0)) } }
    let best = syntax.examples.reduce(nil as String?) { best, example in
      best.map { shared(example.command) > shared($0) ? example.command : $0 } ?? example.command
    }
    return best ?? syntax.usage
  }

  /// nil where nothing was mistyped, or more is wrong than that.
  private static func mended(_ arguments: [String], _ syntax: CommandSyntax) -> [String]? {
    let names = syntax.options.map(\.name)
    var mended = arguments
    for (index, argument) in arguments.enumerated() where argument.hasPrefix("--") && argument.count > 2 {
      let name = String(argument.prefix { $0 != "=" })
      guard !names.contains(name) else { continue }
      guard let near = Suggestion.nearest(name, among: names) else { return nil }
      mended[index] = near + argument.dropFirst(name.count)
    }
    guard mended != arguments, (try? syntax.parse(mended)) != nil else { return nil }
    return mended
  }

  /// Words as one line for a shell.
  package static func text(_ words: [String]) -> String {
    words.enumerated().map { index, word in
      let isPlain = !word.isEmpty && word.allSatisfy { $0.isLetter || $0.isNumber || "_-./=:,+@%~[]".contains($0) }
      // A command of two words is one here.
      return isPlain || index == 1
        ? word : "'" + word.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
    }.joined(separator: " ")
  }
}
