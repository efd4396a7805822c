import Support

/// What `mbrl` alone says: every command, by what it is for.
package enum CommandMap {
  private static let chapters: [(title: String, verbs: [String])] = [
    ("begin", ["init", "list", "config check", "config show", "config schema"]),
    ("learn", ["train", "sweep plan", "sweep run", "sweep pending", "sweep status", "sweep advance", "sweep collect"]),
    ("look", ["plot", "report", "eval", "list runs", "inspect"]), ("judge", ["compare", "diagnose", "data compare"]),
    ("check", ["env check", "solve", "bench"]),
    ("take along", ["serve", "export", "data record", "data import", "data imagine", "completion"]),
  ]

  /// The map of these commands; those that no chapter knows come last.
  package static func text(_ verbs: [CommandSyntax]) -> String {
    let width = (verbs.map(\.verb.count).max() ?? 0) + 2
    func line(_ verb: CommandSyntax) -> String { "  " + verb.verb.padded(to: width) + verb.summary }
    var lines = ["mbrl: model-based reinforcement learning in one program", "", "usage: mbrl COMMAND …", ""]
    var known = Set<String>()
    for chapter in chapters {
      let found = chapter.verbs.compactMap { name in verbs.first { $0.verb == name } }
      known.formUnion(found.map(\.verb))
      if !found.isEmpty { lines += ["\(chapter.title):"] + found.map(line) }
    }
    let others = verbs.filter { !known.contains($0.verb) }
    if !others.isEmpty { lines += ["more:"] + others.map(line) }
    lines += ["", "first: mbrl train configs/quickstart.json", "mbrl COMMAND --help tells more, with examples."]
    return lines.joined(separator: "\n")
  }
}
