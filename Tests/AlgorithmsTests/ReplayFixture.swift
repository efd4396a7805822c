import Algorithms
import Environments
import Support

/// What a replay has to hold: the rows of every lane as they were appended, written down the long way.
final class ReplayFixture {
  struct Settings: Sendable, CustomStringConvertible {
    var layout = Replay.Layout.chained
    var element = ReplayColumn.Element.float32
    var storage = Replay.Storage.logged
    var lanes = 1
    var capacity = 20
    var isPrioritised = false
    var description: String {
      "\(layout) \(element) \(storage) \(lanes)×\(capacity / lanes)\(isPrioritised ? " by priority" : "")"
    }

    func makeReplay() -> Replay {
      Replay(
        observationSize: 3, element: element, actionColumns: 2,
        extra: [
          ReplayColumn("number", 1), ReplayColumn("latent", 2, isRevised: true),
          ReplayColumn("mark", 1, .uint8, isRevised: true), ReplayColumn("code", 2, .uint8),
        ], lanes: lanes, capacity: capacity, layout: layout, storage: storage, isPrioritised: isPrioritised)
    }
  }

  /// A row, with an action where `number` is not nil.
  struct Row: Equatable {
    var observation: [Float]
    var isFirst = false
    var episode = 0
    var number: Int?
    var action: [Float] = [0, 0]
    var reward: Float = 0
    var terminated: Float = 0
    var truncated: Float = 0
    var next: [Float] = []
  }

  let settings: Settings
  /// All rows ever, lane by lane; the last one may be open.
  private(set) var rows: [[Row]]
  private var isOpen: [Bool]
  private var time: [Int]
  private var episode: Int
  private var steps = 0
  private let random: RandomStream

  init(_ settings: Settings, seed: UInt64 = 1) {
    self.settings = settings
    rows = [[Row]](repeating: [], count: settings.lanes)
    isOpen = [Bool](repeating: false, count: settings.lanes)
    time = [Int](repeating: 0, count: settings.lanes)
    episode = 0
    random = RandomStream(seed: seed)
  }

  /// Whole numbers 0...255, those of a byte too.
  private static func observation(_ lane: Int, _ episode: Int, _ time: Int) -> [Float] {
    (0..<3).map { Float((lane * 97 + episode * 29 + time * 7 + $0 * 53) % 256) }
  }

  /// A step of every lane, with ends, cut-off and lost episodes.
  func step(_ replay: Replay) {
    let (lanes, number) = (settings.lanes, steps)
    let (observations, actions, next) = (RowBuffer(lanes, 3), RowBuffer(lanes, 2), RowBuffer(lanes, 3))
    var (outcomes, isFirst): ([Outcome], [Bool]) = ([], [])
    for lane in 0..<lanes {
      var draws = random.stream(UInt64(steps * lanes + lane))
      let isLost = draws.integer(below: 15) == 0
      let begins = !isOpen[lane] || isLost
      if begins {
        episode += 1
        time[lane] = 0
        var row = Row(observation: Self.observation(lane, episode, 0), isFirst: true, episode: episode)
        if settings.layout == .loose { row.isFirst = false }
        rows[lane].append(row)
      } else if settings.layout == .loose {
        rows[lane].append(Row(observation: rows[lane].last!.next, episode: rows[lane].last!.episode))
      }
      let last = rows[lane].count - 1
      time[lane] += 1
      let end = draws.integer(below: 7)
      var row = rows[lane][last]
      row.number = number * lanes + lane
      row.action = [Float(draws.uniform()), -1]
      row.reward = Float(draws.uniform())
      row.terminated = end == 0 ? 1 : 0
      row.truncated = end == 1 ? 1 : 0
      row.next = Self.observation(lane, row.episode, time[lane])
      rows[lane][last] = row
      if settings.layout == .chained { rows[lane].append(Row(observation: row.next, episode: row.episode)) }
      isOpen[lane] = end > 1
      for column in 0..<3 {
        observations.rows[lane, column] = row.observation[column]
        next.rows[lane, column] = row.next[column]
      }
      for column in 0..<2 { actions.rows[lane, column] = row.action[column] }
      outcomes.append(
        Outcome(reward: Double(row.reward), isTerminated: row.terminated == 1, isTruncated: row.truncated == 1))
      isFirst.append(begins)
    }
    let extra = RowBuffer(1, 2)
    replay.append(
      Transitions(
        observations: observations.read,
        actions: ActionRows(actions.rows, .box(low: [-1, -1], high: [1, 1])), outcomes: outcomes, next: next.read,
        isFirst: isFirst, episode: [Int](repeating: 0, count: lanes))
    ) { lane, row in
      extra.rows[0, 0] = Float(number * lanes + lane)
      row.set(replay.column("number"), extra.read.columns(0..<1))
      extra.rows[0, 1] = 255
      row.set(replay.column("code"), extra.read)
      extra.rows[0, 0] = 0.5
      row.set(replay.column("latent"), extra.read)
    }
    steps += 1
  }

  /// The rows that are left in a lane's ring.
  func left(_ lane: Int) -> ArraySlice<Row> { rows[lane].suffix(max(2, settings.capacity / settings.lanes)) }
  /// Those of them to which nothing will be added.
  func complete(_ lane: Int) -> ArraySlice<Row> {
    isOpen[lane] && settings.layout == .chained ? left(lane).dropLast() : left(lane)
  }

  /// The transitions that there have to be, in their order.
  var transitions: [Row] { (0..<settings.lanes).flatMap { left($0).filter { $0.number != nil } } }
}

/// The values of a column in some rows.
func gathered(_ replay: Replay, _ rows: [Int32], _ column: Replay.Column, shifted shift: Int = 0) -> [[Float]] {
  let buffer = RowBuffer(rows.count, column.width)
  replay.gather(rows, column, shifted: shift, into: buffer.rows)
  return (0..<rows.count).map { buffer.read.row($0).array }
}

extension Replay {
  /// Every transition, in order.
  var transitions: [Int32] { (0..<count).map(transition) }

  func sampled(_ count: Int, _ random: inout RandomStream) -> [Int32] {
    var rows: [Int32] = []
    sample(count, &random, into: &rows)
    return rows
  }

  /// Everything that the columns of its transitions say.
  func contents() -> [[[Float]]] {
    ([observation, action, next, reward, terminated, truncated, isFirst]
      + ["number", "latent", "mark", "code"].map(column)).map { gathered(self, transitions, $0) }
  }
}
