import Foundation
import Support

/// Which Python runs an environment, what has to be imported for it, and how that is installed.
package enum GymnasiumPython {
  /// A family of packages that is installed together, into a virtual environment of its own.
  package struct Family {
    /// As scripts/setup-gymnasium.sh takes it.
    package var name: String
    /// What registers the environments; nil: Gymnasium does.
    var module: String?
    /// How their ids begin.
    var prefixes: [String]
  }

  /// The first one that fits counts; the last one fits all.
  static let families = [
    Family(name: "atari", module: "ale_py", prefixes: ["ALE/"]),
    Family(name: "minigrid", module: "minigrid", prefixes: ["MiniGrid-", "BabyAI-"]),
    Family(name: "dm_control", module: "shimmy", prefixes: ["dm_control/"]),
    Family(name: "box2d", module: nil, prefixes: ["LunarLander", "BipedalWalker", "CarRacing"]),
    Family(
      name: "mujoco", module: nil,
      prefixes: [
        "HalfCheetah", "Hopper", "Walker2d", "Ant-", "Humanoid", "InvertedPendulum", "InvertedDoublePendulum",
        "Reacher", "Pusher", "Swimmer",
      ]),
    Family(name: "classic", module: nil, prefixes: [""]),
  ]

  /// Of packages that the set-up script does not know.
  private static let otherModules: [(prefix: String, module: String)] = [
    ("highway-", "highway_env"), ("Meta-World/", "metaworld"), ("Fetch", "gymnasium_robotics"),
    ("Adroit", "gymnasium_robotics"), ("Hand", "gymnasium_robotics"), ("PointMaze", "gymnasium_robotics"),
    ("AntMaze", "gymnasium_robotics"), ("FrankaKitchen", "gymnasium_robotics"),
  ]

  /// Of an id with or without "gymnasium:".
  package static func family(of id: String) -> Family {
    let name = bare(id)
    return families.first { $0.prefixes.contains(where: name.hasPrefix) } ?? families[families.count - 1]
  }

  /// What is imported where the settings say nothing.
  package static func modules(for id: String) -> [String] {
    let name = bare(id)
    if name.contains(":") { return [] }
    if let module = family(of: id).module { return [module] }
    return otherModules.first { name.hasPrefix($0.prefix) }.map { [$0.module] } ?? []
  }

  /// What to do about a module that is missing.
  static func remedy(_ id: String, module: String) -> String {
    let family = family(of: id)
    let isOwn = family.name == "classic" && module != "gymnasium" && module != "numpy"
    if isOwn { return "install the package that has it there, or name another Python in environment.python" }
    return "scripts/setup-gymnasium.sh \(family.name) makes a Python that has it, environment.python names another one"
  }

  private static func bare(_ id: String) -> String {
    id.hasPrefix(GymnasiumEnvironments.prefix) ? String(id.dropFirst(GymnasiumEnvironments.prefix.count)) : id
  }

  /// The folder of the virtual environments, in the project's.
  static let folder = ".venv"
  /// The variable that names a Python for all environments.
  static let variable = "MBRL_PYTHON"

  /// The Python for an environment: what the setting names, else the variable, else the one that the set-up script made
  /// for the id's family, or for another one, else python3.
  static func find(_ setting: String, for id: String) -> String {
    if !setting.isEmpty { return setting }
    if let named = ProcessInfo.processInfo.environment[variable], !named.isEmpty { return named }
    for place in places {
      let own = "\(place)/\(folder)/gymnasium-\(family(of: id).name)/bin/python"
      if FileManager.default.isExecutableFile(atPath: own) { return own }
    }
    for place in places {
      let found = (try? FileManager.default.contentsOfDirectory(atPath: "\(place)/\(folder)")) ?? []
      for name in found.sorted() where name.hasPrefix("gymnasium-") {
        let other = "\(place)/\(folder)/\(name)/bin/python"
        if FileManager.default.isExecutableFile(atPath: other) { return other }
      }
    }
    return "python3"
  }

  /// Where the project may be: here, and above the program.
  private static var places: [String] {
    var places = [FileManager.default.currentDirectoryPath]
    guard var path = Bundle.main.executablePath.map({ URL(fileURLWithPath: $0).resolvingSymlinksInPath() }) else {
      return places
    }
    for _ in 0..<5 {
      path.deleteLastPathComponent()
      if FileSystem.kind(of: "\(path.path)/Package.swift") != nil { places.append(path.path) }
    }
    return places
  }
}
