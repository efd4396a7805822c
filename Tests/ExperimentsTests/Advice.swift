import Support

/// What a refusal proposes, taken from its words, as changes that can be tried.
enum Advice {
  /// A way out of one mistake.
  enum Change: CustomStringConvertible {
    /// "key.path=value" or "~key.path" beside the file.
    case override(String)
    /// A key under another name or in another place.
    case move(String, to: String)
    /// Another text in the file's place.
    case text([UInt8])

    var description: String {
      switch self {
      case .override(let text): text
      case .move(let old, let new): "\(old) → \(new)"
      case .text(let bytes): String(decoding: bytes.prefix(300), as: UTF8.self)
      }
    }
  }

  /// Whether a message sounds like one that proposes something.
  static func isGiven(in message: String) -> Bool {
    ["; ", "did you mean", "such as", "allowed:", "one of"].contains { message.contains($0) }
  }

  /// What the message on a setting proposes; empty where it proposes nothing that these rules know.
  static func changes(for fault: Fault) -> [Change] {
    let (path, message) = (fault.path, fault.message)
    if let place = message.firstMatch(of: /did you mean ([A-Za-z.]+)\?/) { return [.move(path, to: String(place.1))] }
    if message.contains("unknown setting; in a file") {
      return [.move("\"\(path)\"", to: path)]
    }
    if message.hasPrefix("unknown setting"), let name = quoted(message).last, message.contains("did you mean") {
      let section = path.split(separator: ".").dropLast().map { "\($0)." }.joined()
      return [.move(path, to: section + name)]
    }
    if message.hasPrefix("unknown setting") { return [.override("~\(path)")] }
    if message.contains("cannot name a folder") { return [.override("name=A-1_2.x"), .override("name=x")] }
    if message.contains("stands there twice") { return [.override("\(path)=[1,2]")] }
    if message.contains("write "), let json = message.split(separator: "write ").last {
      return [.override("\(path)=\(json)")]
    }
    if let example = message.firstMatch(of: /such as (\{.*\}), found/) { return [.override("\(path)=\(example.1)")] }
    if message.hasPrefix("missing"), let word = quoted(message).last { return [.override("\(path)=\(word)")] }
    if message.contains("give one, or one per layer") {
      let layers = message.firstMatch(of: /for (\d+) layers/).flatMap { Int($0.1) } ?? 1
      return [.override("\(path)=0.5"), .override("\(path)=\([Double](repeating: 0.5, count: layers))")]
    }
    if message.contains("set a limit, or evaluation.episodes to 0") {
      return [.override("\(path)=50"), .override("evaluation.episodes=0")]
    }
    let sets = message.matches(of: /(?:set|or) ([a-z]\w*\.[\w.]+) to "?(\w+)"?/)
    if !sets.isEmpty { return sets.map { .override("\($0.1)=\($0.2)") } }
    return removals(path, message) + choices(path, message) + bounds(path, message)
  }

  private static func removals(_ path: String, _ message: String) -> [Change] {
    (message.contains("remove it") ? [.override("~\(path)")] : [])
      + (message.contains("choose another agent.type") ? [.override("agent.type=pets")] : [])
      + (message.contains("another planner.type") ? [.override("planner.type=cem")] : [])
  }

  /// "use "a" or "b"", "use planner.type "a"", "one of "a", "b"", "did you mean "a"?".
  private static func choices(_ path: String, _ message: String) -> [Change] {
    if let named = message.firstMatch(of: /use (\w+\.\w+) "/) {
      return quoted(String(message[named.range.lowerBound...])).map { .override("\(named.1)=\($0)") }
    }
    if let near = message.firstMatch(of: /did you mean "(.*)"\?/) { return [.override("\(path)=\(near.1)")] }
    if let start = message.firstRange(of: "one of ") {
      let list = message[start.upperBound...].prefix { $0 != ";" }
      let found = list.firstRange(of: ", found").map { list[..<$0.lowerBound] } ?? list
      return quoted(String(found)).map { .override("\(path)=\($0)") }
    }
    guard let start = message.firstRange(of: "; use ") else { return [] }
    return quoted(String(message[start.upperBound...].prefix { $0 != "," })).map { .override("\(path)=\($0)") }
  }

  /// The ends of "allowed: 1 to 64", "0 or more", "more than 0, up to 1".
  private static func bounds(_ path: String, _ message: String) -> [Change] {
    if let count = message.firstMatch(of: /elements; expected (\d+) to (\d+)/), let low = Int(count.1) {
      return [.override("\(path)=\([Int](repeating: 1, count: max(low, 1)))")]
    }
    guard let range = message.firstMatch(of: /allowed: (more than )?(-?[0-9.e+-]+)(?:, up)?(?: to (-?[0-9.e+-]+))?/)
    else { return [] }
    let ends = (range.1 == nil ? [String(range.2)] : ["0.5"]) + (range.3.map { [String($0)] } ?? [])
    return ends.map { .override("\(path)=\($0)") }
  }

  private static func quoted(_ text: String) -> [String] { text.matches(of: /"([^"]*)"/).map { String($0.1) } }
}
