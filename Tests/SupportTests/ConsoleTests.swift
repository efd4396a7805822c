import Foundation
import Support
import TestSupport
import Testing

struct ConsoleTests {
  private let plain = Terminal(isLive: false, hasColour: false)
  private let live = Terminal(isLive: true, hasColour: false, columns: 20, rows: 6)

  @Test func resultsAndMessagesGoApart() {
    let stage = ConsoleStage()
    let console = stage.console(plain)
    console.result("{\"a\":1}")
    console.note("a note")
    console.warning("mind \u{1B}[2J this")
    console.error("broken\nin two lines")
    #expect(stage.results == "{\"a\":1}\n")
    #expect(stage.messages == "a note\nwarning: mind \u{FFFD}[2J this\nerror: broken\nin two lines\n")
    #expect(console.outputFault == nil)
  }

  @Test func quietKeepsWarnings() {
    let stage = ConsoleStage()
    let console = stage.console(live, isQuiet: true)
    console.update(slot: 0, line: "seed 0")
    console.finish(slot: 0, line: "seed 0 done")
    console.note("n")
    console.warning("w")
    #expect(stage.messages == "warning: w\n")
  }

  @Test func plainProgressEveryThirtySeconds() {
    let stage = ConsoleStage()
    let console = stage.console(plain)
    for second in 0..<100 {
      console.update(slot: 1, line: "seed 1: \(second)")
      if second >= 15 { console.update(slot: 0, line: "seed 0: \(second)") }
      stage.advance(1)
    }
    console.finish(slot: 1, line: "seed 1 done")
    #expect(
      stage.messages == """
        seed 1: 30
        seed 0: 45
        seed 1: 60
        seed 0: 75
        seed 1: 90
        seed 1 done

        """)
  }

  @Test func liveLinesAreRedrawnInPlace() {
    let stage = ConsoleStage()
    let console = stage.console(live)
    console.update(slot: 1, line: "one")
    console.update(slot: 0, line: "zero")  // too soon to draw
    stage.advance(0.2)
    console.update(slot: 1, line: "one, a line that is too long\n")
    console.note("note")
    console.finish(slot: 0, line: "zero done")
    #expect(
      stage.messages == """
        one
        \u{1B}[1A\r\u{1B}[Jzero
        one, a line that i…
        \u{1B}[2A\r\u{1B}[Jnote
        zero
        one, a line that i…
        \u{1B}[2A\r\u{1B}[Jzero done
        one, a line that i…

        """)
  }

  @Test func moreSlotsThanTheScreenHasRows() {
    let stage = ConsoleStage()
    let console = stage.console(live)
    for slot in 0..<10 {
      stage.advance(1)
      console.update(slot: slot, line: "seed \(slot)")
    }
    #expect(stage.messages.hasSuffix("\u{1B}[4A\r\u{1B}[Jseed 0\nseed 1\nseed 2\n… and 7 more\n"))
  }

  @Test func aClosedPipeEndsQuietly() {
    Signals.ignoreWriteSignals()
    var ends: [Int32] = [0, 0]
    #expect(pipe(&ends) == 0)
    close(ends[0])
    let console = Console(output: ends[1], errors: ends[1], terminal: plain) { 0 }
    #expect(!console.isOutputClosed)
    console.result("x")
    console.result("y")
    #expect(console.isOutputClosed)
    console.error("z")
    close(ends[1])
  }

  @Test func aFullDiskIsKept() throws {
    guard FileSystem.kind(of: "/dev/full") == .other else { return }
    let file = try OpenFile.updating("/dev/full")
    let console = Console(output: file.descriptor, errors: file.descriptor, terminal: plain) { 0 }
    console.result("x")
    #expect(console.outputFault?.description == "cannot write to standard output: No space left on device")
    #expect(!console.isOutputClosed)
  }

  @Test func manyThreadsWriteWholeLines() {
    let stage = ConsoleStage()
    let console = stage.console(plain)
    DispatchQueue.concurrentPerform(iterations: 8) { thread in
      for line in 0..<50 {
        console.result("thread \(thread) line \(line)")
        console.update(slot: thread, line: "x")
      }
    }
    let lines = stage.results.split(separator: "\n")
    #expect(lines.count == 400 && lines.allSatisfy { $0.wholeMatch(of: /thread \d line \d+/) != nil })
  }
}

struct TerminalTests {
  @Test func coloursAndRedrawing() {
    func terminal(_ isTerminal: Bool, _ noColour: Bool, _ environment: [String: String]) -> (Bool, Bool) {
      let terminal = Terminal(1, isTerminal: isTerminal, noColour: noColour, environment: environment)
      return (terminal.isLive, terminal.hasColour)
    }
    #expect(terminal(true, false, ["TERM": "xterm"]) == (true, true))
    #expect(terminal(true, true, ["TERM": "xterm"]) == (true, false))
    #expect(terminal(true, false, ["TERM": "xterm", "NO_COLOR": "1"]) == (true, false))
    #expect(terminal(true, false, ["TERM": "xterm", "NO_COLOR": ""]) == (true, true))
    #expect(terminal(true, false, ["TERM": "dumb"]) == (false, false))
    #expect(terminal(true, false, [:]) == (false, false))
    #expect(terminal(false, false, ["TERM": "xterm"]) == (false, false))
    #expect(Terminal(isLive: true, hasColour: true).paint("x", .red) == "\u{1B}[31mx\u{1B}[0m")
    #expect(Terminal(isLive: true, hasColour: false).paint("x", .red) == "x")
    #expect(Terminal(-1, environment: [:]).size == (80, 24))
  }

  @Test func linesAreClipped() {
    #expect(Terminal.clipped("abcdef", columns: 6) == "abcdef")
    #expect(Terminal.clipped("abcdefg", columns: 6) == "abcde…")
    #expect(Terminal.clipped("a\tb\u{1B}c\r\n", columns: 9) == "a b c ")
    #expect(Terminal.clipped("ab", columns: 0) == "…")
  }
}
