import Support

/// FrozenLake-v1: cross a lake of slippery ice without falling into a hole. FrozenLake8x8-v1: a larger one, in 200
/// steps. Gymnasium 1.4.0, every table entry.
///
/// State row · columns + column; actions left, down, right, up. On slippery ice an action a goes to a − 1, a and a + 1
/// (mod 4), a itself with `successRate`, the others with half of the rest each. Reaching G or H ends the task; the
/// reward is that of the place reached: 1 at the goal, else 0. Standing on G or H, every action stays and ends.
package struct FrozenLake: TableEnvironment {
  package struct Configuration: Configurable {
    package var map = "4x4"
    package var isSlippery = true
    package var successRate = 1.0 / 3.0
    package var rewardSchedule = [1.0, 0, 0]
    /// With the standard options of the id.
    fileprivate var standard = FrozenLake.specification

    package init() {}

    package mutating func declare(_ fields: Fields) {
      fields.text("map", &map, "\"4x4\", \"8x8\", or rows of S, F, H and G with \"/\" between them: \"SFF/FHG\"")
      if let fault = FrozenLake.fault(inMap: map) { fields.fault("map", fault) }
      fields.flag("isSlippery", &isSlippery, "whether an action may go to either side of what was meant")
      fields.number("successRate", &successRate, in: 0...1, "probability of what was meant, on slippery ice")
      if !isSlippery {
        fields.unused("successRate", because: "on ice that is not slippery an action does what it means")
      }
      fields.numbers(
        "rewardSchedule", &rewardSchedule, each: -1e9...1e9, count: 3...3,
        "rewards of reaching the goal, a hole, and anything else")
    }
  }

  package static let specification = standard("FrozenLake-v1", stepLimit: 100, rewardThreshold: 0.7, "4×4")

  package static let variants: Variants = {
    var larger = Configuration()
    larger.map = "8x8"
    larger.standard = standard("FrozenLake8x8-v1", stepLimit: 200, rewardThreshold: 0.85, "8×8")
    return [Configuration(), larger].map { ($0.standard, $0) }
  }()

  /// Gymnasium's maps.
  private static let maps = [
    "4x4": "SFFF/FHFH/FFFH/HFFG",
    "8x8": "SFFFFFFF/FFFFFFFF/FFFHFFFF/FFFFFHFF/FFFHFFFF/FHHFFFHF/FHFFHFHF/FFFHFFFG",
  ]

  package let specification: EnvironmentSpecification
  package let table: TransitionTable
  package var walk = TableWalk()
  private let rows: [[Character]]

  package init(_ configuration: Configuration) {
    precondition(FrozenLake.fault(inMap: configuration.map) == nil, "a faulty map")
    rows = (FrozenLake.maps[configuration.map] ?? configuration.map).split(separator: "/").map(Array.init)
    table = FrozenLake.table(rows, configuration)
    var specification = configuration.standard
    specification.showObservations(in: .discrete(count: table.stateCount))
    specification.rewardRange = table.rewardRange
    self.specification = specification
  }

  /// Why a map cannot be used; nil where it can.
  static func fault(inMap map: String) -> String? {
    let rows = (maps[map] ?? map).split(separator: "/", omittingEmptySubsequences: false)
    if let wrong = map.first(where: { !"SFHG/".contains($0) }), maps[map] == nil {
      return "\"\(wrong)\" means nothing in \"\(map)\"; use 4x4, 8x8, or rows of S, F, H and G with / between them"
    }
    guard let width = rows.first?.count, width > 0, rows.allSatisfy({ $0.count == width }) else {
      return "the rows of \"\(map)\" are not all of one length"
    }
    return rows.contains { $0.contains("S") } ? nil : "\"\(map)\" has no start S"
  }

  private static func standard(
    _ id: String, stepLimit: Int, rewardThreshold: Double, _ size: String
  ) -> EnvironmentSpecification {
    EnvironmentSpecification(
      id: id, observationSpace: .discrete(count: size == "4×4" ? 16 : 64), actionSpace: .discrete(count: 4),
      stepLimit: stepLimit, rewardRange: 0...1, rewardThreshold: rewardThreshold, framesPerSecond: 4,
      summary: "cross \(size) places of slippery ice with holes (tabular, \(stepLimit) steps)")
  }

  private static func table(_ rows: [[Character]], _ configuration: Configuration) -> TransitionTable {
    let (height, width) = (rows.count, rows[0].count)
    func place(_ state: Int) -> Character { rows[state / width][state % width] }
    let starts = (0..<height * width).map { place($0) == "S" ? 1.0 : 0 }
    let startCount = starts.reduce(0, +)
    let failRate = (1 - configuration.successRate) / 2

    func outcome(_ state: Int, _ direction: Int, _ probability: Double) -> TableOutcome {
      let (down, right) = [(0, -1), (1, 0), (0, 1), (-1, 0)][direction]
      let (row, column) = ((state / width + down).clipped(0, height - 1), (state % width + right).clipped(0, width - 1))
      let reached = rows[row][column]
      let kind = reached == "G" ? 0 : reached == "H" ? 1 : 2
      return TableOutcome(
        probability: probability, nextState: row * width + column, reward: configuration.rewardSchedule[kind],
        isTerminated: kind < 2)
    }
    return TransitionTable(
      stateCount: height * width, actionCount: 4, initialDistribution: starts.map { $0 / startCount }
    ) { state, action in
      if "GH".contains(place(state)) { return [TableOutcome(nextState: state, reward: 0, isTerminated: true)] }
      guard configuration.isSlippery else { return [outcome(state, action, 1)] }
      return [-1, 0, 1].map { side in
        outcome(state, (action + side + 4) % 4, side == 0 ? configuration.successRate : failRate)
      }
    }
  }

  // MARK: Pictures and words

  package var actionNames: [String] { ["Left", "Down", "Right", "Up"] }
  package var actionSymbols: [Character] { ["←", "↓", "→", "↑"] }

  package var layout: GridLayout? {
    GridLayout(rows: rows.count, columns: rows[0].count, places: rows.joined().map { $0 == "F" ? "." : $0 })
  }

  /// The last action, then the lake with the traveller's place in red; in plain text, a @.
  package func text(of state: Int, after lastAction: Int?, style: StateTextStyle) -> String {
    var text = lastAction.map { "  (\(actionNames[$0]))\n" } ?? "\n"
    for (row, places) in rows.enumerated() {
      for (column, place) in places.enumerated() {
        let isHere = row * places.count + column == state
        text += !isHere ? String(place) : style == .ansi ? ANSIColor.red.highlighted(place) : "@"
      }
      text += "\n"
    }
    return text
  }
}
