/// The complete state of a thing as it was at one moment, in memory: the way back from work that is given up.
package struct StateSnapshot {
  private let scalars: [(name: String, value: String)]
  private let tensors: [(name: String, tensor: Archive.Tensor)]

  /// Copies what `thing` archives.
  package init(of thing: any ArchivableObject) throws {
    let archive = Archive()
    try thing.archive(archive)
    (scalars, tensors) = (archive.scalars, archive.tensors)
  }

  /// Gives it back to the same thing.
  package func restore(_ thing: any ArchivableObject) throws {
    try thing.archive(Archive(scalars: scalars, tensors: tensors))
  }
}
