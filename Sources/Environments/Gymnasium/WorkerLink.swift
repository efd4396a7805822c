import Foundation
import Support

/// The conversation with one worker: a question, then its answer, in frames of length u32, operation u8, three bytes 0
/// and a payload, little-endian.
package final class WorkerLink {
  /// What can be asked; `error` is an answer to any of them, the last one that comes.
  package enum Operation: UInt8 {
    case hello = 0, reset, step, render, state, restore, close
    case error = 255
  }

  /// What the child does first: takes the worker's text from the socket, then runs it.
  private static let loader = """
    import os, sys
    left, text = int(sys.argv[1]), b""
    while len(text) < left:
        part = os.read(3, left - len(text))
        if not part: os._exit(0)
        text += part
    exec(compile(text, "<mbrl's worker>", "exec"))
    """

  private let id: String
  private let python: String
  private let child: ChildProcess
  private var answer: [UInt8] = []
  /// What was asked last, for the message of a timeout.
  private var asked = (what: "", seconds: 0.0)
  private var deadline = 0.0

  /// Starts a worker for the environment `id`.
  package init(id: String, python: String) throws(GymnasiumError) {
    (self.id, self.python) = (id, python)
    let text = Array(WorkerSource.text.utf8)
    do throws(ChildProcessError) {
      child = try ChildProcess([python, "-u", "-c", WorkerLink.loader, String(text.count)])
    } catch {
      throw GymnasiumError(
        kind: .missing,
        summary: "\(id): the Python at \(python) cannot be started: \(error.reason ?? "?"); environment.python names "
          + "one, scripts/setup-gymnasium.sh makes one")
    }
    asked = ("start", 60)
    deadline = Clock.monotonicSeconds() + 60
    do throws(ChildProcessError) {
      try WorkerLink.withBytes(of: text) { bytes throws(ChildProcessError) in
        try child.write(bytes, until: deadline)
      }
    } catch {
      throw fault(error)
    }
  }

  private static func withBytes(
    of bytes: [UInt8], _ body: (UnsafeRawBufferPointer) throws(ChildProcessError) -> Void
  ) throws(ChildProcessError) {
    let result = bytes.withUnsafeBytes { bytes in
      Result { () throws(ChildProcessError) in try body(bytes) }
    }
    try result.get()
  }

  /// Asks without waiting; `what` completes "its worker took more than 30 s to …".
  package func ask(_ operation: Operation, _ payload: [UInt8], _ what: String, seconds: Double) throws(GymnasiumError) {
    asked = (what, seconds)
    deadline = Clock.monotonicSeconds() + seconds
    var frame = [UInt8]()
    frame.reserveCapacity(8 + payload.count)
    frame.append(bytesOf: UInt32(payload.count))
    frame += [operation.rawValue, 0, 0, 0]
    frame += payload
    do throws(ChildProcessError) {
      try WorkerLink.withBytes(of: frame) { bytes throws(ChildProcessError) in
        try child.write(bytes, until: deadline)
      }
    } catch {
      // It may have said why.
      if error.reason != nil, let said = try? receive(), said.operation == .error { throw said.error }
      throw fault(error)
    }
  }

  /// Waits for the answer to what was asked; valid until the next one.
  package func take<Value>(_ operation: Operation, _ body: (UnsafeRawBufferPointer) -> Value) throws(GymnasiumError)
    -> Value
  {
    let said: (operation: Operation?, error: GymnasiumError)
    do throws(ChildProcessError) { said = try receive() } catch { throw fault(error) }
    guard said.operation == operation else { throw said.error }
    return answer.withUnsafeBytes(body)
  }

  private func receive() throws(ChildProcessError) -> (operation: Operation?, error: GymnasiumError) {
    var header = [UInt8](repeating: 0, count: 8)
    try read(&header)
    let count = header.withUnsafeBytes { Int($0.load(as: UInt32.self)) }
    let operation = Operation(rawValue: header[4])
    if operation == nil || count > 1 << 30 {
      return (nil, GymnasiumError(kind: .ended, summary: "\(id): what its worker says is no answer"))
    }
    if answer.count != count { answer = [UInt8](repeating: 0, count: count) }
    try read(&answer)
    if operation != .error {
      return (operation, GymnasiumError(kind: .ended, summary: "\(id): its worker answered something else"))
    }
    return (.error, reported(answer))
  }

  private func read(_ bytes: inout [UInt8]) throws(ChildProcessError) {
    let result = bytes.withUnsafeMutableBytes { bytes in
      Result { () throws(ChildProcessError) in try child.read(bytes, until: deadline) }
    }
    try result.get()
  }

  /// Ends the worker, kindly if it listens.
  func close() {
    try? ask(.close, [], "close", seconds: 1)
    child.end()
  }

  deinit { close() }

  /// For tests: the worker's process, and the sudden end of this side of it.
  package var processIdentifier: Int32 { child.identifier }
  package func abandon() { child.abandon() }

  // MARK: Faults

  private func fault(_ error: ChildProcessError) -> GymnasiumError {
    guard let reason = error.reason else {
      let seconds = NumberText.short(asked.seconds)
      return GymnasiumError(
        kind: .hung, summary: "\(id): its worker took more than \(seconds) s to \(asked.what) and was killed",
        printed: child.lastLines)
    }
    return GymnasiumError(
      kind: .ended, summary: "\(id): its worker \(reason) when it was to \(asked.what)", printed: child.lastLines)
  }

  /// An error as the worker reports it.
  private func reported(_ bytes: [UInt8]) -> GymnasiumError {
    let said = (try? JSONParser.parse(bytes))?.object ?? [:]
    let message = said["message"]?.string ?? "an error that cannot be read"
    let trace = said["trace"]?.string?.split(separator: "\n").suffix(20).map(String.init) ?? []
    let place = said["lane"]?.integer.map { "copy \($0)" } ?? "a copy"
    let step = said["step"]?.integer ?? 0
    let doing =
      switch said["doing"]?.string {
      case "step": "step \(step) of the episode of \(place)"
      case "reset": "the reset of \(place)"
      case "restored": "restoring \(place)"
      case "stored": "storing \(place)"
      default: "making it"
      }
    switch said["kind"]?.string {
    case "missing":
      let name = said["module"]?.string ?? "a module"
      let interpreter = "\(said["executable"]?.string ?? python) (\(said["python"]?.string ?? "?"))"
      return GymnasiumError(
        kind: .missing,
        summary: "\(id): the Python at \(interpreter) has no module \"\(name)\"; "
          + GymnasiumPython.remedy(id, module: name),
        printed: child.lastLines)
    case "space": return GymnasiumError(kind: .settings, summary: "\(id): \(message)")
    case "shape", "interface":
      return GymnasiumError(kind: .raised, summary: "\(id): \(doing): \(message)", printed: child.lastLines)
    default:
      let kind: GymnasiumError.Kind = said["doing"]?.string == "made" ? .settings : .raised
      return GymnasiumError(
        kind: kind, summary: "\(id) raised an error in \(doing): \(message)", trace: Array(trace),
        printed: child.lastLines)
    }
  }
}

extension [UInt8] {
  /// Appends the bytes of a number.
  mutating func append<Number>(bytesOf number: Number) {
    Swift.withUnsafeBytes(of: number) { append(contentsOf: $0) }
  }

  /// Appends zeros up to a multiple of eight.
  mutating func pad() { append(contentsOf: repeatElement(0, count: (8 - count % 8) % 8)) }
}
