import Support

/// GridWorld-v0: from one corner of 5×5 places to the other, the smallest world for watching a planner work.
///
/// Positions are (x, y), up raises y; state y · width + x; actions up, down, left, right. +1 at the goal, else 0.
package struct GridWorld: MazeEnvironment {
  package struct Configuration: Configurable {
    package var width = 5
    package var height = 5
    package var start = [0, 0]
    package var goal = [4, 4]
    package var walls: [Int] = []
    package var slip = 0.0

    package init() {}

    package mutating func declare(_ fields: Fields) {
      fields.integer("width", &width, in: 1...1000, "places from left to right")
      fields.integer("height", &height, in: 1...1000, "places from bottom to top")
      fields.integers("start", &start, each: 0...999, count: 2...2, "x and y after a reset")
      fields.integers("goal", &goal, each: 0...999, count: 2...2, "x and y of the goal")
      fields.integers("walls", &walls, each: 0...999, count: 0...2_000_000, "x and y of each wall: x, y, x, y, …")
      fields.number("slip", &slip, in: 0...1, "probability of going to a side instead, half of it to each")
      if walls.count % 2 != 0 { fields.fault("walls", "has \(walls.count) numbers; every wall has an x and a y") }
      let pairs = stride(from: 0, to: walls.count - 1, by: 2).map { [walls[$0], walls[$0 + 1]] }
      for (name, place) in [("start", start), ("goal", goal)] + pairs.map({ ("walls", $0) }) {
        if place[0] >= width || place[1] >= height {
          fields.fault(name, "(\(place[0]), \(place[1])) is outside the \(width)×\(height) places")
        }
      }
      for (name, place) in [("start", start), ("goal", goal)] where pairs.contains(place) {
        fields.fault(name, "(\(place[0]), \(place[1])) is a wall")
      }
      if start == goal { fields.fault("goal", "is the start") }
    }

    /// The places that these options describe.
    var maze: GridMaze {
      func state(_ x: Int, _ y: Int) -> Int { y * width + x }
      let blocked = Set(stride(from: 0, to: walls.count - 1, by: 2).map { state(walls[$0], walls[$0 + 1]) })
      return GridMaze(
        width: width, height: height, walls: blocked, start: state(start[0], start[1]), goal: state(goal[0], goal[1]),
        slip: slip, growsUpwards: true)
    }
  }

  package static let specification = EnvironmentSpecification(
    id: "GridWorld-v0", observationSpace: .discrete(count: 25), actionSpace: .discrete(count: 4), stepLimit: 200,
    rewardRange: 0...1, framesPerSecond: 4,
    summary: "walk from corner to corner of 5×5 places, with walls at will (tabular, 200 steps)")

  package let specification: EnvironmentSpecification
  package let table: TransitionTable
  package var walk = TableWalk()
  package let maze: GridMaze

  package init(_ configuration: Configuration) {
    maze = configuration.maze
    table = maze.table()
    var specification = GridWorld.specification
    specification.showObservations(in: .discrete(count: table.stateCount))
    self.specification = specification
  }
}
