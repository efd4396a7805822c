import Experiments
import Reports
import Support
import Testing

/// What `mbrl inspect` shows with and without --all.
@Suite struct InspectionTests {
  @Test func allShowsTheRest() throws {
    let bench = try InterruptedFitTests.bench()
    try bench.train()
    let inspection = try Inspection("\(try bench.seed())/checkpoints/latest")
    let (tensors, scalars) = (inspection.checkpoint.tensors, inspection.checkpoint.manifest.scalars)
    let (brief, all) = (inspection.lines(), inspection.lines(all: true))
    func names(_ lines: [String]) -> Set<String> {
      Set(lines.compactMap { $0.split(separator: " ").first.map(String.init) })
    }
    #expect(tensors.contains { !$0.tensor.isWeight })
    for (name, tensor) in tensors {
      #expect(names(all).contains(name), "\(name)")
      #expect(names(brief).contains(name) == tensor.isWeight, "\(name)")
    }
    #expect(all.contains("counters") && !brief.contains("counters"))
    let counter = try #require(scalars.first { $0.name == "run.isUnlearned" })
    #expect(all.contains { $0.hasPrefix("  \(counter.name)") && $0.hasSuffix(" false") })
    #expect(!brief.contains { $0.contains(counter.name) })
    let rest = tensors.count { !$0.tensor.isWeight }
    #expect(brief.last?.hasPrefix("\(rest) tensors of other state, ") == true)
    #expect(brief.last?.hasSuffix(": --all shows them") == true && all.allSatisfy { !$0.hasSuffix("--all shows them") })
  }
}
