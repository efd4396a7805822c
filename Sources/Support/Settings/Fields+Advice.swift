/// Settings that are not what they seem: of another kind, misspelt, or without effect.
extension Fields {
  /// What the kinds of a thing know, of which the setting `chooser` names one.
  struct Variants {
    var chooser: String
    var chosen: String
    /// The kinds that declare a setting.
    var owners: (String) -> [String]
  }

  /// Tells which kinds there are besides the `chosen` one that the setting `chooser` of this group names; `owners`
  /// tells which of them declare a setting. So a setting of another kind is known for what it is, and where the command
  /// line chooses, what the file says for another kind is left out.
  package func distinguish(_ chooser: String, _ chosen: String, owners: @escaping (_ name: String) -> [String]) {
    variants = Variants(chooser: chooser, chosen: chosen, owners: owners)
  }

  /// Says of a setting that nothing reads it, where somebody chose it: on the command line, or in the file and other
  /// than its default. `name` may be a section; it comes after its declaration.
  package func unused(_ name: String, because reason: String) {
    let path = join(name)
    func isWithin(_ other: String) -> Bool { other == path || other.hasPrefix(path + ".") }
    guard entries.contains(where: { $0.isChosen && isWithin($0.path) }) else { return }
    warnings.removeAll { isWithin($0.path) }
    warnings.append(Fault(path: path, message: "has no effect: \(reason)"))
  }

  /// Says of a setting that it can hardly be meant.
  package func warn(_ name: String, _ message: String) { warnings.append(Fault(path: join(name), message: message)) }

  /// Reports a value that cannot be read. Of a kind that the file's settings were not made for, its default counts.
  func reject(_ name: String, _ message: String) {
    let setting = String(name.prefix { $0 != "[" })
    if let variants = overruled, !isOverridden(setting), !variants.owners(setting).allSatisfy({ $0 == variants.chosen })
    {
      note(setting, "the file's value is left out for \(join(variants.chooser)) \"\(variants.chosen)\": \(message)")
    } else {
      fault(name, message)
    }
  }

  /// The kinds, where the command line chose among them, or something that decides on them.
  private var overruled: Variants? {
    variants.flatMap { overridden.paths.contains(join($0.chooser)) || isDecidedAnew ? $0 : nil }
  }

  /// Whether the command line set one of the `deciders`.
  private var isDecidedAnew: Bool { deciders.contains(where: overridden.paths.contains) }

  /// Where the command line set one of the `deciders`, leaves out what the file says of a section that does not suit
  /// the choice.
  package func leaveOut(_ name: String, because reason: String, where isUnsuitable: (JSONObject) -> Bool) {
    guard isDecidedAnew, !isOverridden(name), let section = overlay[name]?.object, isUnsuitable(section) else { return }
    overlay[name] = nil
    note(name, "the file's section is left out: \(reason)")
  }

  /// Whether the command line says anything about `name`.
  func isOverridden(_ name: String) -> Bool {
    let path = join(name)
    return overridden.paths.contains { $0 == path || $0.hasPrefix(path + ".") }
  }

  /// Remembers what of the file is not as it stands there.
  func note(_ name: String, _ message: String) { notes.append(Fault(path: join(name), message: message)) }

  /// Adds a fault for every key that no declaration asked for.
  package func rejectUnknownKeys() {
    if toleratesUnknown { return }
    for (key, _) in overlay.members where !declared.contains(key) {
      let owners = variants?.owners(key) ?? []
      if !owners.isEmpty, let variants {
        let chooser = join(variants.chooser)
        if overruled != nil, !isOverridden(key) {
          note(key, "the file's value is left out: \(chooser) \"\(variants.chosen)\" has no such setting")
        } else {
          let others = owners.map { "\"\($0)\"" }.joined(separator: " or ")
          fault(key, "\(chooser) \"\(variants.chosen)\" has no such setting; remove it, or use \(chooser) \(others)")
        }
      } else {
        fault(key, unknown(key))
      }
    }
  }

  /// What there is to say about a key that nobody knows.
  private func unknown(_ key: String) -> String {
    if key.contains(".") {
      let parts = key.split(separator: ".", omittingEmptySubsequences: false).map { "\"\($0)\": " }
      let example = parts.joined(separator: "{") + "…" + String(repeating: "}", count: parts.count)
      return "unknown setting; in a file every level is an object of its own: {\(example)"
    }
    if let place = entries.first(where: { $0.path.hasSuffix(".\(key)") })?.path {
      return "unknown setting here; did you mean \(place)?"
    }
    let known = declared.isEmpty ? "there are no settings here" : "known here: \(declared.joined(separator: ", "))"
    return "unknown setting\(Suggestion.didYouMean(key, among: declared, otherwise: "; \(known)"))"
  }

  /// null for a setting that is neither in the file nor anywhere else is a misspelt one.
  func rejectUnknownRemovals() {
    for path in overridden.clearedInVain {
      if entries.contains(where: { $0.path == path || $0.path.hasPrefix(path + ".") }) { continue }
      let paths = entries.map(\.path)
      faults.append(Fault(path: path, message: "unknown setting\(Suggestion.didYouMean(path, among: paths))"))
    }
  }
}
