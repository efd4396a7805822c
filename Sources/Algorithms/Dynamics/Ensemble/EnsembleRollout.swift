import CKernels
import Environments
import Support

/// One thread's rollouts: the memory and the loop that carry a chunk of plans over the horizon.
final class EnsembleRollout {
  private let owner: EnsembleScorer
  private let model: EnsembleDynamics
  private let settings: RolloutSettings
  /// Most plans of a chunk.
  let capacity: Int
  private let particles: Int
  private let size: Int
  private let stride: Int
  private let step: ImaginedStep
  /// 1 while a row's trajectory goes on.
  private let alive: FloatBuffer
  /// Per row: the return until now.
  private let totals: FloatBuffer
  /// Per row: pessimism times the ensemble's disagreement at this step.
  private let penalties: FloatBuffer
  /// Of all elites' predictions [size + 2][stride]: next state, reward, end.
  private let sum: FloatBuffer
  /// One elite's next state [size][stride].
  private let scratch: FloatBuffer
  /// Every elite's mean prediction [elites][targets][stride].
  private let memberMeans: FloatBuffer
  private let workspace: FloatBuffer
  private var index: [Int32]
  /// Per plan of the chunk, an order of its particles for this step (TS1).
  private var orders: [Int32]

  init(_ owner: EnsembleScorer, plans: Int) {
    self.owner = owner
    model = owner.model
    settings = owner.settings
    capacity = plans
    particles = owner.particles
    size = model.layout.observationSize
    stride = max(plans * owner.particles, 1)
    let width = model.targetCount
    let penalized = settings.pessimism > 0
    let averaged = settings.propagation == .expectation
    step = ImaginedStep(capacity: stride, observationSize: size, actionColumns: model.layout.actionColumns)
    alive = FloatBuffer(count: stride)
    totals = FloatBuffer(count: stride)
    penalties = FloatBuffer(count: penalized ? stride : 0)
    sum = FloatBuffer(count: averaged ? (size + 2) * stride : 0)
    scratch = FloatBuffer(count: averaged || penalized ? size * stride : 0)
    memberMeans = FloatBuffer(count: penalized ? model.elites.count * width * stride : 0)
    workspace = FloatBuffer(count: model.kernel.workspaceSize)
    index = [Int32](repeating: 0, count: stride)
    orders = [Int32](repeating: 0, count: settings.propagation == .ts1 ? stride : 0)
  }

  /// Scores the plans of `range` and writes their returns.
  func score(_ plans: Plans, range: Range<Int>, iteration: Int, key: UInt64, returns: UnsafeMutablePointer<Float>) {
    let rows = range.count * particles
    step.count = rows
    for column in 0..<size { (step.state.base + column * stride).update(repeating: owner.start[column], count: rows) }
    alive.base.update(repeating: 1, count: rows)
    totals.base.update(repeating: 0, count: rows)
    var weight: Float = 1
    for time in 0..<plans.horizon {
      spreadActions(Rows(plans.actions(at: time)), range)
      if settings.pessimism > 0 { measureDisagreement(rows) }
      var noise = ck_noise(key: key, step: UInt32(time), iteration: UInt32(iteration))
      advance(range, rows, &noise)
      if settings.propagation == .distribution { matchMoments(range, noise) }
      let ends = model.complete(step)
      accumulate(rows, weight)
      if ends && !retire(rows) { break }
      weight *= Float(settings.discount)
      step.carryOn()
    }
    for (place, plan) in range.enumerated() {
      var total: Float = 0
      for particle in 0..<particles { total += totals[place * particles + particle] }
      returns[plan] = total / Float(particles)
    }
  }

  /// Every plan's action of this time to all of its particles.
  private func spreadActions(_ actions: Rows, _ range: Range<Int>) {
    for (place, plan) in range.enumerated() {
      for column in 0..<actions.columns {
        (step.action.base + column * stride + place * particles)
          .update(repeating: actions[plan, column], count: particles)
      }
    }
  }

  private func advance(_ range: Range<Int>, _ rows: Int, _ noise: inout ck_noise) {
    if settings.propagation == .expectation {
      averageMembers(rows)
      return
    }
    var argument = model.kernelRows(step)
    let identity = UInt32(truncatingIfNeeded: range.lowerBound * particles)
    let members = model.elites.count
    if settings.propagation == .ts1 { drawOrders(range, noise) }
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
  /// different members so that all are used alike. Trajectories that have ended stay where they are, for nothing counts
  /// any more; only where particles are redrawn from their moments all of them matter.
  private func listRows(ofSlot slot: Int, _ members: Int, _ range: Range<Int>) -> Int {
    let (particles, isOrdered) = (particles, settings.propagation == .ts1)
    let (alive, movesAll) = (alive.base, settings.propagation == .distribution)
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
        var bits = SplitMix64(key: noise.key, UInt64(noise.iteration) << 32 | UInt64(noise.step), UInt64(plan))
        var remaining = UInt64(particles)
        while remaining > 1 {
          let chosen = bits.integer(below: remaining)
          remaining -= 1
          swap(&order[chosen], &order[Int(remaining)])
        }
      }
    }
  }

  /// Next state, reward and end as the elites' average of their means.
  private func averageMembers(_ rows: Int) {
    var argument = model.kernelRows(step, into: scratch.base)
    let extra = size * stride
    for (place, member) in model.elites.enumerated() {
      ck_ensemble_step(
        owner.kernel, Int32(member), Int64(rows), 0, nil, 0, &argument, nil, workspace.base)
      for column in 0..<size {
        add(scratch.base + column * stride, sum.base + column * stride, rows, isFirst: place == 0)
      }
      if model.learnsReward { add(step.reward.base, sum.base + extra, rows, isFirst: place == 0) }
      if model.learnsTermination { add(step.ended.base, sum.base + extra + stride, rows, isFirst: place == 0) }
    }
    let share = 1 / Float(model.elites.count)
    let (next, reward, ended) = (step.next.base, step.reward.base, step.ended.base)
    for column in 0..<size {
      for row in 0..<rows { next[column * stride + row] = sum[column * stride + row] * share }
    }
    if model.learnsReward { for row in 0..<rows { reward[row] = sum[extra + row] * share } }
    if model.learnsTermination { for row in 0..<rows { ended[row] = sum[extra + stride + row] * share } }
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
  private func matchMoments(_ range: Range<Int>, _ noise: ck_noise) {
    withUnsafeTemporaryAllocation(of: Float.self, capacity: particles * size) { normals in
      for (place, plan) in range.enumerated() {
        var bits = SplitMix64(key: noise.key, UInt64(noise.iteration) << 32 | UInt64(noise.step), UInt64(plan))
        ck_fill_normal(noise.key, bits.next(), Int64(normals.count), normals.baseAddress!)
        for column in 0..<size {
          let values = step.next.base + column * stride + place * particles
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
  private func measureDisagreement(_ rows: Int) {
    let width = model.targetCount
    let members = model.elites.count
    var argument = model.kernelRows(step, into: scratch.base)
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
      penalties[row] = Float(settings.pessimism) * (penalties[row] / Float(members)).squareRoot()
    }
  }

  private func accumulate(_ rows: Int, _ weight: Float) {
    let (alive, totals, rewards) = (alive.base, totals.base, step.reward.base)
    if settings.pessimism > 0 {
      for row in 0..<rows where alive[row] != 0 { totals[row] += weight * (rewards[row] - penalties[row]) }
    } else {
      for row in 0..<rows where alive[row] != 0 { totals[row] += weight * rewards[row] }
    }
  }

  /// Ends the trajectories that are marked; false where none goes on.
  private func retire(_ rows: Int) -> Bool {
    let (alive, ended) = (alive.base, step.ended.base)
    var left: Float = 0
    for row in 0..<rows {
      if ended[row] != 0 { alive[row] = 0 }
      left += alive[row]
    }
    return left > 0
  }
}
