import Environments
import Experiments
import Support
import TestSupport
import Testing

/// `mbrl init`: whatever is offered can be trained.
@Suite struct StartingConfigurationTests {
  @Test(arguments: EnvironmentRegistry.availableIDs)
  func everyOfferIsAConfiguration(environment: String) throws {
    let agents = StartingConfiguration.agents(for: environment)
    #expect(!agents.isEmpty)
    for agent in agents {
      let document = try StartingConfiguration(environment: environment, agent: agent.name).document
      let file = try ExperimentFile.read(document, name: "x", source: "test")
      #expect(file.warnings.isEmpty, "\(environment) \(agent.name): \(file.warnings)")
    }
  }

  @Test func whatDoesNotGoTogether() {
    #expect(StartingConfiguration.agents(for: "Pendulum").isEmpty)
    #expect(throws: ExperimentError.self) { try StartingConfiguration(environment: "Pendulum-v1", agent: "dyna-q") }
    #expect(throws: ExperimentError.self) { try StartingConfiguration(environment: "Pendulum-v1", agent: "none") }
  }
}
