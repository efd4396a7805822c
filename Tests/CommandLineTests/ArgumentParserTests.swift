import Testing
import mbrl

import Experiments
import Support

@Suite struct ArgumentParserTests {
  static let syntax = CommandSyntax(
    "train", "learn", operands: ["CONFIG.json"], takesSettings: true,
    options: [.init("--seeds", "LIST", "which"), .init("--jobs", "N", "how many"), .init("--quiet", nil, "less")])

  static func parse(_ line: String) throws -> ParsedArguments {
    try syntax.parse(line.split(separator: " ").map(String.init))
  }

  @Test func sortsArguments() throws {
    let parsed = try Self.parse("--seeds 0-4,7 a.json planner.horizon=30 --quiet --jobs=2 model.sizes[0]=3")
    #expect(parsed.operands == ["a.json"])
    #expect(parsed.settings == ["planner.horizon=30", "model.sizes[0]=3"])
    #expect(parsed.values == ["--seeds": "0-4,7", "--jobs": "2"])
    #expect(parsed.has("--quiet"))
    #expect(try parsed.integer("--jobs", in: 1...8) == 2)
    #expect(try parsed.integer("--none", in: 1...8) == nil)
  }

  @Test func afterTwoDashesEverythingIsAnOperand() throws {
    #expect(try Self.parse("-- --odd=name.json").operands == ["--odd=name.json"])
    #expect(try Self.parse("dir/a=b.json").operands == ["dir/a=b.json"])
  }

  @Test func helpNeedsNothingElse() throws {
    #expect(try Self.parse("--help").wantsHelp)
    #expect(try Self.parse("-h").wantsHelp)
  }

  @Test(arguments: [
    ("", "CONFIG.json is missing"),
    ("planner.horizon=3", "CONFIG.json is missing"),
    ("a.json b.json", "unexpected argument \"b.json\""),
    ("a.json --sed 1", "unknown option --sed; did you mean \"--seeds\"?"),
    ("a.json --xyzzy", "unknown option --xyzzy"),
    ("a.json -q", "unknown option -q"),
    ("a.json --seeds", "--seeds needs a value: --seeds LIST"),
    ("a.json --seeds --quiet", "--seeds needs a value: --seeds LIST"),
    ("a.json --seeds=", "--seeds needs a value: --seeds LIST"),
    ("a.json --quiet=1", "--quiet takes no value"),
    ("a.json --jobs 1 --jobs 2", "--jobs is given twice"),
    ("a.json --quiet --quiet", "--quiet is given twice"),
  ])
  func refuses(line: String, message: String) {
    #expect(throws: UsageError(message)) { try Self.parse(line) }
  }

  @Test(arguments: [("1e3", 1000), ("2.5E1", 25), ("7", 7), ("+7", 7)])
  func numbersAsInSettings(text: String, number: Int) throws {
    #expect(try Self.parse("a.json --jobs \(text)").integer("--jobs", in: 1...1000) == number)
  }

  @Test(arguments: ["0", "9", "x", "1.5", "1e-1", "1e9", "true", "[1]", "99999999999999999999"])
  func numbersOutOfRange(text: String) throws {
    let parsed = try Self.parse("a.json --jobs \(text)")
    #expect(throws: UsageError("--jobs: expected a whole number, 1 to 8; found \"\(text)\"")) {
      try parsed.integer("--jobs", in: 1...8)
    }
  }

  @Test(arguments: [
    ("a.json", "--seeds FILE is missing"), ("a.json --seeds -", "--seeds: curves go to a file"),
    ("a.json --seeds /dev/stdout", "--seeds: curves go to a file"),
  ])
  func aFileThatHasToBeNamed(line: String, message: String) throws {
    let parsed = try Self.parse(line)
    #expect(throws: UsageError(message)) { try parsed.file("--seeds", of: "curves") }
    #expect(try Self.parse("a.json --seeds curves.csv").file("--seeds", of: "curves") == "curves.csv")
  }

  @Test func choices() throws {
    let parsed = try Self.parse("a.json --jobs mst")
    #expect(throws: UsageError("--jobs: \"mst\" is not one of auto, must, never; did you mean \"must\"?")) {
      try parsed.choice("--jobs", ResumeMode.self)
    }
  }

  @Test func helpNamesEverything() {
    let help = Self.syntax.helpText
    #expect(help.hasPrefix("mbrl train: learn\n\nusage: mbrl train CONFIG.json [key=value …] [options]\n"))
    for part in ["--seeds LIST", "--jobs N", "--quiet", "--help", "exit codes:"] { #expect(help.contains(part)) }
    #expect(help.split(separator: "\n").allSatisfy { $0.count <= 80 })
  }
}

/// What is said about arguments that a command does not take, and that it is taken when it is followed.
@Suite struct ArgumentAdviceTests {
  @Test(arguments: [
    ("a.json --steps 500", "unknown option --steps; for a setting write training.environmentSteps=500"),
    ("a.json --horizon=5", "unknown option --horizon; for a setting write planner.horizon=5"),
    (
      "a.json --environment-steps",
      "unknown option --environment-steps; for a setting write training.environmentSteps=VALUE"
    ),
    ("a.json planner.horizon 30", "unexpected argument \"planner.horizon\"; for a setting write planner.horizon=30"),
    ("a.json planner.horizn 30", "unexpected argument \"planner.horizn\"; for a setting write planner.horizon=30"),
    ("a.json planner.horizon: 30", "unexpected argument \"planner.horizon:\"; for a setting write planner.horizon=30"),
    (
      "a.json model.hiddenSizes=[64, 32]",
      "unexpected argument \"32]\"; the shell splits at spaces: write model.hiddenSizes=[64,32]"
    ),
  ])
  func whatToWriteInstead(line: String, message: String) throws {
    #expect(throws: UsageError(message)) { try ArgumentParserTests.parse(line) }
    let setting = String(message.split(separator: "write ").last ?? "")
    #expect(try ArgumentParserTests.parse("a.json \(setting)").settings == [setting])
    if setting.hasSuffix("VALUE") { return }
    let configuration: JSON = ["environment": ["id": "Pendulum-v1"], "agent": ["type": "pets"]]
    _ = try ExperimentFile.read(configuration, name: "x", source: "x", overrides: [setting])
  }

  @Test func aTildeRemovesASetting() throws {
    #expect(try ArgumentParserTests.parse("a.json ~planner.elites").settings == ["~planner.elites"])
    #expect(try ArgumentParserTests.parse("~/a.json").operands == ["~/a.json"])
  }

  /// Every setting that has a name of its own is found by it, and no word that is none.
  @Test func settingsByTheirWords() {
    #expect(SettingCatalogue.paths.count > 80)
    for (word, path) in [
      ("steps", "training.environmentSteps"), ("population", "planner.population"),
      ("hidden-sizes", "model.hiddenSizes"),
      ("PLANNER.HORIZON", "planner.horizon"), ("step_limit", "environment.stepLimit"),
    ] { #expect(SettingCatalogue.meant(word) == path) }
    for word in ["", "x", "xyzzy", "b.json"] { #expect(SettingCatalogue.meant(word) == nil) }
    for path in SettingCatalogue.paths { #expect(SettingCatalogue.named(path) == path) }
  }
}
