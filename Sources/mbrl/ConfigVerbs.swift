import Experiments
import Support

/// `mbrl config check`.
enum ConfigCheckVerb: Verb {
  static let syntax = CommandSyntax(
    "config check", "say whether configurations are right; name every mistake", operands: ["CONFIG.json …"],
    operandCount: 1...100_000, takesSettings: true,
    discussion: ["Reads the files as train does, and compares the settings with the environment. Writes nothing."],
    exitCodes: [.success, .usage, .configuration],
    examples: [
      ("mbrl config check configs/quickstart.json", "prints \"configs/quickstart.json: ok\""),
      ("mbrl config check configs/pets/*.json", "checks them all"),
    ])

  static func run(_ arguments: ParsedArguments, _ console: Console) throws -> ExitCode {
    var code = ExitCode.success
    for path in arguments.operands {
      do throws(ExperimentError) {
        let file = try ExperimentFile.load(path, overrides: arguments.settings)
        for note in file.notes { console.note("\(path): \(note)") }
        for warning in file.warnings { console.warning("\(path): \(warning)") }
        console.result("\(path): ok")
      } catch {
        console.error(error.description)
        code = error.exitCode
      }
    }
    return code
  }
}

/// `mbrl config show`.
enum ConfigShowVerb: Verb {
  static let syntax = CommandSyntax(
    "config show", "print every setting, what it may be, and where its value comes from", operands: ["CONFIG.json"],
    operandCount: 0...1, takesSettings: true,
    options: [.init("--json", nil, "the resolved configuration, as config.json of a run holds it")],
    discussion: ["Without a file: the settings that the arguments choose, and the standard ones."],
    exitCodes: [.success, .usage, .configuration],
    examples: [
      ("mbrl config show agent.type=pets environment.id=Pendulum-v1", "every setting of an agent, without a file"),
      ("mbrl config show configs/quickstart.json evaluation.every=50", "the table: default, file or override"),
      ("mbrl config show configs/quickstart.json --json > full.json", "a file with every default written out"),
    ])

  static func run(_ arguments: ParsedArguments, _ console: Console) throws -> ExitCode {
    let file = try ConfigurationText.load(path: arguments.operands.first, overrides: arguments.settings)
    file.notes.map(\.description).forEach(console.note)
    file.warnings.map(\.description).forEach(console.warning)
    if arguments.has("--json") {
      console.result(String(JSON.object(file.resolved).prettyText.dropLast()))
    } else {
      ConfigurationText.lines(file).forEach(console.result)
    }
    return .success
  }
}

/// `mbrl config schema`.
enum ConfigSchemaVerb: Verb {
  static let syntax = CommandSyntax(
    "config schema", "print the JSON Schema of configurations, for editors", operands: ["CONFIG.json"],
    operandCount: 0...1, takesSettings: true,
    discussion: [
      "The settings depend on the agent and the environment: the schema is that of a configuration's, or of those "
        + "that are named as settings."
    ],
    exitCodes: [.success, .usage, .configuration],
    examples: [
      ("mbrl config schema configs/pets/pendulum.json > schema.json", "for one configuration"),
      ("mbrl config schema agent.type=random environment.id=Pendulum-v1", "for a choice"),
    ])

  static func run(_ arguments: ParsedArguments, _ console: Console) throws -> ExitCode {
    let schema = try ConfigurationText.schema(path: arguments.operands.first, overrides: arguments.settings)
    console.result(String(schema.prettyText.dropLast()))
    return .success
  }
}
