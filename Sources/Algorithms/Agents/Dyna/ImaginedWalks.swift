import Environments
import Support

/// Step 4 of neural Dyna: imagined walks that begin at real states and follow the present policy, all carried on by one
/// step at every call.
///
/// A walk begins anew where the task has ended in it or after `length` steps. Its first action is any one, so that what
/// the policy would not do is imagined as well; later ones are greedy, but for a share of `exploration`. Walks reach what
/// the policy is about to do before the real environment does: the replay buffer holds what older policies did.
final class ImaginedWalks: ArchivableObject {
  /// The latest step of every walk, as batches for as many updates.
  let batches: [QBatch]
  private let imagination: OneStepImagination
  private let actions: Int
  private let length: Int
  private let exploration: Double
  /// Per batch and walk: steps since its beginning.
  private var ages: [[Int32]]
  private var random: RandomStream

  /// `batches` × `batchSize` walks of at most `length` steps through `model`.
  init(
    _ model: EnsembleDynamics, known: (any KnownDynamicsParts)?, batches count: Int, batchSize: Int, length: Int,
    exploration: Double, random: RandomStream
  ) {
    let size = model.layout.observationSize
    batches = (0..<count).map { _ in QBatch(count: batchSize, size: size) }
    imagination = OneStepImagination(model, known: known, capacity: count * batchSize)
    actions = model.layout.actionColumns
    (self.length, self.exploration, self.random) = (length, exploration, random)
    ages = Array(repeating: Array(repeating: Int32(length), count: batchSize), count: count)
  }

  /// Carries every walk one step on. New ones begin at states of `real`, which has some.
  func advance(from real: TransitionBuffer, by network: QNetwork) {
    for (place, batch) in batches.enumerated() {
      for row in 0..<batch.count { begin(row, of: batch, &ages[place][row], from: real) }
      network.greedyActions(batch.observations, count: batch.count, into: &batch.actions)
      for row in 0..<batch.count where ages[place][row] == 1 || random.uniform() < exploration {
        batch.actions[row] = random.integer(below: actions)
      }
    }
    imagination.advance(batches, noise: random.takeBlock() ^ random.key)
  }

  /// Where the walk of this row stands, the beginning of another one if it is over.
  private func begin(_ row: Int, of batch: QBatch, _ age: inout Int32, from real: TransitionBuffer) {
    let columns = row * batch.size..<(row + 1) * batch.size
    if age >= Int32(length) || batch.terminated[row] != 0 {
      let source = random.integer(below: real.count) * batch.size
      for column in columns { batch.observations[column] = real.observations[source + column - columns.lowerBound] }
      age = 0
    } else {
      for column in columns { batch.observations[column] = batch.nextObservations[column] }
    }
    age += 1
  }

  /// Bytes in a checkpoint.
  var storedBytes: Int { batches.reduce(0) { $0 + 4 * $1.count * ($1.size + 2) } }

  /// What the next call goes on from: ends and next observations; a batch holds everything else for its update only.
  func archive(_ archive: Archive) throws {
    try archive.part("random", &random)
    for (place, batch) in batches.enumerated() {
      try archive.scope("\(place)") {
        try archive.buffer("states", batch.nextObservations.memory, shape: [batch.count, batch.size])
        try archive.buffer("ended", batch.terminated.memory, shape: [batch.count])
        try archive.array("ages", &ages[place])
        guard ages[place].count == batch.count, ages[place].allSatisfy({ $0 >= 0 }) else {
          throw ArchiveError.malformed("ages", "one number per imagined walk, none negative")
        }
      }
    }
  }
}
