import Foundation
import Support
import TestSupport
import Testing

struct FileSystemTests {
  @Test func atomicWritesReplaceAndLeaveNothing() throws {
    let folder = TemporaryFolder()
    try FileSystem.writeAtomically("old", to: folder.file("a"))
    try FileSystem.writeAtomically("new", to: folder.file("a"))
    #expect(folder.text("a") == "new")
    #expect(try FileSystem.list(folder.path) == ["a"])
  }

  @Test func aFailedWriteLeavesTheOldFile() throws {
    let folder = TemporaryFolder()
    try FileSystem.writeAtomically("old", to: folder.file("a"))
    let fault = FileError(path: folder.file("a"), operation: "write to", reason: "made up")
    #expect(throws: fault) {
      try FileSystem.writeAtomically(to: folder.file("a")) { (file) throws(FileError) in
        try file.write(Array("half".utf8))
        throw fault
      }
    }
    #expect(folder.text("a") == "old")
    #expect(try FileSystem.list(folder.path) == ["a"])
    let missing = #expect(throws: FileError.self) { try FileSystem.writeAtomically("x", to: folder.file("no/a")) }
    #expect(missing?.description == "cannot create \(folder.file("no/a")): No such file or directory")
  }

  @Test func foldersMoveInOneStep() throws {
    let folder = TemporaryFolder()
    try FileSystem.createFolder(folder.file("new/deep/er"))
    try FileSystem.createFolder(folder.file("new/deep/er"))
    try FileSystem.writeAtomically("x", to: folder.file("new/deep/x"))
    try FileSystem.moveDurably(folder.file("new"), to: folder.file("step-1"))
    #expect(folder.text("step-1/deep/x") == "x")
    #expect(FileSystem.kind(of: folder.file("new")) == nil)
    try FileSystem.createFolder(folder.file("other"))
    #expect(throws: FileError.self) { try FileSystem.move(folder.file("other"), to: folder.file("step-1")) }
  }

  /// What stands where a folder should be is said: a link that leads nowhere, a file.
  @Test func whatIsInTheWayOfAFolder() throws {
    let folder = TemporaryFolder()
    try FileSystem.replaceLink(folder.file("link"), to: "gone/away")
    try FileSystem.writeAtomically("x", to: folder.file("file"))
    for (name, reason) in [
      ("link", "it is a link to gone/away, where nothing is; make that folder, or remove the link"),
      ("file", "File exists, and it is no folder; remove it, or name another place"),
    ] {
      for path in [name, "\(name)/deeper"] {
        let found = #expect(throws: FileError.self) { try FileSystem.createFolder(folder.file(path)) }
        #expect(found?.description == "cannot create folder \(folder.file(name)): \(reason)")
      }
    }
  }

  @Test func linksAreReplacedAndNotFollowedOnRemoval() throws {
    let folder = TemporaryFolder()
    try FileSystem.createFolder(folder.file("kept/inner"))
    try FileSystem.replaceLink(folder.file("latest"), to: "missing")
    #expect(FileSystem.kind(of: folder.file("latest")) == nil)
    try FileSystem.replaceLink(folder.file("latest"), to: "kept")
    #expect(FileSystem.kind(of: folder.file("latest/inner")) == .folder)
    try FileSystem.createFolder(folder.file("doomed/a/b"))
    try FileSystem.replaceLink(folder.file("doomed/link"), to: folder.file("kept"))
    try FileSystem.removeTree(folder.file("doomed"))
    try FileSystem.removeTree(folder.file("doomed"))
    #expect(try FileSystem.list(folder.path) == ["kept", "latest"])
    #expect(FileSystem.kind(of: folder.file("kept/inner")) == .folder)
  }

  @Test func reading() throws {
    let folder = TemporaryFolder()
    let path = folder.write("12345", to: "a")
    #expect(try FileSystem.read(path, limit: 5).count == 5)
    #expect(throws: FileError(path: path, operation: "read", reason: "larger than 4 bytes")) {
      try FileSystem.read(path, limit: 4)
    }
    // A device has no size to check beforehand.
    #expect(throws: FileError.self) { try FileSystem.read("/dev/zero", limit: 100_000) }
    #expect(throws: FileError.self) { try FileSystem.read(path + "\u{0}x", limit: 5) }
    let large = [UInt8](repeating: 7, count: 300_000)
    try FileSystem.writeAtomically(large, to: folder.file("large"))
    #expect(try FileSystem.read(folder.file("large"), limit: 1 << 20) == large)
  }

  @Test func namesAndSizes() throws {
    #expect(FileSystem.folder(of: "a") == ".")
    #expect(FileSystem.folder(of: "/a") == "/")
    #expect(FileSystem.folder(of: "/") == ".")
    #expect(FileSystem.folder(of: "a/b") == "a")
    #expect(FileSystem.folder(of: "/a//b//") == "/a")
    #expect(FileSystem.folder(of: "é/ü") == "é")
    #expect(
      FileSystem.isTemporaryName(FileSystem.temporaryName(beside: "x").split(separator: "/").last.map(String.init)!))
    #expect(
      [0, 1, 1023, 1024, 1536, 10 << 10, 1_048_575, 16 << 20, Int.max].map(FileSystem.byteCount) == [
        "0 bytes", "1 byte", "1023 bytes", "1 KB", "1.5 KB", "10 KB", "1 MB", "16 MB", "8 EB",
      ])
    let folder = TemporaryFolder()
    #expect(try FileSystem.freeSpace(at: folder.path) > 0)
    #expect(throws: FileError.self) { try FileSystem.freeSpace(at: folder.file("none")) }
    for name in ["b", "B", "a10", "a9", "é"] { _ = folder.write("", to: name) }
    #expect(try FileSystem.list(folder.path) == ["B", "a10", "a9", "b", "é"])
  }

  @Test func aFullDiskIsSaid() throws {
    guard FileSystem.kind(of: "/dev/full") == .other else { return }
    let file = try OpenFile.updating("/dev/full")
    let error = #expect(throws: FileError.self) { try file.write([1]) }
    #expect(error?.description == "cannot write to /dev/full: No space left on device")
    #expect(error?.code == ENOSPC)
  }
}

struct LockFileTests {
  @Test func onlyOneHoldsIt() throws {
    let folder = TemporaryFolder()
    let path = folder.file("lock")
    var lock: LockFile? = try LockFile(path)
    let holder = "process \(ProcessInfo.processInfo.processIdentifier) on \(LockFile.hostName)"
    let error = #expect(throws: LockError.held(path: path, by: holder)) { try LockFile(path) }
    #expect(error?.description == "\(path) is locked by \(holder); wait for it to end, or stop it")
    withExtendedLifetime(lock) {}
    lock = nil
    #expect(folder.text("lock") == "")
    _ = try LockFile(path)
  }

  @Test func aFileThatCannotBeMadeIsNamed() {
    let error = #expect(throws: LockError.self) { try LockFile("/nonexistent/lock") }
    #expect(error?.description == "cannot open /nonexistent/lock: No such file or directory")
  }
}

struct AppendFileTests {
  @Test func appendsAndGoesBack() throws {
    let folder = TemporaryFolder()
    let path = folder.file("log")
    do {
      let file = try AppendFile(creating: path)
      try file.append(Array("one\n".utf8))
      try file.append(Array("two\n".utf8))
      #expect(file.offset == 8)
      try file.synchronize()
    }
    #expect(throws: FileError(path: path, operation: "create", code: EEXIST)) { try AppendFile(creating: path) }
    let file = try AppendFile(reopening: path, at: 4)
    try file.append(Array("2\n".utf8))
    #expect(folder.text("log") == "one\n2\n")
    let error = #expect(throws: FileError.self) { try AppendFile(reopening: path, at: 7) }
    #expect(error?.description == "cannot append to \(path): it has 6 bytes, the checkpoint was made at 7")
    #expect(folder.text("log") == "one\n2\n")
    #expect(try AppendFile(reopening: path).offset == 6)
  }
}
