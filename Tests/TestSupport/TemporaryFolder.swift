import Foundation
import Support

/// A folder that goes away with the test.
package final class TemporaryFolder: Sendable {
  package let path: String

  package init() {
    // Where there is a file system in memory, waiting for the disk takes no time.
    let memory = "/dev/shm"
    let parent = access(memory, W_OK) == 0 ? memory : FileManager.default.temporaryDirectory.path
    path = "\(parent)/mbrl-test-\(UUID().uuidString)"
    try! FileSystem.createFolder(path)
  }

  deinit { try? FileSystem.removeTree(path) }

  /// The path of a file in it.
  package func file(_ name: String) -> String { "\(path)/\(name)" }

  /// Writes a file and returns its path.
  package func write(_ text: String, to name: String) -> String {
    try! FileSystem.writeAtomically(text, to: file(name))
    return file(name)
  }

  /// What a file holds.
  package func text(_ name: String) -> String {
    String(decoding: (try? FileSystem.read(file(name), limit: 1 << 24)) ?? Array("(unreadable)".utf8), as: UTF8.self)
  }
}
