import Environments
import Support

/// The lines that come and go where somebody else plays a task: each asks what to do in a situation.
///
///     {"observation": [0.1, -0.2], "first": true}      →   {"action": 1}
///
/// "first" marks the first observation of an episode; the very first one needs no mark. A line that is not right is
/// answered by {"error": "…"} and counts for nothing.
package final class ServedConversation: @unchecked Sendable {
  /// Nobody asks any more.
  package struct End: Error {
    package init() {}
  }

  private let read: () -> String?
  private let write: (String) -> Void
  private var waiting: (observation: [Float], isFirst: Bool)?

  /// - Parameters:
  ///   - read: the next line; nil at the end.
  ///   - write: takes an answer, one line.
  package init(read: @escaping () -> String?, write: @escaping (String) -> Void) {
    (self.read, self.write) = (read, write)
  }

  /// The observation that an episode begins with.
  func start(_ space: ObservationSpace) throws -> [Float] {
    if let waiting {
      self.waiting = nil
      return waiting.observation
    }
    return try next(space).observation
  }

  /// Answers, and waits for what came of it; nil: another episode begins.
  func answer(_ action: Action, _ space: ObservationSpace) throws -> [Float]? {
    let value: JSON =
      switch action {
      case .discrete(let index): .integer(index)
      case .continuous(let vector): .array(vector.map { .finite(Double("\($0)")) })
      }
    write((["action": value] as JSON).compactText)
    let next = try next(space)
    if !next.isFirst { return next.observation }
    waiting = next
    return nil
  }

  private func next(_ space: ObservationSpace) throws -> (observation: [Float], isFirst: Bool) {
    while let line = read() {
      if line.allSatisfy(\.isWhitespace) { continue }
      do throws(Fault) {
        return try ServedConversation.request(line, space)
      } catch {
        write((["error": .string(error.description)] as JSON).compactText)
      }
    }
    throw End()
  }

  private static func request(
    _ line: String, _ space: ObservationSpace
  ) throws(Fault) -> (observation: [Float], isFirst: Bool) {
    let document: JSON
    do throws(JSONError) { document = try JSONParser.parse(line) } catch { throw Fault(message: "\(error)") }
    guard let request = document.object else {
      throw Fault(message: "expected {\"observation\": …}, found \(document.kindName)")
    }
    for (key, _) in request.members where key != "observation" && key != "first" {
      throw Fault(path: key, message: "unknown; known are observation and first")
    }
    guard let found = request["observation"] else { throw Fault(path: "observation", message: "missing") }
    if let first = request["first"], first.bool == nil {
      throw Fault(path: "first", message: "expected true or false, found \(first.kindName)")
    }
    var values: [Float] = []
    guard flatten(found, &values) else {
      throw Fault(path: "observation", message: "expected finite numbers, in arrays if there are several")
    }
    guard values.count == space.size else {
      throw Fault(path: "observation", message: "expected \(space.size) numbers, found \(values.count)")
    }
    let limit: Float? =
      switch space {
      case .discrete(let count): Float(count - 1)
      case .image: 255
      case .box: nil
      }
    if let limit, let odd = values.first(where: { !(0...limit).contains($0) || $0 != $0.rounded() }) {
      throw Fault(path: "observation", message: "\(odd) is no whole number from 0 to \(Int(limit))")
    }
    return (values, request["first"]?.bool ?? false)
  }

  private static func flatten(_ json: JSON, _ values: inout [Float]) -> Bool {
    if let items = json.array { return items.allSatisfy { flatten($0, &values) } }
    guard let number = json.double, Float(number).isFinite else { return false }
    values.append(Float(number))
    return true
  }
}

/// A task that is played at the other end of a conversation. It stands in the run's own wrappers, so that whoever plays
/// sees what the environment itself gives and takes: an action that is repeated is answered as often.
struct ServedTask: Environment {
  let specification: EnvironmentSpecification
  private let conversation: ServedConversation
  private var observation: [Float]

  /// The run's environment, played elsewhere, in its wrappers.
  static func environment(
    _ configuration: EnvironmentConfiguration, _ conversation: ServedConversation
  ) throws -> any Environment {
    var (specification, wrappers) = (try configuration.makeBare().specification, configuration.wrappers)
    if wrappers.pixels > 0 {
      // Who plays draws.
      specification.showObservations(in: .image(height: wrappers.pixels, width: wrappers.pixels, channels: 3))
      wrappers.pixels = 0
    }
    return try wrappers.wrap(ServedTask(specification, conversation))
  }

  private init(_ specification: EnvironmentSpecification, _ conversation: ServedConversation) {
    (self.specification, self.conversation) = (specification, conversation)
    observation = [Float](repeating: 0, count: specification.observationSpace.size)
  }

  mutating func reset(seed: UInt64) throws {
    observation = try conversation.start(specification.observationSpace)
  }

  mutating func step(_ action: Action) throws -> Outcome {
    guard let next = try conversation.answer(action, specification.observationSpace) else {
      return Outcome(reward: 0, isTerminated: false, isTruncated: true)
    }
    observation = next
    return Outcome(reward: 0, isTerminated: false)
  }

  func observe(into observation: UnsafeMutableBufferPointer<Float>) {
    for column in observation.indices { observation[column] = self.observation[column] }
  }

  /// Nothing: what is played elsewhere cannot be stored here.
  mutating func archive(_ archive: Archive) throws {}
}
