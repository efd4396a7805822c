import Foundation
import Support
import TestSupport
import Testing

@Suite struct OutputPathTests {
  private let folder = TemporaryFolder()

  private func text(_ name: String) throws -> String {
    String(decoding: try FileSystem.read("\(folder.path)/\(name)", limit: 1000), as: UTF8.self)
  }

  @Test func tryingLeavesNothingAndWritingReplaces() throws {
    let path = "\(folder.path)/out.csv"
    let output = try OutputPath(path)
    #expect(try FileSystem.list(folder.path).isEmpty)
    try output.write(Array("one".utf8))
    try OutputPath(path).write(Array("two".utf8))
    #expect(try text("out.csv") == "two")
    #expect(try FileSystem.list(folder.path) == ["out.csv"])
  }

  @Test func aLinkStaysOne() throws {
    try FileSystem.writeAtomically("old", to: "\(folder.path)/real")
    try FileSystem.replaceLink("\(folder.path)/link", to: "real")
    try OutputPath("\(folder.path)/link").write(Array("new".utf8))
    #expect(try text("real") == "new")
    #expect(try FileManager.default.destinationOfSymbolicLink(atPath: "\(folder.path)/link") == "real")
  }

  @Test func whatCannotBeWrittenIsRefusedBeforeTheWork() throws {
    #expect(throws: FileError(path: folder.path, operation: "write", code: EISDIR)) { try OutputPath(folder.path) }
    for missing in ["\(folder.path)/none/x.gif", "\(folder.path)/none/"] {
      #expect(throws: FileError(path: missing, operation: "write", code: missing.hasSuffix("/") ? EISDIR : ENOENT)) {
        try OutputPath(missing)
      }
    }
  }

  @Test func devicesAreWrittenTo() throws {
    try OutputPath("/dev/null").write([1, 2, 3])
    #expect(FileSystem.kind(of: "/dev/null") == .other)
    #expect(throws: FileError(path: "/dev/full", operation: "write to", code: ENOSPC)) {
      try OutputPath("/dev/full").write([1])
    }
  }

  @Test func standardOutputHasSeveralNames() throws {
    for name in ["-", "/dev/stdout", "/dev/fd/1"] { #expect(try OutputPath(name).isStandardOutput, "\(name)") }
    #expect(try !OutputPath("\(folder.path)/-").isStandardOutput)
    #expect(try OutputPath("-").collides(with: OutputPath("/dev/stdout")))
    #expect(try OutputPath("\(folder.path)/a").collides(with: OutputPath("\(folder.path)/a")))
    #expect(try !OutputPath("\(folder.path)/a").collides(with: OutputPath("\(folder.path)/b")))
    #expect(try !OutputPath("/dev/null").collides(with: OutputPath("/dev/null")))
  }
}
