import Foundation

/// A folder that is held open, to notice where it goes: paths lead to whatever stands there, this stays the folder.
package struct HeldFolder: ~Copyable {
  private let folder: OpenFile

  /// Holds the folder that stands at `path` now.
  package init(_ path: String) throws(FileError) { folder = try OpenFile.reading(path) }

  /// Whether `path` still leads to it.
  package func isAt(_ path: String) -> Bool {
    var (ours, theirs) = (stat(), stat())
    guard fstat(folder.descriptor, &ours) == 0, stat(path, &theirs) == 0 else { return false }
    return ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino
  }

  /// Where it is now; nil where it was removed, or where nobody can tell.
  package var place: String? {
    #if os(Linux)
      var bytes = [UInt8](repeating: 0, count: 4096)
      let count = bytes.withUnsafeMutableBytes {
        readlink("/proc/self/fd/\(folder.descriptor)", $0.baseAddress!.assumingMemoryBound(to: CChar.self), $0.count)
      }
      guard count > 0 else { return nil }
      let path = String(decoding: bytes.prefix(count), as: UTF8.self)
    #else
      var bytes = [CChar](repeating: 0, count: Int(MAXPATHLEN))
      guard fcntl(folder.descriptor, F_GETPATH, &bytes) == 0 else { return nil }
      let path = String(cString: bytes)
    #endif
    return isAt(path) ? path : nil
  }
}
