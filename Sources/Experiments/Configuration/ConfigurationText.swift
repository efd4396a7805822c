import Support

/// What `mbrl config show` and `mbrl config schema` print.
package enum ConfigurationText {
  /// Every setting with its value, origin and meaning.
  package static func lines(_ file: ExperimentFile) -> [String] {
    var table = TextTable(["setting", "value", "from", "meaning"])
    for entry in file.entries {
      let choices = entry.choices.isEmpty ? "" : " (\(entry.choices.joined(separator: ", ")))"
      table.append([entry.path, entry.value.compactText, entry.provenance.rawValue, entry.help + choices])
    }
    let directory = ConfigurationIdentity.directoryName(file.resolved, name: file.configuration.name)
    return table.lines + ["", "run directory: \(directory)"]
  }

  /// The configuration of a file, or without one that of the overrides alone: what they leave open is standard.
  package static func load(path: String?, overrides: [String]) throws(ExperimentError) -> ExperimentFile {
    if let path { return try ExperimentFile.load(path, overrides: overrides) }
    let standard = ExperimentConfiguration()
    let document: JSON = [
      "environment": ["id": .string(standard.environment.id)], "agent": ["type": .string(standard.agent.type)],
    ]
    return try ExperimentFile.read(document, name: standard.name, source: "settings", overrides: overrides)
  }

  /// JSON Schema for the environment and agent that the settings choose (the standard ones where they do not).
  package static func schema(path: String?, overrides: [String]) throws(ExperimentError) -> JSON {
    var overlay: JSONObject = [:]
    if let path {
      let document = try rethrow(JSONParser.read(path)) { (error: JSONFileError) in
        ExperimentError.configuration(source: path, "\(error)")
      }
      overlay = try ExperimentFile.settings(document, source: path)
    }
    let choosingKeys = ExperimentConfiguration.choosers
    let (_, faults) = Overrides.apply(overrides, to: &overlay, choosers: choosingKeys)
    guard faults.isEmpty else { throw .configuration(source: path ?? "arguments", faults) }
    // Only what decides which settings there are is taken over: a schema shows the defaults.
    var choices: JSONObject = [:]
    for (section, key) in choosingKeys {
      if let choice = overlay[section]?.object?[key] { choices[section] = [key: choice] }
    }
    var configuration = ExperimentConfiguration()
    let fields = Fields.read(&configuration, from: choices)
    let chosen = fields.faults.filter { fault in choosingKeys.contains { fault.path == "\($0.0).\($0.1)" } }
    guard chosen.isEmpty else { throw .configuration(source: path ?? "arguments", chosen) }
    return schema(fields)
  }

  private static func schema(_ fields: Fields) -> JSON {
    var properties = fields.properties
    for key in ["$schema", "comment"] { properties.members.append((key, ["type": "string"])) }
    return [
      "$schema": "https://json-schema.org/draft/2020-12/schema", "title": "mbrl experiment", "type": "object",
      "additionalProperties": false, "required": ["environment", "agent"], "properties": .object(properties),
    ]
  }
}
