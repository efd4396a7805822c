import Support
import Testing

struct OverridesTests {
  private func apply(_ arguments: [String], to text: String = "{}") -> (text: String, paths: [String], faults: [String])
  {
    var object = try! JSONParser.parse(text).object!
    let (changes, faults) = Overrides.apply(arguments, to: &object)
    return (JSON.object(object).compactText, changes.paths.sorted(), faults.map(\.description))
  }

  @Test(arguments: [
    ("a=1", #"{"a":1}"#), ("a=1e6", #"{"a":1e6}"#), ("a=sac", #"{"a":"sac"}"#), ("a=\"x y\"", #"{"a":"x y"}"#),
    ("a=x=y", #"{"a":"x=y"}"#), ("a=true", #"{"a":true}"#), ("a=null", "{}"), ("a=\"\"", #"{"a":""}"#),
    ("a=[1, 2]", #"{"a":[1,2]}"#), ("a={\"b\": 1}", #"{"a":{"b":1}}"#), ("a.b.c=0.5", #"{"a":{"b":{"c":0.5}}}"#),
    ("a=CartPole-v1", #"{"a":"CartPole-v1"}"#), ("a=1.5x", #"{"a":"1.5x"}"#), ("a= 7 ", #"{"a":7}"#),
    ("a=/tmp/x", #"{"a":"/tmp/x"}"#), ("a=#1", ##"{"a":"#1"}"##), ("a='b'", #"{"a":"'b'"}"#),
  ])
  func values(argument: String, result: String) {
    let (text, _, faults) = apply([argument])
    #expect(text == result)
    #expect(faults.isEmpty)
  }

  @Test func pathsAreLeaves() {
    let (text, paths, faults) = apply(
      ["a.b=1", "c={\"d\": {\"e\": 1}, \"f\": [1]}", "l[1]=6", "l.0=5", "k.0=8", "n[0].m=7", "a.b=2"],
      to: #"{"l":[1,2],"n":[{"m":0}],"a":{"x":0},"k":[0]}"#)
    #expect(faults.isEmpty)
    #expect(text == #"{"l":[5,6],"n":[{"m":7}],"a":{"x":0,"b":2},"k":[8],"c":{"d":{"e":1},"f":[1]}}"#)
    #expect(paths == ["a.b", "c.d.e", "c.f", "k", "l", "n"])
  }

  @Test func aValueReplacesWhatStoodThere() {
    let (text, paths, _) = apply(["a.b=1", "a={\"c\":2}"], to: #"{"a":{"x":0}}"#)
    #expect(text == #"{"a":{"c":2}}"#)
    #expect(paths == ["a.c"])
  }

  @Test(arguments: [
    ("a", "\"a\" has no '='; write key.path=value"),
    ("=x", "\"=x\" has no key before the '='; write key.path=value"),
    ("a..b=1", "\"a..b\" has an empty name in its path; write key.path=value"),
    (".a=1", "\".a\" has an empty name in its path; write key.path=value"),
    ("a.=1", "\"a.\" has an empty name in its path; write key.path=value"),
    ("a=", "a: no value after the '='; for an empty text write a='\"\"'"),
    ("a.b=  ", "a.b: no value after the '='; for an empty text write a.b='\"\"'"),
    (
      "a=[1,",
      "a: the value is no valid JSON: line 1, column 4: the document ends inside the array of line 1, column 1; expected a value"
    ),
    (
      "a={x:1}",
      "a: the value is no valid JSON: line 1, column 2: expected a key in double quotes or '}', found x; write \"x\""
    ),
    (
      "a=\"x",
      "a: the value is no valid JSON: line 1, column 3: the document ends inside the string of line 1, column 1; expected '\"'"
    ),
    ("n.x=1", "n: is a number, so n.x cannot be set"),
    ("n[0]=1", "n: is a number, so n[0] cannot be set"),
    ("s.x.y=1", "s: is a string, so s.x cannot be set"),
    ("l.x=1", "l: is an array; write l[0]=… for its first element"),
    ("l.2=1", "l[2]: there is no such element; its last element is [1]"),
    ("l[9]=1", "l[9]: there is no such element; its last element is [1]"),
    ("e[0]=1", "e[0]: there is no such element; it is empty"),
    ("l[99999999999999999999]=1", "\"l[99999999999999999999]\" has a malformed index; write name[0]=value"),
    ("l[x]=1", "\"l[x]\" has a malformed index; write name[0]=value"),
    ("l[0=1", "\"l[0\" has a malformed index; write name[0]=value"),
    ("l[]=1", "\"l[]\" has a malformed index; write name[0]=value"),
    ("[0]=1", "\"[0]\" has an empty name in its path; write key.path=value"),
    ("l.0.x=1", "l[0]: is a number, so l[0].x cannot be set"),
    ("new.0=1", "new: the file sets no such array; write the whole array, new=[…]"),
  ])
  func mistakes(argument: String, message: String) {
    let document = #"{"n":1,"s":"t","l":[1,2],"e":[]}"#
    let (text, paths, faults) = apply([argument], to: document)
    #expect(faults == [message])
    #expect(text == document)
    #expect(paths.isEmpty)
  }

  /// null and ~ remove what stands there; what is removed twice, or was never there, is a mistake.
  @Test(arguments: [
    (["a.x=null"], #"{"a":{"y":2},"l":[1,2]}"#, []), (["~a.x"], #"{"a":{"y":2},"l":[1,2]}"#, []),
    (["a=null"], #"{"l":[1,2]}"#, []), (["~a.x", "a.x=3"], #"{"a":{"y":2,"x":3},"l":[1,2]}"#, ["a.x"]),
    (["a.x=3", "a.x=null"], #"{"a":{"y":2},"l":[1,2]}"#, []), (["new.b=null"], #"{"a":{"x":1,"y":2},"l":[1,2]}"#, []),
    (["l[0]=null"], #"{"a":{"x":1,"y":2},"l":[null,2]}"#, ["l"]),
  ])
  func removes(arguments: [String], result: String, paths: [String]) {
    let (text, set, faults) = apply(arguments, to: #"{"a":{"x":1,"y":2},"l":[1,2]}"#)
    #expect(text == result && set == paths && faults.isEmpty, "\(text) \(set) \(faults)")
  }

  @Test(arguments: [
    ("~b", "b: nothing to remove: the file does not set it"),
    ("~a.z", "a.z: nothing to remove: the file does not set it"),
    ("~a=1", "\"~a=1\" removes a setting; write ~key.path without a value"),
    ("~l[0]", "l[0]: an element cannot be removed; write the whole array without it"),
    (
      "l=[1 2]",
      "l: the value is no valid JSON: line 1, column 4: expected ',' or ']', found 2; is a comma missing?; write l=[1,2]"
    ),
  ])
  func mistakenRemovalsAndLists(argument: String, message: String) {
    let (text, _, faults) = apply([argument], to: #"{"a":{"x":1},"l":[1,2]}"#)
    #expect(faults == [message] && text == #"{"a":{"x":1},"l":[1,2]}"#)
  }

  /// A word in a section's place stands for the setting that decides on the section.
  @Test func aWordForASection() {
    var object = try! JSONParser.parse(#"{"planner":{"type":"cem","horizon":5}}"#).object!
    let arguments = ["planner=mppi", "agent=pets", "other=x", "model=null"]
    let (changes, faults) = Overrides.apply(
      arguments, to: &object, choosers: ["planner", "agent", "model"].map { ($0, "type") })
    #expect(faults.isEmpty)
    #expect(
      JSON.object(object).compactText
        == #"{"planner":{"type":"mppi","horizon":5},"agent":{"type":"pets"},"other":"x"}"#)
    #expect(changes.paths == ["planner.type", "agent.type", "other"])
  }

  @Test func everyMistakeIsReported() {
    let (text, paths, faults) = apply(["a", "b=1", "=c"])
    #expect(faults.count == 2 && text == #"{"b":1}"# && paths == ["b"])
  }

  @Test func deepPathsAreRefused() {
    let key = [String](repeating: "a", count: 10_000).joined(separator: ".")
    let (_, _, faults) = apply([key + "=1"])
    #expect(faults.count == 1 && faults[0].hasSuffix("is nested deeper than 64 levels"))
  }
}
