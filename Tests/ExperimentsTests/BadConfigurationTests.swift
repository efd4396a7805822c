import Foundation
import Support
import TestSupport
import Testing

import Experiments

/// The corpus of bad configurations, Tests/Fixtures/configs: every FILE.json is refused with the text of FILE.expected,
/// where "⟨…⟩" stands for anything within a line (lists that grow with the registries).
///
/// `scripts/torture/bad-configs.sh` shows the same files to the release binary.
@Suite struct BadConfigurationTests {
  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Fixtures/configs").path

  static let names = ((try? FileSystem.list(folder)) ?? []).filter { $0.hasSuffix(".json") }

  @Test func theCorpusIsThere() { #expect(Self.names.count >= 60) }

  @Test(arguments: names)
  func message(name: String) throws {
    let path = "\(Self.folder)/\(name)"
    let found = try #require(error { try ExperimentFile.load(path) }, "accepted")
    #expect(found.exitCode == .configuration)
    let golden = String(decoding: try FileSystem.read("\(path.dropLast(5)).expected", limit: 1 << 20), as: UTF8.self)
    let expected = golden.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
    let lines = found.description.replacingOccurrences(of: path, with: name)
      .split(separator: "\n", omittingEmptySubsequences: false)
    #expect(lines.count == expected.count, "\(found)")
    for (line, pattern) in zip(lines, expected) { #expect(Self.matches(line, pattern), "\(line)") }
  }

  /// Whether a line is as expected.
  static func matches(_ line: Substring, _ pattern: Substring) -> Bool {
    let parts = String(pattern).components(separatedBy: "⟨…⟩")
    guard parts.count > 1 else { return line == pattern }
    var rest = line
    for (index, part) in parts.enumerated() {
      if index == parts.count - 1 { return rest.hasSuffix(part) }
      guard let range = part.isEmpty ? rest.startIndex..<rest.startIndex : rest.range(of: part),
        index > 0 || range.lowerBound == rest.startIndex
      else { return false }
      rest = rest[range.upperBound...]
    }
    return true
  }

  @Test func patterns() {
    #expect(Self.matches("a b c", "a ⟨…⟩ c") && Self.matches("a c", "a ⟨…⟩c") && Self.matches("abc", "⟨…⟩c"))
    #expect(!Self.matches("x a b c", "a ⟨…⟩ c") && !Self.matches("a b", "a ⟨…⟩ c") && !Self.matches("ab", "a"))
  }

  /// A file that is larger than any configuration is refused by its size, before it is read.
  @Test func aVeryLargeFile() throws {
    let folder = TemporaryFolder()
    let path = "\(folder.path)/large.json"
    let file = try AppendFile(creating: path)
    try file.append(Array("{}".utf8))
    #expect(truncate(path, 200 << 20) == 0)
    let found = try #require(error { try ExperimentFile.load(path) })
    #expect("\(found)" == "\(path): cannot read it: larger than 16 MB")
    #expect(found.exitCode == .configuration)
  }
}
