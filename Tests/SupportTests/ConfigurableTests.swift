import Support
import Testing

private enum Flavour: String, CaseIterable { case sweet, sour }

private struct Inner: Configurable {
  var depth = 3
  var rate = 0.5
  mutating func declare(_ fields: Fields) {
    fields.integer("depth", &depth, in: 1...Int.max, "levels")
    fields.number("rate", &rate, in: 0...1, aboveLowerBound: true, "per step")
  }
}

private struct Sample: Configurable {
  var steps = 1000
  var learningRate = 3e-4
  var isOn = false
  var name = "x"
  var flavour = Flavour.sweet
  var kind = "cem"
  var hidden = [200, 200]
  var bounds = [0.0, 1.0]
  var inner = Inner()

  mutating func declare(_ fields: Fields) {
    fields.integer("steps", &steps, in: 1...1_000_000, "how long")
    fields.number("learningRate", &learningRate, in: 0...Double.infinity, aboveLowerBound: true, "Adam's")
    fields.flag("isOn", &isOn, "whether")
    fields.text("name", &name, "called")
    fields.choice("flavour", &flavour, alsoCalled: ["acid": .sour], "taste")
    fields.choice("kind", &kind, from: ["cem", "mppi"], "planner")
    fields.integers("hidden", &hidden, each: 1...4096, count: 1...4, "widths")
    fields.numbers("bounds", &bounds, each: -1...1, count: 2...2, "limits")
    fields.section("inner", &inner, "within")
    if !hidden.isEmpty, hidden.count > inner.depth { fields.fault("hidden", "deeper than inner.depth") }
  }
}

struct ConfigurableTests {
  private func read(_ text: String, overrides: [String] = []) -> (value: Sample, fields: Fields) {
    var object = try! JSONParser.parse(text).object!
    let (overridden, faults) = Overrides.apply(overrides, to: &object)
    #expect(faults.isEmpty)
    var value = Sample()
    let fields = Fields.read(&value, from: object, overridden: overridden)
    return (value, fields)
  }

  @Test func everyKindIsRead() {
    let (value, fields) = read(
      #"""
      {"steps": 1e6, "learningRate": 1, "isOn": true, "name": "n", "flavour": "sour", "kind": "mppi",
       "hidden": [64], "bounds": [-1, 0.25], "inner": {"depth": 2, "rate": 1e-3}}
      """#)
    #expect(fields.faults.isEmpty)
    #expect(value.steps == 1_000_000 && value.learningRate == 1 && value.isOn && value.name == "n")
    #expect(value.flavour == .sour && value.kind == "mppi" && value.hidden == [64] && value.bounds == [-1, 0.25])
    #expect(value.inner.depth == 2 && value.inner.rate == 0.001)
  }

  /// Another word for a choice is read, and shown by its name.
  @Test func anotherWord() {
    let (value, fields) = read(#"{"flavour": "acid"}"#)
    #expect(fields.faults.isEmpty && value.flavour == .sour)
    #expect(fields.entries.first { $0.path == "flavour" }?.value == "sour")
    let overridden = read("{}", overrides: ["flavour=acid"])
    #expect(overridden.value.flavour == .sour)
    #expect(overridden.fields.entries.first { $0.path == "flavour" }?.provenance == .override)
  }

  /// One setting wrong at a time, with the whole message.
  @Test(arguments: [
    (#"{"steps": 0}"#, "steps: 0 is out of range; allowed: 1 to 1000000"),
    (#"{"steps": 1.5}"#, "steps: expected a whole number, found 1.5; allowed: 1 to 1000000"),
    (#"{"steps": 1e400}"#, "steps: expected a whole number, found 1e400; allowed: 1 to 1000000"),
    (#"{"steps": "10"}"#, #"steps: expected a whole number, found "10"; allowed: 1 to 1000000"#),
    (#"{"steps": null}"#, "steps: expected a whole number, found null; allowed: 1 to 1000000"),
    (#"{"learningRate": 0}"#, "learningRate: 0 is out of range; allowed: more than 0"),
    (#"{"learningRate": 1e400}"#, "learningRate: 1e400 is too large for a number; allowed: more than 0"),
    (#"{"learningRate": []}"#, "learningRate: expected a number, found an array; allowed: more than 0"),
    (#"{"isOn": 1}"#, "isOn: expected true or false, found 1"),
    (#"{"name": 3}"#, "name: expected a string, found 3"),
    (#"{"flavour": "swet"}"#, #"flavour: "swet" is not one of "sweet", "sour"; did you mean "sweet"?"#),
    (#"{"kind": true}"#, #"kind: expected one of "cem", "mppi", found true"#),
    (#"{"hidden": [1, 0.5]}"#, "hidden[1]: expected a whole number, found 0.5; allowed: 1 to 4096"),
    (#"{"hidden": [0]}"#, "hidden[0]: 0 is out of range; allowed: 1 to 4096"),
    (#"{"hidden": []}"#, "hidden: has 0 elements; expected 1 to 4"),
    (#"{"hidden": 64}"#, "hidden: expected an array of whole numbers, found 64"),
    (#"{"hidden": [1, 1, 1, 1]}"#, "hidden: deeper than inner.depth"),
    (#"{"bounds": [0]}"#, "bounds: has 1 elements; expected 2"),
    (#"{"bounds": [0, 2]}"#, "bounds[1]: 2 is out of range; allowed: -1 to 1"),
    (#"{"inner": 3}"#, "inner: expected an object, found 3"),
    (#"{"inner": {"depth": 0}}"#, "inner.depth: 0 is out of range; allowed: 1 or more"),
    (#"{"inner": {"rate": 0}}"#, "inner.rate: 0 is out of range; allowed: more than 0, up to 1"),
    (#"{"inner": {"dpeth": 1}}"#, #"inner.dpeth: unknown setting; did you mean "depth"?"#),
    (#"{"inner": {"zzz": 1}}"#, "inner.zzz: unknown setting; known here: depth, rate"),
    (#"{"Steps": 5}"#, #"Steps: unknown setting; did you mean "steps"?"#),
  ])
  func oneMistake(text: String, message: String) {
    #expect(read(text).fields.faults.map(\.description) == [message])
  }

  @Test func allMistakesAtOnce() {
    let (value, fields) = read(
      #"{"stps": 1, "steps": "a", "learningRate": -1, "inner": {"depth": true, "extra": {}}, "bounds": [2, 3]}"#)
    #expect(
      fields.faults.map(\.path) == [
        "steps", "learningRate", "bounds[0]", "bounds[1]", "inner.depth", "inner.extra", "stps",
      ])
    // A wrong value leaves the default.
    #expect(value.steps == 1000 && value.learningRate == 3e-4 && value.inner.depth == 3)
  }

  @Test func provenance() {
    let (_, fields) = read(
      #"{"steps": 5, "inner": {"depth": 4}, "hidden": [1, 2]}"#,
      overrides: ["inner.rate=0.25", "name=abc", "hidden.0=7"])
    let sources = Dictionary(uniqueKeysWithValues: fields.entries.map { ($0.path, $0.provenance) })
    #expect(sources["steps"] == .file)
    #expect(sources["learningRate"] == .standard)
    #expect(sources["inner.depth"] == .file)
    #expect(sources["inner.rate"] == .override)
    #expect(sources["name"] == .override)
    #expect(sources["hidden"] == .override)
    #expect(fields.entries.map(\.path).suffix(2) == ["inner.depth", "inner.rate"])
    #expect(fields.entries.first?.help == "how long")
  }

  /// What a word of the command line is, the setting decides: text, or the JSON that it looks like.
  @Test func wordsAreWhatTheSettingIs() {
    let (value, fields) = read(
      #"{"steps": 5, "learningRate": 1}"#, overrides: ["name=true", "isOn=true", "steps=1e3", "learningRate=null"])
    #expect(fields.faults.isEmpty, "\(fields.faults)")
    #expect(value.name == "true" && value.isOn && value.steps == 1000 && value.learningRate == 3e-4)
    for (word, name) in [("1", "1"), ("null", "null"), ("false", "false"), ("\"a b\"", "a b"), (" 1.50 ", "1.50")] {
      #expect(read("{}", overrides: ["name=\(word)"]).value.name == name)
    }
    #expect(
      read("{}", overrides: ["flavour=1", "steps=x"]).fields.faults.map(\.description) == [
        #"steps: expected a whole number, found "x"; allowed: 1 to 1000000"#,
        #"flavour: "1" is not one of "sweet", "sour""#,
      ])
    #expect(
      read("{}", overrides: ["stesp=null"]).fields.faults.map(\.description) == [
        #"stesp: unknown setting; did you mean "steps"?"#
      ])
    let sources = Dictionary(uniqueKeysWithValues: fields.entries.map { ($0.path, $0.provenance) })
    #expect(sources["name"] == .override && sources["learningRate"] == .standard)
  }

  /// A warning comes where somebody chose a setting that nothing reads, and once for a whole section.
  @Test func settingsThatNothingReads() {
    func warnings(_ text: String, _ overrides: [String] = []) -> [String] {
      let fields = read(text, overrides: overrides).fields
      fields.unused("steps", because: "of a test")
      fields.unused("inner.rate", because: "of a part")
      fields.unused("inner", because: "of a whole")
      return fields.warnings.map(\.description)
    }
    #expect(warnings("{}") == [])
    #expect(warnings(#"{"steps": 1000, "inner": {"rate": 0.5}}"#) == [], "defaults written out")
    #expect(warnings(#"{"steps": 7}"#) == ["steps: has no effect: of a test"])
    #expect(warnings("{}", ["steps=1000"]) == ["steps: has no effect: of a test"])
    #expect(warnings(#"{"inner": {"rate": 0.25}}"#) == ["inner: has no effect: of a whole"])
  }

  @Test func everyDefaultIsWrittenOutInDeclarationOrder() {
    let (_, fields) = read(#"{"inner": {"rate": 0.25}, "steps": 1e3}"#)
    #expect(
      JSON.object(fields.resolved).compactText
        == #"{"steps":1000,"learningRate":0.0003,"isOn":false,"name":"x","flavour":"sweet","kind":"cem","hidden":[200,200],"bounds":[0,1],"inner":{"depth":3,"rate":0.25}}"#
    )
    // The resolved object is itself a valid configuration with the same values.
    var again = Sample()
    let second = Fields.read(&again, from: fields.resolved)
    #expect(second.faults.isEmpty && second.resolved == fields.resolved)
  }

  @Test func schema() {
    let properties = read("{}").fields.schema["properties"]!.object!
    #expect(
      properties["steps"]!.compactText
        == #"{"type":"integer","minimum":1,"maximum":1000000,"default":1000,"description":"how long"}"#)
    #expect(
      properties["learningRate"]!.compactText
        == #"{"type":"number","exclusiveMinimum":0,"default":0.0003,"description":"Adam's"}"#)
    #expect(
      properties["flavour"]!.compactText
        == #"{"enum":["sweet","sour","acid"],"default":"sweet","description":"taste"}"#)
    #expect(
      properties["hidden"]!.compactText
        == #"{"type":"array","items":{"type":"integer","minimum":1,"maximum":4096},"minItems":1,"maxItems":4,"default":[200,200],"description":"widths"}"#
    )
    #expect(
      properties["inner"]!.compactText
        == #"{"description":"within","type":"object","additionalProperties":false,"properties":{"depth":{"type":"integer","minimum":1,"default":3,"description":"levels"},"rate":{"type":"number","exclusiveMinimum":0,"maximum":1,"default":0.5,"description":"per step"}}}"#
    )
  }

  @Test func longValuesAreClippedInMessages() {
    let digits = String(repeating: "9", count: 100_000)
    let faults = read("{\"steps\": \(digits)}").fields.faults
    #expect(faults.count == 1 && faults[0].message.utf8.count < 150)
  }
}

struct SuggestionTests {
  @Test(
    arguments: [
      ("popluation", "population"), ("Horizon", "horizon"), ("horizn", "horizon"), ("xyz", nil), ("h", nil), ("", nil),
      ("horizonhorizon", nil),
    ] as [(String, String?)])
  func nearest(typed: String, known: String?) {
    #expect(Suggestion.nearest(typed, among: ["population", "horizon", "z"]) == known)
  }

  @Test func text() {
    #expect(Suggestion.didYouMean("stepps", among: ["seed", "steps"]) == "; did you mean \"steps\"?")
    #expect(Suggestion.didYouMean("q", among: ["seed", "steps"]) == "")
  }
}
