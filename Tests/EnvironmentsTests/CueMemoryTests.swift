import Environments
import Support
import Testing

/// The reward of every cue and choice, when it comes, and what is seen on the way.
struct CueMemoryTests {
  @Test(arguments: [CueMemory.Configuration.Choice.match, .offer])
  func rewardOfEveryChoice(choice: CueMemory.Configuration.Choice) throws {
    var configuration = CueMemory.Configuration()
    (configuration.choice, configuration.delay) = (choice, 3)
    var cues: Set<Float> = []
    for seed in 0..<8 as Range<UInt64> {
      for chosen in 0..<2 {
        var environment = CueMemory(configuration)
        environment.reset(seed: seed)
        var seen: [Float] = []
        var outcomes: [Outcome] = []
        for _ in 0...3 {
          let observation = FloatBuffer(count: 2)
          environment.observe(into: observation.memory)
          seen += observation.memory
          outcomes.append(try environment.step(.discrete(chosen)))
        }
        let cue = seen[0]
        cues.insert(cue)
        #expect(seen == [cue, 0, 0, 0, 0, 0, 0, 1])
        #expect(outcomes.map(\.isTerminated) == [false, false, false, true])
        let expected: Double =
          switch (choice, cue > 0, chosen) {
          case (.match, true, 1), (.match, false, 0), (.offer, true, 1): 1
          case (.match, _, _), (.offer, false, 1): -1
          default: 0
          }
        #expect(outcomes.map(\.reward) == [0, 0, 0, expected])
      }
    }
    #expect(cues == [-1, 1])
  }
}
