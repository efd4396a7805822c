import Support

/// Where a run branches off: checkpoints of an older one, one per seed, that it goes on from with settings of its own.
package struct RunOrigin: Equatable, Sendable {
  /// The state of one seed.
  package struct Checkpoint: Equatable, Sendable {
    package var path: String
    package var seed: Int
    package var step: Int
    /// Of the run that it belongs to.
    package var configurationHash: String
  }

  /// By seed.
  package var checkpoints: [Checkpoint]

  /// The checkpoint at a path, the newest one of a seed, or those of all seeds of a run.
  package init(_ path: String) throws(ExperimentError) {
    checkpoints = []
    for reference in try CheckpointTarget(path).checkpoints(.latest) {
      do {
        checkpoints.append(
          try reference.read { path in
            let manifest = try Experiments.Checkpoint.readManifest(path)
            return Checkpoint(
              path: path, seed: manifest.seed, step: manifest.step, configurationHash: manifest.configurationHash)
          })
      } catch {
        throw ExperimentError(error)
      }
    }
    checkpoints.sort { $0.seed < $1.seed }
  }

  /// What tells runs of one configuration with different origins apart: "from-0123abcd".
  package var name: String {
    let text = checkpoints.map { "\($0.configurationHash) \($0.seed) \($0.step)" }.joined(separator: "\n")
    return "from-\(Digest.sha256(text).prefix(8))"
  }

  /// A seed's checkpoint; nil where the origin does not have that seed.
  package func checkpoint(_ seed: Int) -> Checkpoint? { checkpoints.first { $0.seed == seed } }
}

extension RunOrigin.Checkpoint {
  /// As run.json has it.
  package var json: JSON {
    [
      "checkpoint": .string(path), "configurationHash": .string(configurationHash), "seed": .integer(seed),
      "step": .integer(step),
    ]
  }
}
