import Support
import Testing

import Experiments

@Suite struct SeedListTests {
  @Test(arguments: [
    ("0", [0]), ("0-4,7", [0, 1, 2, 3, 4, 7]), ("3,1", [3, 1]), ("9007199254740991", [9_007_199_254_740_991]),
  ])
  func reads(text: String, seeds: [Int]) throws {
    #expect(try SeedList.parse(text) == seeds)
  }

  @Test(arguments: [
    ("", "\"\" is neither a seed nor a range; write them as in 0-4,7"),
    ("1,", "\"\" is neither a seed nor a range; write them as in 0-4,7"),
    ("4-1", "\"4-1\" is neither a seed nor a range; write them as in 0-4,7"),
    ("-1", "\"-1\" is neither a seed nor a range; write them as in 0-4,7"),
    ("+1", "\"+1\" is neither a seed nor a range; write them as in 0-4,7"),
    ("1.5", "\"1.5\" is neither a seed nor a range; write them as in 0-4,7"),
    ("0-3,2", "seed 2 stands there twice"),
    ("0-9007199254740991", "\"0-9007199254740991\" has more than 10000 seeds"),
  ])
  func refuses(text: String, message: String) {
    #expect(throws: Fault(message: message)) { try SeedList.parse(text) }
  }
}
