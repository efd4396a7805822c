import Foundation
import Support

/// What a sweep's file asks for: one experiment under many settings.
///
///     {"experiment": "configs/mbpo/pendulum.json", "seeds": "0-4",
///      "settings": {"training.environmentSteps": 2000},
///      "grid": {"agent.learningRate": [1e-3, 3e-4], "agent.updatesPerStep": [10, 20]}}
///
/// `list` holds objects of settings, one variant each; `grid` makes every combination of its values; `random` draws so
/// many. Of two or three of them every combination is a variant. `halving` trains all for a short time, the best of
/// them longer, and so on.
package struct SweepFile: Sendable {
  /// Settings of one variant, by path, in order.
  package typealias Variant = [(path: String, value: JSON)]

  /// Successive halving (Jamieson & Talwalkar 2016): the best 1/`factor` of the variants go on to the next length.
  package struct Halving: Sendable, Equatable {
    package var factor: Int
    /// Environment steps of every rung, ascending.
    package var steps: [Int]
  }

  /// The file that it was read from.
  package var source: String
  package var name: String
  /// The experiment's file, or the experiment itself.
  package var experiment: JSON
  package var seeds: [Int]
  /// Of all variants.
  package var settings: Variant
  /// The variants, apart from `settings`.
  package var variants: [Variant]
  package var halving: Halving?

  private static let keys = ["comment", "name", "experiment", "seeds", "settings", "list", "grid", "random", "halving"]
  private static let mostVariants = 100_000

  /// Reads and checks the form; every mistake at once.
  package static func load(_ path: String) throws(ExperimentError) -> SweepFile {
    let document = try rethrow(JSONParser.read(path)) { (error: JSONFileError) -> ExperimentError in
      switch error {
      case .file(let error): .configuration(source: path, "cannot \(error.operation) it: \(error.reason)")
      case .syntax(_, let error):
        .configuration(source: path, error.problems.map { Fault(message: $0.description) })
      }
    }
    let name = URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent
    return try SweepFile(document, name: name, source: path)
  }

  /// Of a parsed document.
  package init(_ document: JSON, name: String, source: String) throws(ExperimentError) {
    self.source = source
    guard let object = document.object else {
      throw .configuration(source: source, "expected an object, found \(document.kindName)")
    }
    var reader = SweepReader(object)
    reader.rejectUnknown(SweepFile.keys)
    self.name = reader.text("name") ?? name
    experiment = reader.experiment(object["experiment"])
    seeds = reader.seeds(object["seeds"])
    settings = reader.settings(object["settings"], "settings")
    var variants: [Variant] = [[]]
    func combine(_ more: [Variant]?) {
      guard let more else { return }
      guard variants.count * more.count <= SweepFile.mostVariants else {
        reader.fault("", "more than \(SweepFile.mostVariants) variants")
        return
      }
      variants = variants.flatMap { first in more.map { first + $0 } }
    }
    combine(reader.list(object["list"]))
    combine(reader.grid(object["grid"]))
    combine(reader.random(object["random"]))
    self.variants = variants
    halving = reader.halving(object["halving"])
    guard reader.faults.isEmpty else { throw .configuration(source: source, reader.faults) }
  }
}

/// Takes a sweep's file apart; mistakes are gathered.
private struct SweepReader {
  let object: JSONObject
  private(set) var faults: [Fault] = []

  init(_ object: JSONObject) { self.object = object }

  mutating func fault(_ path: String, _ message: String) { faults.append(Fault(path: path, message: message)) }

  mutating func rejectUnknown(_ known: [String], in object: JSONObject? = nil, _ path: String = "") {
    for key in (object ?? self.object).members.map(\.key) where !known.contains(key) {
      fault(path + key, "there is no such setting\(Suggestion.didYouMean(key, among: known))")
    }
  }

  mutating func text(_ key: String) -> String? {
    guard let value = object[key] else { return nil }
    guard let text = value.string, !text.isEmpty else {
      fault(key, "expected a text, found \(value.kindName)")
      return nil
    }
    return text
  }

  mutating func experiment(_ value: JSON?) -> JSON {
    switch value {
    case .string, .object: return value!
    case nil: fault("experiment", "missing; a configuration file, such as \"configs/mbpo/pendulum.json\"")
    case let other?: fault("experiment", "expected a path or an object, found \(other.kindName)")
    }
    return .null
  }

  mutating func seeds(_ value: JSON?) -> [Int] {
    guard let value else { return [0] }
    if let text = value.string {
      do throws(Fault) { return try SeedList.parse(text) } catch { fault("seeds", error.message) }
      return []
    }
    let seeds = value.array?.compactMap(\.integer) ?? value.integer.map { [$0] } ?? []
    guard !seeds.isEmpty, seeds.count == value.array?.count ?? 1, seeds.allSatisfy(SeedList.range.contains) else {
      fault("seeds", "expected seeds, as in \"0-4\" or [0, 1, 2]")
      return []
    }
    if let repeated = SeedList.firstRepeated(seeds) { fault("seeds", "seed \(repeated) stands there twice") }
    return seeds
  }

  mutating func settings(_ value: JSON?, _ path: String) -> SweepFile.Variant {
    guard let value else { return [] }
    guard let object = value.object else {
      fault(path, "expected an object of settings, found \(value.kindName)")
      return []
    }
    return object.members.map { ($0.key, $0.value) }
  }

  mutating func list(_ value: JSON?) -> [SweepFile.Variant]? {
    guard let value else { return nil }
    guard let items = value.array, !items.isEmpty else {
      fault("list", "expected an array of objects of settings")
      return nil
    }
    return items.enumerated().map { index, item in settings(item, "list.\(index)") }
  }

  mutating func grid(_ value: JSON?) -> [SweepFile.Variant]? {
    guard value != nil else { return nil }
    var variants: [SweepFile.Variant] = [[]]
    for (path, values) in settings(value, "grid") {
      guard let values = values.array, !values.isEmpty else {
        fault("grid.\(path)", "expected an array of values")
        continue
      }
      guard variants.count * values.count <= 100_000 else {
        fault("grid", "more than 100000 combinations")
        return nil
      }
      variants = variants.flatMap { variant in values.map { variant + [(path, $0)] } }
    }
    return variants
  }

  /// {"count": 20, "seed": 0, "settings": {PATH: {"low": 1e-4, "high": 1e-2, "scale": "log"} or {"values": […]}}}
  mutating func random(_ value: JSON?) -> [SweepFile.Variant]? {
    guard let value else { return nil }
    guard let object = value.object else {
      fault("random", "expected an object, found \(value.kindName)")
      return nil
    }
    rejectUnknown(["count", "seed", "settings"], in: object, "random.")
    guard let count = object["count"]?.integer, 1...100_000 ~= count else {
      fault("random.count", "expected a number of variants, 1 to 100000")
      return nil
    }
    let seed = object["seed"] ?? .number(JSONNumber(0))
    guard let seed = seed.integer, seed >= 0 else {
      fault("random.seed", "expected a whole number of 0 or more")
      return nil
    }
    let ranges = settings(object["settings"], "random.settings")
    if ranges.isEmpty { fault("random.settings", "missing; which settings are drawn, and from what") }
    let root = RandomStream(seed: UInt64(seed)).stream("sweep")
    var variants = [SweepFile.Variant](repeating: [], count: count)
    for (place, (path, range)) in ranges.enumerated() {
      guard let draw = distribution(range, "random.settings.\(path)") else { continue }
      for index in variants.indices {
        // A variant keeps its values where more are drawn, or other settings come behind.
        var random = root.stream(UInt64(index)).stream(UInt64(place))
        variants[index].append((path, draw(&random)))
      }
    }
    return variants
  }

  private mutating func distribution(_ value: JSON, _ path: String) -> ((inout RandomStream) -> JSON)? {
    guard let object = value.object else {
      fault(path, "expected {\"values\": […]} or {\"low\": …, \"high\": …}, found \(value.kindName)")
      return nil
    }
    rejectUnknown(["values", "low", "high", "scale", "isInteger"], in: object, "\(path).")
    if let values = object["values"] {
      guard let values = values.array, !values.isEmpty else {
        fault("\(path).values", "expected an array of values")
        return nil
      }
      return { values[$0.integer(below: values.count)] }
    }
    guard let low = object["low"]?.double, let high = object["high"]?.double, low.isFinite, high.isFinite, low <= high
    else {
      fault(path, "expected \"low\" and \"high\", numbers of which the first is not larger")
      return nil
    }
    let scale = object["scale"]?.string ?? "linear"
    guard ["linear", "log"].contains(scale), scale == "linear" || low > 0 else {
      fault("\(path).scale", "expected \"linear\", or \"log\" where both ends are above 0")
      return nil
    }
    let isInteger = object["isInteger"]?.bool ?? false
    return { random in
      if isInteger && scale == "linear" {
        return .number(
          JSONNumber(Int(low.rounded(.up)) + random.integer(below: max(1, Int(high) - Int(low.rounded(.up)) + 1))))
      }
      let value = scale == "log" ? exp(random.uniform(log(low), log(high))) : random.uniform(low, high)
      if isInteger { return .number(JSONNumber(Int(value.rounded()))) }
      // Four digits say enough, and stay readable in names of runs.
      return .number(JSONNumber(Double(String(format: "%.4g", value)) ?? value))
    }
  }

  mutating func halving(_ value: JSON?) -> SweepFile.Halving? {
    guard let value else { return nil }
    guard let object = value.object else {
      fault("halving", "expected an object, found \(value.kindName)")
      return nil
    }
    rejectUnknown(["factor", "steps"], in: object, "halving.")
    let factor = object["factor"].map { $0.integer ?? 0 } ?? 3
    if !(2...1000 ~= factor) { fault("halving.factor", "expected a whole number, 2 to 1000") }
    let steps = object["steps"]?.array?.compactMap(\.integer) ?? []
    let isAscending = zip(steps, steps.dropFirst()).allSatisfy(<)
    guard steps.count >= 2, steps.count == object["steps"]?.array?.count, steps[0] > 0, isAscending else {
      fault("halving.steps", "expected the environment steps of every rung, ascending, as in [1000, 3000, 9000]")
      return nil
    }
    return SweepFile.Halving(factor: factor, steps: steps)
  }
}
