import Support

/// Taxi-v4: fetch a passenger at one of four stands and set them down at another. Gymnasium 1.4.0, every table entry.
///
/// T. G. Dietterich, "Hierarchical Reinforcement Learning with the MAXQ Value Function Decomposition" (2000). State
/// ((row · 5 + column) · 5 + passenger) · 4 + destination, passenger 4 being in the taxi; actions south, north, east,
/// west, pick up, drop off. Reward −1 a step, −10 for picking up or dropping off where that is not possible, +20 for
/// the destination, which ends the task. 300 equally likely starts: passenger outside and not at the destination.
package struct Taxi: TableEnvironment {
  package struct Configuration: Configurable {
    package var isRainy = false
    package var rainyProbability = 0.8

    package init() {}

    package mutating func declare(_ fields: Fields) {
      fields.flag("isRainy", &isRainy, "whether a move that is possible may drift to its left or right")
      fields.number("rainyProbability", &rainyProbability, in: 0...1, "probability of the move meant, in rain")
      if !isRainy { fields.unused("rainyProbability", because: "environment.isRainy is false") }
    }
  }

  package static let specification = EnvironmentSpecification(
    id: "Taxi-v4", observationSpace: .discrete(count: 500), actionSpace: .discrete(count: 6), stepLimit: 200,
    rewardRange: -10...20, rewardThreshold: 8, framesPerSecond: 4,
    summary: "drive a passenger from one stand to another on 5×5 places (tabular, 200 steps)")

  private static let map = [
    "+---------+", "|R: | : :G|", "| : | : : |", "| : : : : |", "| | : | : |", "|Y| : |B: |", "+---------+",
  ].map(Array.init)
  /// Row and column of the stands R, G, Y, B.
  private static let stands = [(0, 0), (0, 4), (4, 0), (4, 3)]

  /// A state in its four parts.
  private struct Parts {
    var row: Int
    var column: Int
    /// 0 to 3: at that stand; 4: in the taxi.
    var passenger: Int
    var destination: Int

    init(_ state: Int) {
      (row, column, passenger, destination) = (state / 100, state / 20 % 5, state / 4 % 5, state % 4)
    }

    var state: Int { ((row * 5 + column) * 5 + passenger) * 4 + destination }
    /// The stand on which the taxi is.
    var stand: Int? { Taxi.stands.firstIndex { $0 == (row, column) } }
  }

  package let table: TransitionTable
  package var walk = TableWalk()

  package init(_ configuration: Configuration) {
    let starts = (0..<500).map { state in
      let parts = Parts(state)
      return parts.passenger < 4 && parts.passenger != parts.destination ? 1.0 : 0
    }
    let startCount = starts.reduce(0, +)
    table = TransitionTable(stateCount: 500, actionCount: 6, initialDistribution: starts.map { $0 / startCount }) {
      state, action in
      let parts = Parts(state)
      switch action {
      case 4: return [Taxi.pickUp(parts)]
      case 5: return [Taxi.dropOff(parts)]
      default:
        return configuration.isRainy
          ? Taxi.driftingMoves(parts, action, configuration.rainyProbability)
          : [TableOutcome(nextState: Taxi.moved(parts, action).state, reward: -1, isTerminated: false)]
      }
    }
  }

  /// Rows down and columns to the right of the moves south, north, east and west.
  private static let moves = [(1, 0), (-1, 0), (0, 1), (0, -1)]

  private static func isOpen(_ row: Int, mapColumn: Int) -> Bool { map[1 + row][mapColumn] == ":" }

  /// Whether the taxi can drive there: neither wall nor border.
  private static func canMove(_ parts: Parts, _ action: Int) -> Bool {
    let (down, right) = moves[action]
    return right == 0 ? (0..<5).contains(parts.row + down) : isOpen(parts.row, mapColumn: 2 * parts.column + 1 + right)
  }

  private static func moved(_ parts: Parts, _ action: Int) -> Parts {
    guard canMove(parts, action) else { return parts }
    var parts = parts
    (parts.row, parts.column) = (parts.row + moves[action].0, parts.column + moves[action].1)
    return parts
  }

  /// What was meant, then the drift to its left, then to its right; a move against a wall does not drift either.
  private static func driftingMoves(_ parts: Parts, _ action: Int, _ probability: Double) -> [TableOutcome] {
    let sides = [[2, 3], [3, 2], [1, 0], [0, 1]][action]
    let lateral = (1 - probability) / 2
    let isPossible = canMove(parts, action)
    return zip([action] + sides, [probability, lateral, lateral]).map { direction, probability in
      TableOutcome(
        probability: probability, nextState: (isPossible ? moved(parts, direction) : parts).state, reward: -1,
        isTerminated: false)
    }
  }

  private static func pickUp(_ parts: Parts) -> TableOutcome {
    var next = parts
    guard parts.passenger < 4, parts.stand == parts.passenger else {
      return TableOutcome(nextState: parts.state, reward: -10, isTerminated: false)
    }
    next.passenger = 4
    return TableOutcome(nextState: next.state, reward: -1, isTerminated: false)
  }

  private static func dropOff(_ parts: Parts) -> TableOutcome {
    var next = parts
    guard parts.passenger == 4, let stand = parts.stand else {
      return TableOutcome(nextState: parts.state, reward: -10, isTerminated: false)
    }
    next.passenger = stand
    let isThere = stand == parts.destination
    return TableOutcome(nextState: next.state, reward: isThere ? 20 : -1, isTerminated: isThere)
  }

  // MARK: Pictures and words

  package var actionNames: [String] { ["South", "North", "East", "West", "Pickup", "Dropoff"] }
  package var actionSymbols: [Character] { ["↓", "↑", "→", "←", "P", "D"] }
  /// A state is more than the taxi's place.
  package var layout: GridLayout? { nil }

  /// The town, then the last action. The taxi is yellow without and green with its passenger, who waits in blue; the
  /// destination is magenta. In plain text: t and T for the taxi, p for the passenger, d for the destination.
  package func text(of state: Int, after lastAction: Int?, style: StateTextStyle) -> String {
    let parts = Parts(state)
    var cells = Taxi.map.map { $0.map(String.init) }
    func paint(_ place: (Int, Int), _ paint: (Character) -> String) {
      let (row, column) = (1 + place.0, 2 * place.1 + 1)
      // As in Gymnasium, a place that is coloured already is coloured around its colours.
      cells[row][column] = style == .ansi ? Taxi.recolored(cells[row][column], paint) : paint(" ")
    }
    let taxi = (parts.row, parts.column)
    if style == .ansi {
      if parts.passenger < 4 {
        paint(taxi, ANSIColor.yellow.highlighted)
        paint(Taxi.stands[parts.passenger], ANSIColor.blue.bold)
      } else {
        paint(taxi) { ANSIColor.green.highlighted($0 == " " ? "_" : $0) }
      }
      paint(Taxi.stands[parts.destination], ANSIColor.magenta.colored)
    } else {
      paint(Taxi.stands[parts.destination]) { _ in "d" }
      if parts.passenger < 4 { paint(Taxi.stands[parts.passenger]) { _ in "p" } }
      paint(taxi) { _ in parts.passenger < 4 ? "t" : "T" }
    }
    let town = cells.map { $0.joined() + "\n" }.joined()
    return town + (lastAction.map { "  (\(actionNames[$0]))\n" } ?? "\n")
  }

  /// The town from above: the stands in the colours that they are named after, the destination framed in magenta, the
  /// passenger black, the taxi grey without and orange with them.
  package var sketch: Sketch? {
    let parts = Parts(currentState)
    var sketch = Sketch(x: -0.2...5.2, y: -0.2...5.2)
    func center(_ place: (Int, Int)) -> Sketch.Point { .init(Double(place.1) + 0.5, 4.5 - Double(place.0)) }
    func square(_ place: (Int, Int), _ side: Double, _ color: Color) {
      let half = Sketch.Point(side / 2, side / 2)
      sketch.rectangle(center(place) - half, center(place) + half, color)
    }
    square(Taxi.stands[parts.destination], 1, .magenta)
    for (stand, color) in zip(Taxi.stands, [Color.red, .green, .yellow, .blue]) {
      square(stand, stand == Taxi.stands[parts.destination] ? 0.8 : 1, color)
    }
    for row in 0..<5 {
      for column in 0..<4 where !Taxi.isOpen(row, mapColumn: 2 * column + 2) {
        let (x, y) = (Double(column + 1), Double(4 - row))
        sketch.bar(.init(x, y), .init(x, y + 1), width: 0.08, .ink)
      }
    }
    sketch.line([.init(0, 0), .init(5, 0), .init(5, 5), .init(0, 5), .init(0, 0)], width: 0.08, .ink)
    square((parts.row, parts.column), 0.6, parts.passenger == 4 ? .orange : .grey)
    let passenger = parts.passenger == 4 ? (parts.row, parts.column) : Taxi.stands[parts.passenger]
    sketch.disc(center(passenger), radius: 0.18, .ink)
    return sketch
  }

  /// The paint around a cell that may be painted already.
  private static func recolored(_ cell: String, _ paint: (Character) -> String) -> String {
    guard cell.count > 1 else { return paint(Character(cell)) }
    let around = paint("·").split(separator: "·", maxSplits: 1, omittingEmptySubsequences: false)
    return around[0] + cell + around[1]
  }
}
