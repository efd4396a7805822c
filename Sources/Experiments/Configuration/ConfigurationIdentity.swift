import Algorithms
import Environments
import Support

/// What makes two resolved configurations the same experiment.
///
/// Left out are the name (it stands in the directory's name already), the seeds and threads (they change no byte of a
/// seed's results), where a library lies, and what may change when a run goes on: the length, the checkpoints and the
/// logging. So a longer run continues in the directory of the shorter one. Left out are, too, parts that are off and
/// came later, so that a run is the same as before they could be had. The evaluation belongs to it, since it decides
/// what eval.csv is, but it changes no training: a run that goes on may be measured otherwise from then on.
package enum ConfigurationIdentity {
  /// Sections and settings that do not belong to the identity.
  package static let free =
    ["name", "environment.library", "training.environmentSteps", "checkpoint", "logging", "threads", "seeds"]
    + GymnasiumEnvironments.free.map { "environment.\($0)" }

  /// All that may change when a run goes on.
  package static let changeable = free + ["evaluation"]

  /// Sections whose settings belong to the identity only where they are not at these defaults.
  private static let standard: [String: JSONObject] = {
    func defaults<Settings: Configurable>(_ settings: Settings, _ later: [String]? = nil) -> JSONObject {
      var settings = settings
      let all = Fields.read(&settings).resolved
      return later.map { names in JSONObject(all.members.filter { names.contains($0.key) }) } ?? all
    }
    return [
      "environment.wrappers": defaults(WrapperSettings()), "agent.inverse": defaults(InverseModel.Settings()),
      "agent.valueExpansion": defaults(ValueExpansion.Settings()),
      "agent": ["mostFits": .integer(0), "sharesLayers": .string(ActorCriticNetwork.Sharing.pictures.rawValue)],
      "training": ["data": ""],
      "model": defaults(EnsembleDynamics.Configuration(), EnsembleDynamics.Configuration.later),
      "agent.convolutions": defaults(ConvolutionSettings()),
      "agent.latent": defaults(Dreamer.LatentSettings()), "agent.behaviour": defaults(Dreamer.BehaviourSettings()),
      "agent.curiosity": defaults(Dreamer.CuriositySettings()),
      "agent.trust": defaults(RolloutTrust(), RolloutTrust.later),
    ]
  }()

  /// The part of a resolved configuration that belongs to the identity.
  package static func core(_ resolved: JSONObject, without free: [String] = free, path: String = "") -> JSONObject {
    JSONObject(
      resolved.members.filter { !free.contains(path + $0.key) }.compactMap { key, value in
        if let defaults = standard[String(path.dropLast())], value == defaults[key] { return nil }
        guard let object = value.object else { return (key, value) }
        let inner = core(object, without: free, path: "\(path)\(key).")
        return inner.members.isEmpty && standard[path + key] != nil ? nil : (key, .object(inner))
      })
  }

  /// SHA-256 of the core, 64 hexadecimal digits.
  package static func hash(_ resolved: JSONObject) -> String { Digest.sha256(JSON.object(core(resolved)).compactText) }

  /// "NAME-HASH": the name and the first 10 digits of the hash.
  package static func directoryName(_ resolved: JSONObject, name: String) -> String {
    "\(name)-\(hash(resolved).prefix(10))"
  }

  /// The settings by which two experiments differ, apart from those that are free to.
  package static func differences(
    _ old: JSONObject, _ new: JSONObject, without free: [String] = free
  ) -> [SettingDifference] {
    SettingDifference.between(.object(core(old, without: free)), .object(core(new, without: free)))
  }
}
