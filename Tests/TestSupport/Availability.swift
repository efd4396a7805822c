import Environments
import Support
import Testing

/// What of the registry can be had on this machine.
extension EnvironmentRegistry {
  /// The ids whose environments can be made; what is missing for the others is said once.
  package static let availableIDs: [String] = ids.filter { id in
    do {
      _ = try EnvironmentConfiguration(id: id)?.make()
      return true
    } catch {
      print("skipped: \(id): \(error)")
      return false
    }
  }

  /// Why an environment cannot be made here; nil: it can.
  package static func lack(_ id: String) -> String? {
    do {
      _ = try EnvironmentConfiguration(id: id)?.make()
      return nil
    } catch {
      return "\(error)"
    }
  }

  /// Why the environment that a file of an experiment names cannot be made here, said as well; nil: it can.
  package static func lack(inFile path: String) -> String? {
    let bytes = (try? FileSystem.read(path, limit: 1 << 20)) ?? []
    let id = (try? JSONParser.parse(bytes))?.object?["environment"]?.object?["id"]?.string ?? ""
    guard let lack = lack(id) else { return nil }
    print("skipped: \(path): \(lack)")
    return lack
  }
}

extension Trait where Self == ConditionTrait {
  /// Skipped, with the command that installs it, where MuJoCo is missing.
  package static var mujoco: Self {
    let lack = EnvironmentRegistry.lack("HalfCheetah-v5")
    return .enabled(if: lack == nil, "\(lack ?? "")")
  }
}
