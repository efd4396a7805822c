import Foundation

/// A recorded trace of an environment: resets, and single steps from recorded states, as JSON lines.
///
/// The first line is the header (`env`, `kind`: "trace", `max_episode_steps`, the spaces); every other line is a row:
/// `{"kind": "reset", "seed", "state", "observation"}` or
/// `{"kind": "rollout" | "probe", "state", "action", "next_state", "observation", "reward", "terminated"}`, with
/// `state_dtype` where the recorded state may be float32. Numbers are read as exact doubles.
package struct TraceFile: Sendable {
  /// What the recording says about the environment.
  package struct Header: Sendable {
    package var id: String
    package var stepLimit: Int?
    package var observationSpace: ObservationSpace?
    package var actionSpace: ActionSpace?
  }

  /// An action as the trace has it.
  package enum RecordedAction: Sendable {
    case discrete(Int)
    case continuous([Float])
  }

  /// What a row does: a reset, or one step from a recorded state.
  package enum Content: Sendable {
    case reset(seed: UInt64)
    case step(
      from: [Double], isSinglePrecision: Bool, action: RecordedAction, reward: Double, isTerminated: Bool)
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

  package var header: Header
  package var rows: [Row]

  /// Reads the file at `path`.
  package init(path: String) throws(TraceError) {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw TraceError(line: nil, message: "cannot read \(path)")
    }
    try self.init(data)
  }

  /// Reads a trace from its text, in UTF-8.
  package init(_ data: Data) throws(TraceError) {
    let lines = data.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    guard let first = lines.first, !first.isEmpty else {
      throw TraceError(line: 1, message: "the trace is empty; its first line should be the header")
    }
    let headerLine = try HeaderLine(first, line: 1)
    guard headerLine.kind == "trace" else {
      throw TraceError(line: 1, message: "\"kind\" is \"\(headerLine.kind)\"; only traces can be replayed")
    }
    header = headerLine.header
    rows = []
    for (index, line) in lines.enumerated().dropFirst() where !line.allSatisfy({ $0 == 0x20 || $0 == 0x0d }) {
      rows.append(try RowLine(line, line: index + 1).row(line: index + 1))
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

/// The first line of a recording.
struct HeaderLine: Decodable {
  var env: String
  var kind: String
  var max_episode_steps: Int?
  var observation_space: Space?
  var action_space: Space?

  /// The probability of each state at an episode's start, zeros left out; tables only.
  var initial: [String: Double]?

  var header: TraceFile.Header {
    let observationSpace: ObservationSpace? = observation_space.map {
      switch $0 {
      case .discrete(let count): .discrete(count: count)
      case .box(let low, let high): .box(low: low, high: high)
      }
    }
    let actionSpace: ActionSpace? = action_space.map {
      switch $0 {
      case .discrete(let count): .discrete(count: count)
      case .box(let low, let high): .box(low: low, high: high)
      }
    }
    return TraceFile.Header(
      id: env, stepLimit: max_episode_steps, observationSpace: observationSpace, actionSpace: actionSpace)
  }
}

/// `{"discrete": n}` or `{"low": […], "high": […]}` with "inf" and "-inf" for what JSON has no number for.
enum Space: Decodable {
  case discrete(Int)
  case box(low: [Float], high: [Float])

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

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Key.self)
    if let count = try container.decodeIfPresent(Int.self, forKey: .discrete) {
      self = .discrete(count)
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
  var action: ActionText?
  var next_state: [Double]?
  var observation: [Double]
  var reward: Double?
  var terminated: Bool?

  enum ActionText: Decodable {
    case discrete(Int)
    case continuous([Float])

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let index = try? container.decode(Int.self) {
        self = .discrete(index)
      } else {
        self = .continuous(try container.decode([Double].self).map { Float($0) })
      }
    }
  }

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
      let recorded: TraceFile.RecordedAction
      switch try need("action", action) {
      case .discrete(let index): recorded = .discrete(index)
      case .continuous(let values): recorded = .continuous(values)
      }
      let content = TraceFile.Content.step(
        from: state, isSinglePrecision: state_dtype == "float32", action: recorded,
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
