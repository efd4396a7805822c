import Environments
import Experiments
import Foundation
import Reports
import Support
import TestSupport
import Testing

/// A Python that has h5py, and what it runs.
private enum ImportPython {
  static let path: String? = PythonWorker.gymnasium.flatMap { run($0, "import h5py, numpy") == 0 ? $0 : nil }

  static func run(_ python: String, _ program: String, _ arguments: [String] = []) -> Int32 {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: python)
    process.arguments = ["-c", program] + arguments
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return -1 }
    process.waitUntilExit()
    return process.terminationStatus
  }
}

/// HDF5 files as Minari and D4RL lay them out, turned into transitions by a real Python.
@Suite(.enabled(if: ImportPython.path != nil, "no Python has h5py: scripts/setup-gymnasium.sh classic"))
struct DataImportTests {
  private let folder = TemporaryFolder()

  /// Three episodes of a point on a line, of 3, 2 and 4 steps: terminated, truncated, and cut by the end of the file.
  private func transitions(_ program: String) throws -> [(seen: Float, next: Float, reward: Double, flags: String)] {
    let python = try #require(ImportPython.path)
    let (source, output) = (folder.file("data.hdf5"), folder.file("data.safetensors"))
    try #require(ImportPython.run(python, program, [source]) == 0)
    _ = try DataImport.run(source, to: output, python: python)
    let line = try #require(EnvironmentConfiguration(id: "LineWorld-v0")).describe().specification
    var rows: [(seen: Float, next: Float, reward: Double, flags: String)] = []
    try TransitionFile(reading: output, for: line).play(lanes: 1) { steps in
      let outcome = steps.outcomes[0]
      let flags = (steps.isFirst[0] ? "f" : "") + (outcome.isTerminated ? "e" : "") + (outcome.isTruncated ? "c" : "")
      rows.append((steps.observations[0, 0], steps.next[0, 0], outcome.reward, flags))
    }
    return rows
  }

  @Test func readsMinari() throws {
    let rows = try transitions(
      """
      import h5py, numpy as np, sys
      with h5py.File(sys.argv[1], "w") as file:
          for number, (first, steps, end) in enumerate([(0, 3, True), (4, 2, False)] ):
              group = file.create_group(f"episode_{number}")
              group["observations"] = np.arange(first, first + steps + 1, dtype=np.float64)[:, None]
              group["actions"] = np.full((steps, 1), 0.5)
              group["rewards"] = np.arange(steps) + 10.0 * number
              last = np.arange(steps) == steps - 1
              group["terminations"], group["truncations"] = last & end, last & (not end)
      """)
    #expect(rows.map(\.seen) == [0, 1, 2, 4, 5] && rows.map(\.next) == [1, 2, 3, 5, 6])
    #expect(rows.map(\.reward) == [0, 1, 2, 10, 11])
    #expect(rows.map(\.flags) == ["f", "", "e", "f", "c"])
  }

  /// Where the next observation is not in the file, the last row of an episode that was cut is left out.
  @Test func readsD4RL() throws {
    let rows = try transitions(
      """
      import h5py, numpy as np, sys
      with h5py.File(sys.argv[1], "w") as file:
          file["observations"] = np.array([0, 1, 2, 4, 5, 6, 8, 9, 10], np.float32)[:, None]
          file["actions"], file["rewards"] = np.zeros((9, 1), np.float32), np.arange(9, dtype=np.float32)
          file["terminals"] = np.arange(9) == 2
          file["timeouts"] = np.arange(9) == 5
      """)
    #expect(rows.map(\.seen) == [0, 1, 2, 4, 5, 8, 9] && rows.map(\.next) == [1, 2, 2, 5, 6, 9, 10])
    #expect(rows.map(\.flags) == ["f", "", "e", "f", "c", "f", "c"])
  }

  @Test func whatIsNeitherIsNamed() throws {
    let python = try #require(ImportPython.path)
    let source = folder.file("odd.hdf5")
    let program = "import h5py, sys; h5py.File(sys.argv[1], 'w')['x'] = 1"
    try #require(ImportPython.run(python, program, [source]) == 0)
    for (path, text) in [
      (source, "neither Minari's nor D4RL's: it has x"), (folder.file("none"), "there is no such file"),
      (folder.write("text", to: "text.hdf5"), "cannot be imported"),
    ] {
      let error = #expect(throws: ExperimentError.self) {
        try DataImport.run(path, to: folder.file("out.safetensors"), python: python)
      }
      #expect(error?.description.contains(text) == true, "\(error.map { "\($0)" } ?? "nothing")")
    }
    #expect(FileSystem.kind(of: folder.file("out.safetensors")) == nil)
  }
}
