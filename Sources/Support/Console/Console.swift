import Foundation

/// Where the program speaks: results on standard output; progress, notes, warnings and errors on standard error.
///
/// Progress is one line per slot (a seed). On a terminal the lines are redrawn in place under everything else;
/// elsewhere each slot prints a plain line every 30 seconds. May be used from any thread.
package final class Console: Sendable {
  /// A slot prints a plain line this often, in seconds, where lines cannot be redrawn.
  package static let plainInterval = 30.0
  /// Live lines are redrawn at most this often, in seconds.
  package static let liveInterval = 0.1

  private struct Slot {
    var number: Int
    var line: String
    var lastPrinted: Double
  }

  private struct State {
    /// By slot number.
    var slots: [Slot] = []
    /// Live lines on the screen above the cursor.
    var drawn = 0
    var lastDrawn = -Double.infinity
    var outputFault: FileError?
  }

  private let output: Int32
  private let errors: Int32
  private let terminal: Terminal
  private let isQuiet: Bool
  /// Whether results land between the live lines.
  private let sharesScreen: Bool
  private let clock: @Sendable () -> Double
  private let state = Guarded(State())

  /// - Parameters:
  ///   - output: descriptor for results.
  ///   - errors: descriptor for everything else; `terminal` says what it can show.
  ///   - isQuiet: leaves out progress and notes; warnings and errors stay.
  ///   - clock: seconds, never going back.
  package init(
    output: Int32 = 1, errors: Int32 = 2, terminal: Terminal = Terminal(2), isQuiet: Bool = false,
    clock: @escaping @Sendable () -> Double = Clock.monotonicSeconds
  ) {
    (self.output, self.errors, self.terminal, self.isQuiet) = (output, errors, terminal, isQuiet)
    sharesScreen = terminal.isLive && isatty(output) == 1
    self.clock = clock
  }

  /// Why results could not be written, the first time; after it nothing more is written to standard output.
  package var outputFault: FileError? { state.withLock(\.outputFault) }

  /// Whether the reader of standard output has gone (`mbrl … | head`): time to end quietly.
  package var isOutputClosed: Bool { outputFault?.code == EPIPE }

  /// Finds out whether standard output takes anything at all, for work whose results would be lost otherwise.
  package func tryOutput() {
    state.withLock { state in
      guard Foundation.write(output, "", 0) < 0, errno != EAGAIN, errno != EINTR else { return }
      state.outputFault = FileError(path: "standard output", operation: "write to", code: errno)
    }
  }

  // MARK: Lines

  /// A result, on standard output.
  package func result(_ line: String) {
    state.withLock { state in
      guard state.outputFault == nil else { return }
      if sharesScreen { erase(&state) }
      if let code = Console.write(line + "\n", to: output) {
        state.outputFault = FileError(path: "standard output", operation: "write to", code: code)
      }
      if sharesScreen { draw(&state) }
    }
  }

  /// Something worth knowing, unless quiet.
  package func note(_ line: String) {
    if !isQuiet { print(Terminal.harmless(line)) }
  }

  /// Something that may be wrong; shown even when quiet.
  package func warning(_ line: String) { print(terminal.paint("warning:", .yellow) + " " + Terminal.harmless(line)) }

  /// What went wrong; shown even when quiet.
  package func error(_ line: String) { print(terminal.paint("error:", .red) + " " + Terminal.harmless(line)) }

  // MARK: Progress

  /// Sets a slot's line. Cheap: most calls only keep the text.
  package func update(slot: Int, line: String) {
    guard !isQuiet else { return }
    let now = clock()
    state.withLock { state in
      let index = state.slots.firstIndex { $0.number >= slot } ?? state.slots.count
      if index < state.slots.count, state.slots[index].number == slot {
        state.slots[index].line = line
      } else {
        state.slots.insert(Slot(number: slot, line: line, lastPrinted: now), at: index)
      }
      if terminal.isLive {
        guard now - state.lastDrawn >= Console.liveInterval else { return }
        state.lastDrawn = now
        erase(&state)
        draw(&state)
      } else if now - state.slots[index].lastPrinted >= Console.plainInterval {
        state.slots[index].lastPrinted = now
        _ = Console.write(Terminal.harmless(line) + "\n", to: errors)
      }
    }
  }

  /// Prints a slot's last line to stay and forgets the slot.
  package func finish(slot: Int, line: String) {
    if !isQuiet { print(Terminal.harmless(line), insteadOf: slot) }
  }

  /// Takes a slot's line away.
  package func remove(slot: Int) {
    state.withLock { state in
      erase(&state)
      state.slots.removeAll { $0.number == slot }
      draw(&state)
    }
  }

  // MARK: Drawing

  /// A line that stays, above the live ones.
  private func print(_ line: String, insteadOf slot: Int? = nil) {
    state.withLock { state in
      erase(&state)
      state.slots.removeAll { $0.number == slot }
      _ = Console.write(line + "\n", to: errors)
      draw(&state)
    }
  }

  private func erase(_ state: inout State) {
    guard state.drawn > 0 else { return }
    _ = Console.write("\u{1B}[\(state.drawn)A\r\u{1B}[J", to: errors)
    state.drawn = 0
  }

  private func draw(_ state: inout State) {
    guard terminal.isLive, !state.slots.isEmpty else { return }
    let size = terminal.size
    // The whole block must fit on the screen, or the cursor could not come back to its start.
    let room = max(1, size.rows - 2)
    let shown = state.slots.count <= room ? state.slots.count : max(1, room - 1)
    var lines = state.slots.prefix(shown).map { Terminal.clipped($0.line, columns: size.columns - 1) }
    if state.slots.count > shown, room > 1 { lines.append("… and \(state.slots.count - shown) more") }
    _ = Console.write(lines.map { terminal.paint($0, .dim) + "\n" }.joined(), to: errors)
    state.drawn = lines.count
  }

  /// Writes everything; the error number where that fails.
  private static func write(_ text: String, to descriptor: Int32) -> Int32? {
    var text = text
    return text.withUTF8 { bytes in
      var done = 0
      while done < bytes.count {
        let count = Foundation.write(descriptor, bytes.baseAddress! + done, bytes.count - done)
        if count >= 0 {
          done += count
        } else if errno == EAGAIN {
          var wait = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
          poll(&wait, 1, 1000)
        } else if errno != EINTR {
          return errno
        }
      }
      return nil
    }
  }
}
