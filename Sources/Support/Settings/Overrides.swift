/// Settings given on the command line: `planner.population=200`, `model.hiddenSizes=[64, 64]`,
/// `model.hiddenSizes.0=64`, `planner=mppi`, `planner.elites=null`, `~planner.elites`.
///
/// The value is JSON; what is no JSON, and does not begin as a string, array or object, is text
/// (`environment.id=CartPole-v1`). A value replaces what stood there, objects included; of two for the same path the
/// later one counts. null removes a setting, as `~` before its path does.
package enum Overrides {
  /// What the command line changed, as far as `Fields` has to know it.
  package struct Changes: Equatable, Sendable {
    /// Full paths that were set, down to single settings (an array counts as one).
    package var paths: Set<String> = []
    /// By path, values as they were written where that is no string, array or object: what is `true` to one setting is
    /// a text to another.
    package var words: [String: String] = [:]
    /// Paths that were removed.
    package var removed: Set<String> = []
    /// Paths to which null was given although nothing stood there, in order.
    package var clearedInVain: [String] = []

    package init() {}

    /// Whether nothing was changed.
    package var isEmpty: Bool { paths.isEmpty && words.isEmpty && removed.isEmpty }

    /// Forgets what is said of a path and of everything below it.
    fileprivate mutating func forget(_ path: String) {
      func isWithin(_ other: String) -> Bool { other == path || other.hasPrefix(path + ".") }
      paths = paths.filter { !isWithin($0) }
      words = words.filter { !isWithin($0.key) }
      clearedInVain.removeAll(where: isWithin)
    }
  }

  private enum Step: Equatable {
    case name(String)
    case index(Int)
  }

  /// One argument, read.
  private struct Assignment {
    var steps: [Step]
    var value: JSON
    /// See `Changes.words`.
    var word: String?
  }

  /// Changes `object` as each argument says, in order; mistaken arguments change nothing.
  /// - Parameter choosers: per section the setting that a bare word for the whole section means: planner, type.
  /// - Returns: what was changed, and every mistake in the arguments.
  package static func apply(
    _ arguments: [String], to object: inout JSONObject, choosers: [(section: String, key: String)] = []
  ) -> (changes: Changes, faults: [Fault]) {
    var changes = Changes()
    var faults: [Fault] = []
    for argument in arguments {
      do throws(Fault) {
        if argument.hasPrefix("~") {
          try remove(argument.dropFirst(), from: &object, &changes)
          continue
        }
        var assignment = try parse(argument)
        if case .name(let section) = assignment.steps[0], assignment.steps.count == 1, assignment.value != .null,
          assignment.word != nil || assignment.value.string != nil,
          let chooser = choosers.first(where: { $0.section == section })
        {
          assignment.steps.append(.name(chooser.key))
        }
        try set(assignment, in: &object, &changes)
      } catch {
        faults.append(error)
      }
    }
    return (changes, faults)
  }

  private static func set(
    _ assignment: Assignment, in object: inout JSONObject, _ changes: inout Changes
  ) throws(Fault) {
    let path = assignment.steps.reduce("") { join($0, $1) }
    if assignment.value == .null, let names = names(assignment.steps) {
      changes.forget(path)
      changes.words[path] = assignment.word
      if remove(names[...], from: &object) { changes.removed.insert(path) } else { changes.clearedInVain.append(path) }
      return
    }
    var document = JSON.object(object)
    let array = try set(&document, assignment.steps[...], to: assignment.value, path: "")
    object = document.object ?? object
    changes.forget(array ?? path)
    if array == nil { changes.words[path] = assignment.word }
    addLeaves(array == nil ? assignment.value : .null, array ?? path, to: &changes.paths)
  }

  // MARK: Removing

  /// `~key.path`: what is not there cannot be removed.
  private static func remove(
    _ key: Substring, from object: inout JSONObject, _ changes: inout Changes
  ) throws(Fault) {
    if key.contains("=") { throw Fault(message: "\"~\(key)\" removes a setting; write ~key.path without a value") }
    let steps = try steps(key)
    let path = steps.reduce("") { join($0, $1) }
    guard let names = names(steps) else {
      throw Fault(path: path, message: "an element cannot be removed; write the whole array without it")
    }
    guard remove(names[...], from: &object) else {
      throw Fault(path: path, message: "nothing to remove: the file does not set it")
    }
    changes.forget(path)
    changes.removed.insert(path)
  }

  /// False where nothing stands there.
  private static func remove(_ names: ArraySlice<String>, from object: inout JSONObject) -> Bool {
    guard let name = names.first, let found = object[name] else { return false }
    if names.count == 1 {
      object[name] = nil
      return true
    }
    guard var child = found.object, remove(names.dropFirst(), from: &child) else { return false }
    object[name] = .object(child)
    return true
  }

  /// The names of a path without indices; nil where it has one.
  private static func names(_ steps: [Step]) -> [String]? {
    let names = steps.compactMap { if case .name(let name) = $0 { name } else { nil } }
    return names.count == steps.count && elementIndex(steps[steps.count - 1]) == nil ? names : nil
  }

  // MARK: Reading an argument

  private static func parse(_ argument: String) throws(Fault) -> Assignment {
    let shown = argument.shortened(to: 80)
    guard let equals = argument.firstIndex(of: "=") else {
      throw Fault(message: "\"\(shown)\" has no '='; write key.path=value")
    }
    let key = argument[..<equals]
    guard !key.isEmpty else { throw Fault(message: "\"\(shown)\" has no key before the '='; write key.path=value") }
    let steps = try self.steps(key)
    let text = String(argument[argument.index(after: equals)...])
    let path = steps.reduce("") { join($0, $1) }
    guard text.contains(where: { !$0.isWhitespace }) else {
      throw Fault(path: path, message: "no value after the '='; for an empty text write \(key)='\"\"'")
    }
    do throws(JSONError) {
      let value = try JSONParser.parse(text)
      let isBare = value.string == nil && value.array == nil && value.object == nil
      return Assignment(steps: steps, value: value, word: isBare ? trimmed(text) : nil)
    } catch {
      let start = text.first { !$0.isWhitespace }
      guard start != "{", start != "[", start != "\"" else {
        let remedy = ListText.literal(text).map { "; write \(key)=\($0)" } ?? ""
        throw Fault(path: path, message: "the value is no valid JSON: \(error.problems[0])\(remedy)")
      }
      return Assignment(steps: steps, value: .string(text), word: text)
    }
  }

  private static func trimmed(_ text: String) -> String {
    let start = text.drop { $0.isWhitespace }
    return String(start.dropLast(start.reversed().prefix { $0.isWhitespace }.count))
  }

  /// "a.b.0" and "a.b[0]" name the same element.
  private static func steps(_ key: Substring) throws(Fault) -> [Step] {
    let shown = String(key).shortened(to: 80)
    var steps: [Step] = []
    for part in key.split(separator: ".", omittingEmptySubsequences: false) {
      let name = part.prefix { $0 != "[" }
      var rest = part[name.endIndex...]
      guard !name.isEmpty else {
        throw Fault(message: "\"\(shown)\" has an empty name in its path; write key.path=value")
      }
      steps.append(.name(String(name)))
      while !rest.isEmpty {
        guard rest.first == "[", let end = rest.firstIndex(of: "]"),
          let index = index(rest[rest.index(after: rest.startIndex)..<end])
        else { throw Fault(message: "\"\(shown)\" has a malformed index; write name[0]=value") }
        steps.append(.index(index))
        rest = rest[rest.index(after: end)...]
      }
    }
    guard steps.count <= JSONParser.maximumDepth else {
      throw Fault(message: "\"\(shown)\" is nested deeper than \(JSONParser.maximumDepth) levels")
    }
    return steps
  }

  private static func index(_ text: Substring) -> Int? {
    text.utf8.allSatisfy { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 } ? Int(text) : nil
  }

  // MARK: Changing the tree

  /// Returns the path of the outermost array on the way: elements have no provenance of their own.
  private static func set(
    _ node: inout JSON, _ steps: ArraySlice<Step>, to value: JSON, path: String
  ) throws(Fault) -> String? {
    guard let step = steps.first else {
      node = value
      return nil
    }
    let inner = join(path, step)
    switch (node, step) {
    case (.object(var object), .name(let name)):
      if object[name] == nil, let next = steps.dropFirst().first, elementIndex(next) != nil {
        throw Fault(path: inner, message: "the file sets no such array; write the whole array, \(inner)=[…]")
      }
      var child = object[name] ?? [:]
      let array = try set(&child, steps.dropFirst(), to: value, path: inner)
      object[name] = child
      node = .object(object)
      return array
    case (.array(var items), _):
      guard let index = elementIndex(step) else {
        throw Fault(path: path, message: "is an array; write \(path)[0]=… for its first element")
      }
      guard items.indices.contains(index) else {
        let last = items.isEmpty ? "it is empty" : "its last element is [\(items.count - 1)]"
        throw Fault(path: "\(path)[\(index)]", message: "there is no such element; \(last)")
      }
      _ = try set(&items[index], steps.dropFirst(), to: value, path: "\(path)[\(index)]")
      node = .array(items)
      return path
    default: throw Fault(path: path, message: "is \(node.kindName), so \(inner) cannot be set")
    }
  }

  private static func elementIndex(_ step: Step) -> Int? {
    switch step {
    case .index(let index): index
    case .name(let name): index(name[...])
    }
  }

  private static func join(_ path: String, _ step: Step) -> String {
    switch step {
    case .name(let name): path.isEmpty ? name : "\(path).\(name)"
    case .index(let index): "\(path)[\(index)]"
    }
  }

  private static func addLeaves(_ value: JSON, _ path: String, to paths: inout Set<String>) {
    if case .object(let object) = value, !object.members.isEmpty {
      for (key, value) in object.members { addLeaves(value, join(path, .name(key)), to: &paths) }
    } else {
      paths.insert(path)
    }
  }
}
