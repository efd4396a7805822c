import Support
import Testing

import Experiments

/// An alarm reaches whoever watches the run, once per session, and changes no byte of it.
@Suite struct AlarmRunTests {
  @Test func anAlarmIsToldOnce() throws {
    var alarmed = try Bench(Bench.small)
    alarmed.agent = ScriptedAgent.Configuration { _, step in step >= 40 ? .alarm : .learn }
    #expect(try alarmed.train().exitCode == .success)
    #expect(alarmed.recorder.warnings == ["at step 40 the script says so"])
    #expect(text("\(try alarmed.seed())/log.txt").contains("warning: at step 40 the script says so"))
    let silent = try Bench(Bench.small)
    try silent.train()
    #expect(silent.recorder.warnings.isEmpty)
    #expect(try reproducible(try silent.seed()) == reproducible(try alarmed.seed()))
  }

  /// Another session says it again, where it is still so.
  @Test func anotherSessionIsToldAgain() throws {
    var bench = try Bench(Bench.small)
    bench.agent = ScriptedAgent.Configuration { _, step in step >= 40 ? .alarm : .learn }
    #expect(try bench.train(stop: once(.step(60))).exitCode == .interrupted)
    #expect(try bench.train().exitCode == .success)
    #expect(bench.recorder.warnings == ["at step 40 the script says so", "at step 61 the script says so"])
  }
}
