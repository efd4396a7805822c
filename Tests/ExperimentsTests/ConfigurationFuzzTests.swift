import Foundation
import Support
import Testing

import Experiments

/// Seeded structured fuzzing of the configuration reader: trees grown from valid configurations by exchanging keys and
/// values. Whatever comes out is read or refused with faults that name a path; what is read reads back as itself.
///
/// FUZZ_EXECUTIONS sets how many (scripts/fuzz.sh: a million).
@Suite struct ConfigurationFuzzTests {
  static let executions = ProcessInfo.processInfo.environment["FUZZ_EXECUTIONS"].flatMap { Int($0) } ?? 3000

  @Test func anyTreeIsReadOrRefused() throws {
    var random = RandomStream(seed: 20_261_121)
    var seeds: [JSONObject] = []
    for (environment, agent, planner) in [
      ("Pendulum-v1", "pets", "cem"), ("CartPole-v1", "pets", "mppi"), ("LineWorld-v0", "random", nil),
      ("Acrobot-v1", "random-shooting", nil), ("ContinuousCartPole-v0", "pets", "icem"),
      ("Pendulum-v1", "pets", "gradient"),
    ] as [(String, String, String?)] {
      var object = JSONObject([
        ("environment", .object(JSONObject([("id", .string(environment))]))),
        ("agent", .object(JSONObject([("type", .string(agent))]))),
      ])
      if let planner { object["planner"] = .object(JSONObject([("type", .string(planner))])) }
      seeds.append(try ExperimentFile.read(.object(object), name: "seed", source: "seed").resolved)
    }
    var read = 0
    var refused = 0
    var pool = seeds
    let start = Clock.monotonicSeconds()
    var slowest = 0.0
    for _ in 0..<Self.executions {
      var tree = JSON.object(pool[random.integer(below: pool.count)])
      for _ in 0...random.integer(below: 3) { Self.mutate(&tree, &random, seeds) }
      let before = Clock.monotonicSeconds()
      do throws(ExperimentError) {
        let file = try ExperimentFile.read(tree, name: "fuzz", source: "fuzz")
        read += 1
        // Now and then a tree that was read is a start for others.
        if random.integer(below: 50) == 0 { pool[random.integer(below: pool.count)] = file.resolved }
        if random.integer(below: 10) == 0 {
          let again = try ExperimentFile.read(.object(file.resolved), name: "other", source: "again")
          #expect(again.resolved == file.resolved)
        }
      } catch {
        refused += 1
        guard case .configuration(_, let faults) = error, !faults.isEmpty, faults.allSatisfy({ !$0.message.isEmpty })
        else {
          Issue.record("\(tree.compactText): \(error)")
          continue
        }
        pool[random.integer(below: pool.count)] = seeds[random.integer(below: seeds.count)]
      }
      slowest = max(slowest, Clock.monotonicSeconds() - before)
    }
    #expect(read > 0 && refused > 0)
    #expect(slowest < 5)
    let seconds = Clock.monotonicSeconds() - start
    print(
      "configuration fuzz: \(Self.executions) executions, \(read) read, \(refused) refused, "
        + "\(Int(Double(Self.executions) / seconds)) per second, slowest \((slowest * 1000).rounded()) ms")
  }

  private static func mutate(_ tree: inout JSON, _ random: inout RandomStream, _ seeds: [JSONObject]) {
    switch tree {
    case .object(var object) where !object.members.isEmpty:
      let index = random.integer(below: object.members.count)
      switch random.integer(below: 10) {
      case 0: object.members.remove(at: index)
      case 1:
        let key = name(&random, seeds)
        object[key] = value(&random)
      case 2: object.members[index].value = value(&random)
      case 3:
        let (key, value) = object.members.remove(at: index)
        let other = key.isEmpty ? "x" : random.integer(below: 2) == 0 ? String(key.dropLast()) : key.uppercased()
        object[other] = value
      case 4: object.members.swapAt(index, random.integer(below: object.members.count))
      default: mutate(&object.members[index].value, &random, seeds)
      }
      tree = .object(object)
    case .array(var items) where !items.isEmpty && random.integer(below: 4) > 0:
      let index = random.integer(below: items.count)
      switch random.integer(below: 3) {
      case 0: items.append(items[index])
      case 1: items.remove(at: index)
      default: mutate(&items[index], &random, seeds)
      }
      tree = .array(items)
    case .number(let number) where random.integer(below: 2) == 0:
      let double = number.doubleValue ?? 1
      let changed = [double + 1, double - 1, -double, double * 1e3, double / 7, double * 1e200, 0][
        random.integer(below: 7)]
      tree = .finite(changed)
    default: tree = value(&random)
    }
  }

  private static func name(_ random: inout RandomStream, _ seeds: [JSONObject]) -> String {
    var object = seeds[random.integer(below: seeds.count)]
    if random.integer(below: 3) > 0,
      let inner = object.members[random.integer(below: object.members.count)].value.object, !inner.members.isEmpty
    {
      object = inner
    }
    return object.members[random.integer(below: object.members.count)].key
  }

  private static func value(_ random: inout RandomStream) -> JSON {
    let numbers = [
      "0", "1", "-1", "2", "0.5", "1e400", "-0.0", "9223372036854775807", "9223372036854775808", "1e-400", "4096",
      "1e6", "64",
    ]
    let texts = [
      "", "pets", "random", "random-shooting", "cem", "icem", "mppi", "gradient", "Pendulum-v1", "CartPole-v1",
      "LineWorld-v0",
      "Acrobot-v1", "true", "learned", "never", "ts1", "tsinf", "ds", "expectation", "\u{0}", "ü", "a/b",
    ]
    switch random.integer(below: 7) {
    case 0: return .null
    case 1: return .bool(random.integer(below: 2) == 0)
    case 2, 3: return .number(JSONNumber(literal: numbers[random.integer(below: numbers.count)]))
    case 4, 5: return .string(texts[random.integer(below: texts.count)])
    default:
      if random.integer(below: 2) == 0 {
        return .object(JSONObject([("type", .string(texts[random.integer(below: texts.count)]))]))
      }
      return .array((0..<random.integer(below: 14)).map { _ in .integer(random.integer(below: 5000)) })
    }
  }
}
