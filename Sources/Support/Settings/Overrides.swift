/// Settings given on the command line: `planner.population=200`, `model.hiddenSizes=[64, 64]`,
/// `model.hiddenSizes.0=64`.
///
/// The value is JSON; what is no JSON, and does not begin as a string, array or object, is text
/// (`environment.id=CartPole-v1`). A value replaces what stood there, objects included; of two for the same path the
/// later one counts.
package enum Overrides {
  private enum Step: Equatable {
    case name(String)
    case index(Int)
  }

  /// Changes `object` as each argument says, in order, and returns the paths that were set, down to single settings
  /// (an array counts as one), for `Fields`, with every mistake in the arguments. Mistaken arguments change nothing.
  package static func apply(
    _ arguments: [String], to object: inout JSONObject
  ) -> (overridden: Set<String>, faults: [Fault]) {
    var overridden = Set<String>()
    var faults: [Fault] = []
    for argument in arguments {
      do throws(Fault) {
        let (steps, value) = try parse(argument)
        var document = JSON.object(object)
        let array = try set(&document, steps[...], to: value, path: "")
        object = document.object ?? object
        let path = array ?? steps.reduce("") { join($0, $1) }
        overridden.subtract(overridden.filter { $0.hasPrefix(path + ".") })
        addLeaves(array == nil ? value : .null, path, to: &overridden)
      } catch {
        faults.append(error)
      }
    }
    return (overridden, faults)
  }

  // MARK: Reading an argument

  private static func parse(_ argument: String) throws(Fault) -> (steps: [Step], value: JSON) {
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
      return (steps, try JSONParser.parse(text))
    } catch {
      let start = text.first { !$0.isWhitespace }
      guard start != "{", start != "[", start != "\"" else {
        throw Fault(path: path, message: "the value is no valid JSON: \(error.problems[0])")
      }
      return (steps, .string(text))
    }
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
