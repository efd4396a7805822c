import CKernels
import Environments
import Support

/// One thread's imagination: the memory and the loop that carry a chunk of plans over the horizon.
final class Imagination {
  private let owner: EnsembleTrajectories
  private let model: EnsembleDynamics
  private let planner: PlannerConfiguration
  /// Most plans of a chunk.
  let capacity: Int
  private let particles: Int
  private let size: Int
  private let stride: Int
  private let states: (FloatBuffer, FloatBuffer)
  private let actions: FloatBuffer
  private let rewards: FloatBuffer
  private let ended: FloatBuffer
  /// 1 while a row's trajectory goes on.
  private let alive: FloatBuffer
  private let totals: FloatBuffer
  private let penalties: FloatBuffer
  private let sum: FloatBuffer
  private let scratch: FloatBuffer
  private let memberMeans: FloatBuffer
  private let workspace: FloatBuffer
  private var index: [Int32]
  /// Per plan of the chunk, an order of its particles for this step (TS1).
  private var orders: [Int32]

  init(_ owner: EnsembleTrajectories, plans: Int) {
    self.owner = owner
    model = owner.model
    planner = owner.planner
    capacity = plans
    particles = owner.particles
    size = model.layout.observationSize
    stride = max(plans * owner.particles, 1)
    let width = model.targetCount
    let penalized = planner.pessimism > 0
    let averaged = planner.propagation == .expectation
    states = (FloatBuffer(count: size * stride), FloatBuffer(count: size * stride))
    actions = FloatBuffer(count: owner.columns * stride)
    rewards = FloatBuffer(count: stride)
    ended = FloatBuffer(count: stride)
    alive = FloatBuffer(count: stride)
    totals = FloatBuffer(count: stride)
    penalties = FloatBuffer(count: penalized ? stride : 0)
    sum = FloatBuffer(count: averaged ? (size + 2) * stride : 0)
    scratch = FloatBuffer(count: averaged || penalized ? size * stride : 0)
    memberMeans = FloatBuffer(count: penalized ? model.elites.count * width * stride : 0)
    workspace = FloatBuffer(count: model.kernel.workspaceSize)
    index = [Int32](repeating: 0, count: stride)
    orders = [Int32](repeating: 0, count: planner.propagation == .ts1 ? stride : 0)
  }

  /// Scores the plans of `range` and writes their returns.
  func score(
    _ plans: UnsafePointer<Float>, range: Range<Int>, iteration: Int, key: UInt64,
    returns: UnsafeMutablePointer<Float>
  ) {
    let rows = range.count * particles
    var (state, next) = states
    for column in 0..<size { (state.base + column * stride).update(repeating: owner.start[column], count: rows) }
    alive.base.update(repeating: 1, count: rows)
    totals.base.update(repeating: 0, count: rows)
    var weight: Float = 1
    for step in 0..<planner.horizon {
      spreadActions(plans, range, step)
      if planner.pessimism > 0 { measureDisagreement(state, rows) }
      var noise = ck_noise(key: key, step: UInt32(step), iteration: UInt32(iteration))
      advance(state, next, range, rows, &noise)
      if planner.propagation == .distribution { matchMoments(next, range, noise) }
      let columns = TransitionColumns(
        count: rows, stride: stride, observation: state.base, action: actions.base, nextObservation: next.base)
      if !model.configuration.learnsReward { owner.known?.rewards(of: columns, into: rewards.base) }
      let ends = markEnds(columns)
      accumulate(rows, weight)
      if ends && !retire(rows) { break }
      weight *= Float(planner.discount)
      swap(&state, &next)
    }
    if let value = owner.horizonValue {
      value.values(of: state.base, count: rows, stride: stride, into: rewards.base)
      if planner.pessimism > 0 { penalties.base.update(repeating: 0, count: rows) }
      accumulate(rows, weight)
    }
    for (place, plan) in range.enumerated() {
      var total: Float = 0
      for particle in 0..<particles { total += totals[place * particles + particle] }
      returns[plan] = total / Float(particles)
    }
  }

  private func spreadActions(_ plans: UnsafePointer<Float>, _ range: Range<Int>, _ step: Int) {
    for (place, plan) in range.enumerated() {
      let row = plans + (plan * planner.horizon + step) * owner.columns
      for column in 0..<owner.columns {
        (actions.base + column * stride + place * particles).update(repeating: row[column], count: particles)
      }
    }
  }

  private func rowsArgument(_ state: FloatBuffer, _ next: UnsafeMutablePointer<Float>) -> ck_rows {
    var rows = ck_rows()
    rows.stride = Int64(stride)
    rows.observation = UnsafePointer(state.base)
    rows.action = UnsafePointer(actions.base)
    rows.next_observation = next
    if model.configuration.learnsReward { rows.reward = rewards.base }
    if model.configuration.termination == .learned { rows.termination = ended.base }
    return rows
  }

  private func advance(
    _ state: FloatBuffer, _ next: FloatBuffer, _ range: Range<Int>, _ rows: Int, _ noise: inout ck_noise
  ) {
    if planner.propagation == .expectation {
      averageMembers(state, next, rows)
      return
    }
    var argument = rowsArgument(state, next.base)
    let identity = UInt32(truncatingIfNeeded: range.lowerBound * particles)
    let members = model.elites.count
    if planner.propagation == .ts1 { drawOrders(range, noise) }
    for (slot, member) in model.elites.enumerated() {
      let count = listRows(ofSlot: slot, members, range)
      index.withUnsafeBufferPointer { index in
        ck_ensemble_step(
          owner.kernel, Int32(member), Int64(count), 0, index.baseAddress, identity, &argument, &noise,
          workspace.base)
      }
    }
  }

  /// Puts the rows that a member moves into `index` and returns how many they are: the particles that stand at the
  /// places slot, slot + K, slot + 2K, … of their plan's order; where K does not divide the particles, plans begin at
  /// different members so that all are used alike. Trajectories that have ended stay where they are, for nothing counts any more;
  /// only where particles are redrawn from their moments all of them matter.
  private func listRows(ofSlot slot: Int, _ members: Int, _ range: Range<Int>) -> Int {
    let (particles, isOrdered) = (particles, planner.propagation == .ts1)
    let (alive, movesAll) = (alive.base, planner.propagation == .distribution)
    return index.withUnsafeMutableBufferPointer { index in
      orders.withUnsafeBufferPointer { orders in
        var count = 0
        for (place, plan) in range.enumerated() {
          let turn = particles % members == 0 ? 0 : plan % members
          var position = (slot + members - turn) % members
          while position < particles {
            let particle = isOrdered ? orders[place * particles + position] : Int32(position)
            let row = place * particles + Int(particle)
            if movesAll || alive[row] != 0 {
              index[count] = Int32(row)
              count += 1
            }
            position += members
          }
        }
        return count
      }
    }
  }

  /// Fisher–Yates per plan, on SplitMix64 numbers keyed by (key, iteration, step, plan).
  private func drawOrders(_ range: Range<Int>, _ noise: ck_noise) {
    orders.withUnsafeMutableBufferPointer { orders in
      for (place, plan) in range.enumerated() {
        let order = orders.baseAddress! + place * particles
        for particle in 0..<particles { order[particle] = Int32(particle) }
        var bits = SplitMix(noise.key, UInt64(noise.iteration) << 32 | UInt64(noise.step), UInt64(plan))
        var remaining = UInt64(particles)
        while remaining > 1 {
          let chosen = Int(bits.next().multipliedFullWidth(by: remaining).high)
          remaining -= 1
          swap(&order[chosen], &order[Int(remaining)])
        }
      }
    }
  }

  /// Next state, reward and end as the elites' average of their means.
  private func averageMembers(_ state: FloatBuffer, _ next: FloatBuffer, _ rows: Int) {
    var argument = rowsArgument(state, scratch.base)
    let extra = size * stride
    for (place, member) in model.elites.enumerated() {
      ck_ensemble_step(
        owner.kernel, Int32(member), Int64(rows), 0, nil, 0, &argument, nil, workspace.base)
      for column in 0..<size {
        add(scratch.base + column * stride, sum.base + column * stride, rows, isFirst: place == 0)
      }
      if model.configuration.learnsReward { add(rewards.base, sum.base + extra, rows, isFirst: place == 0) }
      if model.configuration.termination == .learned {
        add(ended.base, sum.base + extra + stride, rows, isFirst: place == 0)
      }
    }
    let share = 1 / Float(model.elites.count)
    for column in 0..<size {
      for row in 0..<rows { next[column * stride + row] = sum[column * stride + row] * share }
    }
    if model.configuration.learnsReward { for row in 0..<rows { rewards[row] = sum[extra + row] * share } }
    if model.configuration.termination == .learned {
      for row in 0..<rows { ended[row] = sum[extra + stride + row] * share }
    }
  }

  private func add(
    _ source: UnsafePointer<Float>, _ target: UnsafeMutablePointer<Float>, _ rows: Int, isFirst: Bool
  ) {
    if isFirst {
      target.update(from: source, count: rows)
    } else {
      for row in 0..<rows { target[row] += source[row] }
    }
  }

  /// DS: a plan's particles are redrawn from the normal with their mean and (biased) variance.
  private func matchMoments(_ next: FloatBuffer, _ range: Range<Int>, _ noise: ck_noise) {
    withUnsafeTemporaryAllocation(of: Float.self, capacity: particles * size) { normals in
      for (place, plan) in range.enumerated() {
        var bits = SplitMix(noise.key, UInt64(noise.iteration) << 32 | UInt64(noise.step), UInt64(plan))
        ck_fill_normal(noise.key, bits.next(), Int64(normals.count), normals.baseAddress!)
        for column in 0..<size {
          let values = next.base + column * stride + place * particles
          var total: Float = 0
          for particle in 0..<particles { total += values[particle] }
          let mean = total / Float(particles)
          var squares: Float = 0
          for particle in 0..<particles { squares += (values[particle] - mean) * (values[particle] - mean) }
          let deviation = (squares / Float(particles)).squareRoot()
          for particle in 0..<particles {
            values[particle] = mean + deviation * normals[column * particles + particle]
          }
        }
      }
    }
  }

  /// σ(s, a) = √((1/K)·Σ‖f_k − μ‖²) over the elites' mean predictions, per row.
  private func measureDisagreement(_ state: FloatBuffer, _ rows: Int) {
    let width = model.targetCount
    let members = model.elites.count
    var argument = rowsArgument(state, scratch.base)
    for (place, member) in model.elites.enumerated() {
      argument.mean = memberMeans.base + place * width * stride
      ck_ensemble_step(
        owner.kernel, Int32(member), Int64(rows), 0, nil, 0, &argument, nil, workspace.base)
    }
    penalties.base.update(repeating: 0, count: rows)
    for column in 0..<size {
      for row in 0..<rows {
        var total: Float = 0
        for place in 0..<members { total += memberMeans[(place * width + column) * stride + row] }
        let mean = total / Float(members)
        for place in 0..<members {
          let difference = memberMeans[(place * width + column) * stride + row] - mean
          penalties[row] += difference * difference
        }
      }
    }
    for row in 0..<rows {
      penalties[row] = Float(planner.pessimism) * (penalties[row] / Float(members)).squareRoot()
    }
  }

  /// Marks rows whose trajectory ends with this step; false where none can.
  private func markEnds(_ columns: TransitionColumns) -> Bool {
    switch model.configuration.termination {
    case .never:
      return false
    case .known:
      guard let known = owner.known else { return false }
      known.terminations(of: columns, into: ended.base)
      return true
    case .learned:
      for row in 0..<columns.count { ended[row] = ended[row] > 0 ? 1 : 0 }
      return true
    }
  }

  private func accumulate(_ rows: Int, _ weight: Float) {
    let (alive, totals, rewards) = (alive.base, totals.base, rewards.base)
    if planner.pessimism > 0 {
      for row in 0..<rows where alive[row] != 0 { totals[row] += weight * (rewards[row] - penalties[row]) }
    } else {
      for row in 0..<rows where alive[row] != 0 { totals[row] += weight * rewards[row] }
    }
  }

  /// Ends the trajectories that are marked; false where none goes on.
  private func retire(_ rows: Int) -> Bool {
    let (alive, ended) = (alive.base, ended.base)
    var left: Float = 0
    for row in 0..<rows {
      if ended[row] != 0 { alive[row] = 0 }
      left += alive[row]
    }
    return left > 0
  }
}

/// SplitMix64 from a mixed key: cheap, counter-like, for shuffles inside imagination.
private struct SplitMix {
  private var state: UInt64

  init(_ key: UInt64, _ time: UInt64, _ plan: UInt64) {
    state = key ^ time &* 0x9e37_79b9_7f4a_7c15
    state = next() ^ plan &* 0xd1b5_4a32_d192_ed03
  }

  mutating func next() -> UInt64 {
    state = state &+ 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
