import Foundation

/// A recorded trace of an environment: resets, and single steps from recorded states, as JSON lines.
///
/// The first line is the header (`env`, `kind`: "trace", `max_episode_steps`, the spaces); every other line is a row:
/// `{"kind": "reset", "seed", "state", "observation"}` or
/// `{"kind": "rollout" | "probe", "state", "action", "next_state", "observation", "reward", "terminated"}`, with
/// `state_dtype` where the recorded state may be float32. Numbers are read as exact doubles.
package struct TraceFile: Sendable {
  /// What a row does: a reset, or one step from a recorded state.
  package enum Content: Sendable {
    case reset(seed: UInt64)
    case step(from: PhysicalState, action: RecordedAction, reward: Double, isTerminated: Bool)
  }

  /// One line after the header.
  package struct Row: Sendable {
    /// Counted from 1.
    package var line: Int
    /// A state made up for the recording, instead of one that an episode reached.
    package var isProbe: Bool
    package var content: Content
    /// The state after the reset or the step.
    package var state: [Double]
    package var observation: [Double]
  }

  package var header: RecordingHeader
  package var rows: [Row]

  /// Reads a trace from its text, in UTF-8.
  package init(_ data: Data) throws(TraceError) {
    let lines = try RecordingHeader.lines(of: data, "trace")
    header = try RecordingHeader(lines[0].text, line: 1)
    guard header.kind == "trace" else {
      throw TraceError(line: 1, message: "\"kind\" is \"\(header.kind)\"; only traces can be replayed")
    }
    rows = []
    for (number, text) in lines.dropFirst() { rows.append(try RowLine(text, line: number).row(line: number)) }
  }
}

/// An action as a recording has it, and as random ones are drawn: its numbers are its own.
package enum RecordedAction: Decodable, Sendable {
  case discrete(Int)
  case continuous([Float])

  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let index = try? container.decode(Int.self) {
      self = .discrete(index)
    } else {
      self = .continuous(try container.decode([Double].self).map { Float($0) })
    }
  }

  /// Hands the action on, for the duration of the call.
  package func withAction<Result>(_ body: (Action) throws -> Result) rethrows -> Result {
    switch self {
    case .discrete(let index): try body(.discrete(index))
    case .continuous(let values): try values.withUnsafeBufferPointer { try body(.continuous($0)) }
    }
  }
}

/// Why a trace cannot be read or replayed.
package struct TraceError: Error, Equatable, CustomStringConvertible {
  /// Counted from 1; nil: the file as a whole.
  package var line: Int?
  package var message: String

  /// - Parameter line: nil: the file as a whole.
  package init(line: Int?, message: String) {
    (self.line, self.message) = (line, message)
  }

  package var description: String { line.map { "line \($0): \(message)" } ?? message }
}

// MARK: The lines as they are written

extension Decodable {
  init(_ text: Data, line: Int) throws(TraceError) {
    do {
      self = try JSONDecoder().decode(Self.self, from: text)
    } catch let error as DecodingError {
      throw TraceError(line: line, message: error.reason)
    } catch {
      throw TraceError(line: line, message: "\(error)")
    }
  }
}

/// The first line of a recording: what it says about the environment.
package struct RecordingHeader: Decodable, Sendable {
  package var id: String
  /// "trace" or "table".
  package var kind: String
  package var stepLimit: Int?
  package var observationSpace: Space?
  package var actionSpace: Space?
  /// The probability of each state at an episode's start, zeros left out; tables only.
  var initial: [String: Double]?

  private enum CodingKeys: String, CodingKey {
    case id = "env", kind, initial
    case stepLimit = "max_episode_steps", observationSpace = "observation_space", actionSpace = "action_space"
  }

  /// The lines of a recording with their numbers, empty ones left out.
  /// - Throws: where there is no first line, the header.
  static func lines(of data: Data, _ kind: String) throws(TraceError) -> [(number: Int, text: Data)] {
    let lines = data.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    guard let first = lines.first, !first.isEmpty else {
      throw TraceError(line: 1, message: "the \(kind) is empty; its first line should be the header")
    }
    return lines.enumerated().map { ($0 + 1, $1) }.filter { number, text in
      number == 1 || !text.allSatisfy { $0 == 0x20 || $0 == 0x0d }
    }
  }
}

/// `{"discrete": n}` or `{"low": […], "high": […]}` with "inf" and "-inf" for what JSON has no number for.
package enum Space: Decodable, Sendable {
  case discrete(count: Int)
  case box(low: [Float], high: [Float])

  var observations: ObservationSpace {
    switch self {
    case .discrete(let count): .discrete(count: count)
    case .box(let low, let high): .box(low: low, high: high)
    }
  }
  var actions: ActionSpace {
    switch self {
    case .discrete(let count): .discrete(count: count)
    case .box(let low, let high): .box(low: low, high: high)
    }
  }

  private enum Key: CodingKey { case discrete, low, high }

  private struct Bound: Decodable {
    var value: Float

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let name = try? container.decode(String.self) {
        guard name == "inf" || name == "-inf" else {
          throw DecodingError.dataCorruptedError(in: container, debugDescription: "unknown bound \"\(name)\"")
        }
        value = name == "inf" ? .infinity : -.infinity
      } else {
        value = Float(try container.decode(Double.self))
      }
    }
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    if let count = try container.decodeIfPresent(Int.self, forKey: .discrete) {
      self = .discrete(count: count)
    } else {
      let low = try container.decode([Bound].self, forKey: .low).map(\.value)
      let high = try container.decode([Bound].self, forKey: .high).map(\.value)
      self = .box(low: low, high: high)
    }
  }
}

private struct RowLine: Decodable {
  var kind: String
  var seed: UInt64?
  var state: [Double]
  var state_dtype: String?
  var action: RecordedAction?
  var next_state: [Double]?
  var observation: [Double]
  var reward: Double?
  var terminated: Bool?

  func row(line: Int) throws(TraceError) -> TraceFile.Row {
    func need<Value>(_ name: String, _ value: Value?) throws(TraceError) -> Value {
      guard let value else { throw TraceError(line: line, message: "a \(kind) row needs \"\(name)\"") }
      return value
    }
    switch kind {
    case "reset":
      let seed = try need("seed", seed)
      return TraceFile.Row(
        line: line, isProbe: false, content: .reset(seed: seed), state: state, observation: observation)
    case "rollout", "probe":
      guard [nil, "float32", "float64"].contains(state_dtype) else {
        throw TraceError(line: line, message: "unknown \"state_dtype\" \"\(state_dtype ?? "")\"")
      }
      let content = TraceFile.Content.step(
        from: PhysicalState(state, isSinglePrecision: state_dtype == "float32"), action: try need("action", action),
        reward: try need("reward", reward), isTerminated: try need("terminated", terminated))
      return TraceFile.Row(
        line: line, isProbe: kind == "probe", content: content, state: try need("next_state", next_state),
        observation: observation)
    default:
      throw TraceError(line: line, message: "unknown \"kind\" \"\(kind)\"; known: reset, rollout, probe")
    }
  }
}

extension DecodingError {
  /// The reason without the machinery: "\"reward\": expected Double …".
  fileprivate var reason: String {
    func place(_ path: [any CodingKey]) -> String {
      path.isEmpty ? "" : "\"\(path.map { $0.intValue.map { "[\($0)]" } ?? $0.stringValue }.joined(separator: ""))\": "
    }
    switch self {
    case .keyNotFound(let key, let context): return place(context.codingPath) + "\"\(key.stringValue)\" is missing"
    case .typeMismatch(let type, let context): return place(context.codingPath) + "expected \(type)"
    case .valueNotFound(let type, let context): return place(context.codingPath) + "expected \(type), found null"
    case .dataCorrupted(let context): return place(context.codingPath) + context.debugDescription
    @unknown default: return "\(self)"
    }
  }
}
