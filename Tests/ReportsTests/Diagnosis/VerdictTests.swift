import Algorithms
import Experiments
import Reports
import Support
import Testing

import Environments

/// Which cause is named for which numbers.
struct VerdictTests {
  /// Of a good model; `change` makes it a bad one.
  private func causes(_ change: (inout Diagnosis) -> Void = { _ in }) throws -> [Diagnosis.Finding.Cause] {
    try diagnosis(change).findings.map(\.cause)
  }

  private func diagnosis(_ change: (inout Diagnosis) -> Void) throws -> Diagnosis {
    let text = """
      {"agent": {"type": "mbpo", "fitEvery": 50, "mostFits": 0, "trust": {"penalty": "none"}},
       "model": {"hiddenSizes": [64], "ensembleSize": 5, "holdout": 0.2, "bootstrap": true}}
      """
    let settings = try #require(try JSONParser.parse(text).object)
    let manifest = CheckpointManifest(
      configurationHash: "", settings: settings, agent: "mbpo", environment: "LineWorld-v0", seed: 0, step: 1000)
    let specification = try #require(EnvironmentConfiguration(id: "LineWorld-v0")).describe().specification
    var diagnosis = Diagnosis("run", manifest, specification, Diagnosis.Settings())
    diagnosis.members = 5
    (diagnosis.trainingError, diagnosis.newestError, diagnosis.policyError) = (0.01, 0.01, 0.012)
    (diagnosis.relativeTraining, diagnosis.relativePolicy, diagnosis.novelty) = (0.05, 0.06, 1)
    (diagnosis.rankCorrelation, diagnosis.relativeDeviation) = (0.6, 0.05)
    diagnosis.calibration = Calibration((0..<1000).map { (Double($0) + 0.5) / 1000 })
    change(&diagnosis)
    return diagnosis
  }

  @Test func aGoodModelHasNoFault() throws {
    #expect(try causes().isEmpty)
    #expect(try diagnosis { _ in }.verdict == ["Nothing that was looked at is wrong with this model."])
  }

  @Test func causesByTheirNumbers() throws {
    #expect(try causes { $0.relativeTraining = 0.5 } == [.underfit])
    #expect(try causes { ($0.relativeTraining, $0.worstShare) = (0.5, 0.3) } == [.underfit])
    #expect(try causes { ($0.relativeTraining, $0.worstShare) = (0.5, 0.9) } == [.abrupt])
    #expect(try causes { ($0.relativeTraining, $0.worstShare) = (0.1, 0.9) }.isEmpty)
    #expect(try causes { ($0.policyError, $0.relativePolicy, $0.novelty) = (0.05, 0.3, 5) } == [.mismatch])
    #expect(try causes { ($0.policyError, $0.relativePolicy) = (0.05, 0.3) } == [.overfit])
    // What is ten times as large and still nothing beside the moves is no fault.
    #expect(try causes { ($0.policyError, $0.relativePolicy, $0.novelty) = (0.1, 0.04, 5) }.isEmpty)
    func reward(_ error: Double, known: Double, _ deviation: Double = 1) throws -> [Diagnosis.Finding.Cause] {
      try causes { ($0.rewardError, $0.knownRewardError, $0.rewardDeviation) = (error, known, deviation) }
    }
    #expect(try reward(0.6, known: 0.6) == [.unlearnedReward])
    #expect(try reward(0.4, known: 0.6).isEmpty)
    // What is wrong in new states alone was learned.
    #expect(try reward(0.6, known: 0.1).isEmpty)
    // A reward that never varies can't be unlearned.
    #expect(try reward(0.1, known: 0.1, 0).isEmpty)
    #expect(try causes { $0.members = 1 } == [.alone])
    #expect(try causes { $0.rankCorrelation = 0.05 } == [.blind])
    #expect(try causes { $0.calibration = Calibration([Double](repeating: 0.01, count: 99)) } == [.overconfident])
    #expect(
      try causes { ($0.calibration, $0.relativeDeviation) = (Calibration([Double](repeating: 0.5, count: 99)), 0.3) }
        == [.underconfident])
    #expect(try causes { $0.calibration = Calibration([Double](repeating: 0.5, count: 99)) }.isEmpty)
    // 60 % in the middle 90 % are too few, 80 % are not.
    func share(_ inside: Int) -> Calibration? {
      Calibration([Double](repeating: 0.5, count: inside) + [Double](repeating: 0.01, count: 100 - inside))
    }
    #expect(try causes { $0.calibration = share(60) } == [.overconfident])
    #expect(try causes { $0.calibration = share(80) }.isEmpty)
  }

  /// The remedy is a setting that this experiment has.
  @Test func remediesAreSettingsThatAreThere() throws {
    #expect(try diagnosis { $0.relativeTraining = 0.5 }.verdict[0].contains("model.hiddenSizes"))
    #expect(
      try diagnosis { ($0.policyError, $0.relativePolicy, $0.novelty) = (0.05, 0.3, 5) }.verdict[0]
        .contains("agent.fitEvery"))
    // A likelihood that lets rare rewards go can be told not to; one that was told, or a squared error, needs other help.
    for (kind, exponent, remedy) in [
      ("probabilistic", "0", "model.varianceExponent=0.5"), ("probabilistic", "0.5", "more model.epochs"),
      ("deterministic", "0", "more model.epochs"),
    ] {
      let model = #"{"model": {"kind": "\#(kind)", "varianceExponent": \#(exponent), "epochs": 5}}"#
      let settings = try #require(try JSONParser.parse(model).object)
      let said = try diagnosis {
        $0.manifest.settings = settings
        ($0.rewardError, $0.knownRewardError, $0.rewardDeviation) = (0.98, 0.98, 1)
      }.verdict[0]
      #expect(said.contains("98 %") && said.contains("; try \(remedy)"))
    }
    // Advice is nothing that is so already, that nothing reads, or that is less than the least.
    func advised(_ text: String, members: Int = 5) throws -> String {
      let settings = try #require(try JSONParser.parse(text).object)
      return try diagnosis {
        ($0.manifest.settings, $0.members) = (settings, members)
        ($0.policyError, $0.relativePolicy, $0.novelty) = (0.05, 0.3, 5)
        $0.promised = PromisedReturn(steps: 20, pairs: [(20, 5)], span: 20)
        $0.reach = nil
      }.verdict.joined(separator: " ")
    }
    let whole = try advised(
      #"{"agent": {"mostFits": 1, "fitEvery": 50, "rolloutLength": {}, "trust": {"penalty": "none"}}}"#)
    for text in [
      "agent.mostFits=0", "agent.trust.penalty=", "a shorter agent.rolloutLength",
    ] {
      #expect(whole.contains(text), "\(whole)")
    }
    #expect(!whole.contains("fitEvery"))
    #expect(try advised(#"{"agent": {"mostFits": 0, "fitEvery": 50}}"#).contains("; try a smaller agent.fitEvery"))
    let none = try advised(
      """
      {"agent": {"mostFits": 0, "fitEvery": 1, "rolloutStarts": 0, "rolloutLength": {}, "trust": {"penalty": "none"}},
       "planner": {"horizon": 1}}
      """)
    #expect(!none.contains("; try"), "\(none)")
    #expect(try advised(#"{"agent": {"fitEvery": 0}}"#).contains("agent.fitEvery below an episode's length"))
    let alone = try advised(#"{"model": {"ensembleSize": 7, "elites": 1}}"#, members: 1)
    #expect(alone.contains("model.elites=0") && !alone.contains("model.ensembleSize=5"), "\(alone)")

    let bare = try diagnosis {
      $0.manifest.settings = [:]
      $0.relativeTraining = 0.5
    }
    #expect(bare.verdict.count == 1 && !bare.verdict[0].contains("try"))
  }
}
