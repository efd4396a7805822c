import Environments
import Support

/// What Dreamer learns from: sequences of consecutive observations of one environment, episodes' borders within, with
/// the latent state that was last computed for every observation.
///
/// The newest sequences come first, each once and none overlapping another (the online queue); the others are drawn
/// uniformly. A sequence has a row before it, whose latent state it begins from.
package final class SequenceReplay: ArchivableObject {
  package let replay: Replay
  private let space: ActionSpace
  private let sizes: DreamerSizes
  /// Latent states [deterministic], and the classes of their latents, or normal latents as they are.
  private let h, z: Replay.Column
  /// Per lane the number of the row before the next sequence of the online queue.
  private var online: [Int]
  /// The rows before the sequences of the last batch.
  private var rows: [Int32] = []
  private var drawn: [Int32] = []
  /// Of one step of all sequences: rewards, flags; of all lanes or of a step, classes [·, latents].
  private let flags: RowBuffer
  private var classes: RowBuffer

  package init(
    of specification: EnvironmentSpecification, sizes: DreamerSizes, lanes: Int, capacity: Int, batch: Int
  ) {
    let observation = specification.observationSpace
    (space, self.sizes) = (specification.actionSpace, sizes)
    replay = Replay(
      observationSize: observation.size, element: observation.isImage ? .uint8 : .float32,
      actionColumns: space.columns,
      extra: [
        ReplayColumn("h", sizes.deterministic, isRevised: true),
        ReplayColumn("z", sizes.latents, sizes.latent == .gaussian ? .float32 : .uint8, isRevised: true),
      ], lanes: lanes, capacity: capacity)
    (h, z) = (replay.column("h"), replay.column("z"))
    online = [Int](repeating: 0, count: lanes)
    flags = RowBuffer(batch, 1)
    classes = RowBuffer(max(batch, lanes), sizes.latents)
    rows.reserveCapacity(batch)
    drawn.reserveCapacity(batch)
  }

  /// Keeps one step of every lane with the latent states [lanes, ·] that the actions were chosen in.
  package func append(_ steps: Transitions, h states: Rows, z latents: Rows) {
    let latents = stored(latents)
    replay.append(steps) { lane, row in
      row.set(h, states.row(lane))
      row.set(z, latents.row(lane))
    }
  }

  /// Fills a batch. Where there are not enough steps for one sequence: false.
  package func fill(_ batch: SequenceBatch, _ random: inout RandomStream) -> Bool {
    rows.removeAll(keepingCapacity: true)
    while rows.count < batch.count, let row = nextOnline(length: batch.length) { rows.append(row) }
    let rest = batch.count - rows.count
    if rest > 0 {
      guard
        replay.windows(rest, length: batch.length + 1, withinEpisodes: false, &random, into: &drawn)
      else { return false }
      rows.append(contentsOf: drawn)
    }
    for step in 0..<batch.length { fill(batch, step) }
    replay.gather(rows, h, into: batch.startH.rows)
    if sizes.latent == .gaussian {
      replay.gather(rows, z, into: batch.startZ.rows)
    } else {
      replay.gather(rows, z, into: classes.rows)
      setOneHot(batch.startZ.rows)
    }
    return true
  }

  /// The row before the oldest sequence that was not served yet; the lanes in turn.
  private func nextOnline(length: Int) -> Int32? {
    var found: Int?
    for lane in online.indices {
      let complete = replay.states[lane].complete
      if online[lane] < complete.lowerBound {
        online[lane] = (complete.lowerBound + length - 1) / length * length
      }
      if online[lane] + length < complete.upperBound, found.map({ online[lane] < online[$0] }) ?? true { found = lane }
    }
    guard let lane = found else { return nil }
    defer { online[lane] += length }
    return Int32(replay.row(lane, online[lane]))
  }

  /// Reward, end and action stand in the row before the observation that they led to.
  private func fill(_ batch: SequenceBatch, _ step: Int) {
    let steps = step * batch.count..<(step + 1) * batch.count
    func slice(_ buffer: RowBuffer) -> MutableRows { buffer.rows.slice(steps) }
    let (isFirst, rewards) = (slice(batch.isFirst), slice(batch.rewards))
    let (actions, isTerminal) = (slice(batch.previousActions), slice(batch.isTerminal))
    replay.gather(rows, replay.observation, shifted: step + 1, into: slice(batch.observations))
    replay.gather(rows, replay.isFirst, shifted: step + 1, into: isFirst)
    replay.gather(rows, replay.isTransition, shifted: step + 1, into: flags.rows)
    replay.gather(rows, replay.action, shifted: step, into: actions)
    space.squash(actions)
    replay.gather(rows, replay.reward, shifted: step, into: rewards)
    replay.gather(rows, replay.terminated, shifted: step, into: isTerminal)
    for row in 0..<batch.count {
      batch.isLast.rows[steps.lowerBound + row, 0] = 1 - flags.rows[row, 0]
      guard isFirst[row, 0] != 0 else { continue }
      (rewards[row, 0], isTerminal[row, 0]) = (0, 0)
      for column in 0..<actions.columns { actions[row, column] = 0 }
    }
  }

  /// Gives the steps of the last batch the latent states [T·B, features] that an update has computed for them.
  package func refresh(_ states: Rows, length: Int) {
    let (count, deter) = (rows.count, sizes.deterministic)
    for step in 0..<length {
      let steps = states.slice(step * count..<(step + 1) * count)
      replay.write(rows, h, shifted: step + 1, steps.columns(0..<deter))
      replay.write(rows, z, shifted: step + 1, stored(steps.columns(deter..<steps.columns)))
    }
  }

  // MARK: One-hot ↔ classes

  /// Latents [rows, stochastic] as the column keeps them; valid until the next call.
  private func stored(_ latents: Rows) -> Rows {
    if sizes.latent == .gaussian { return latents }
    setClasses(of: latents)
    return classes.read
  }

  private func setClasses(of latents: Rows) {
    for row in 0..<latents.count {
      for latent in 0..<sizes.latents {
        let first = latent * sizes.classes
        classes.rows[row, latent] = Float(latents.columns(first..<first + sizes.classes).hotColumn(row))
      }
    }
  }

  private func setOneHot(_ latents: MutableRows) {
    latents.fill(0)
    for row in 0..<latents.count {
      for latent in 0..<sizes.latents {
        latents[row, latent * sizes.classes + min(Int(classes.rows[row, latent]), sizes.classes - 1)] = 1
      }
    }
  }

  package func archive(_ archive: Archive) throws {
    try archive.part("steps", replay)
    for lane in online.indices { try archive.value("online\(lane)", &online[lane]) }
  }
}
