import Foundation
import Support

/// The commit of the repository that a file lives in, read from git's own files.
package enum GitRevision {
  /// 40 (or 64) hexadecimal digits; nil outside a repository or before its first commit.
  package static func of(_ path: String) -> String? {
    let folder = FileSystem.folder(of: URL(fileURLWithPath: path).path)
    return FileSystem.folders(from: folder).lazy.compactMap(gitFolder).first.flatMap(head)
  }

  /// `.git`, or where the file `.git` of a worktree or submodule points.
  private static func gitFolder(_ folder: String) -> String? {
    let path = "\(folder)/.git"
    switch FileSystem.kind(of: path) {
    case .folder: return path
    case .file:
      guard let line = line(path), line.hasPrefix("gitdir: ") else { return nil }
      let target = String(line.dropFirst(8))
      return target.hasPrefix("/") ? target : "\(folder)/\(target)"
    default: return nil
    }
  }

  private static func head(_ git: String) -> String? {
    guard let head = line("\(git)/HEAD") else { return nil }
    guard head.hasPrefix("ref: ") else { return isHash(head) ? head : nil }
    let reference = String(head.dropFirst(5))
    // A worktree keeps its HEAD for itself and shares the branches.
    let shared = line("\(git)/commondir").map { $0.hasPrefix("/") ? $0 : "\(git)/\($0)" }
    for folder in [git] + (shared.map { [$0] } ?? []) {
      if let hash = line("\(folder)/\(reference)"), isHash(hash) { return hash }
      guard let packed = try? FileSystem.read("\(folder)/packed-refs", limit: 1 << 26) else { continue }
      for entry in String(decoding: packed, as: UTF8.self).split(separator: "\n") {
        let parts = entry.split(separator: " ")
        if parts.count == 2, parts[1] == reference, isHash(String(parts[0])) { return String(parts[0]) }
      }
    }
    return nil
  }

  private static func line(_ path: String) -> String? {
    guard let bytes = try? FileSystem.read(path, limit: 4096) else { return nil }
    return String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
  }

  private static func isHash(_ text: String) -> Bool {
    [40, 64].contains(text.utf8.count) && text.allSatisfy(\.isHexDigit)
  }
}
