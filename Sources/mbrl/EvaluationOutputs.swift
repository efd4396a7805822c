import Experiments
import Reports
import Support

/// The files that `mbrl eval` is asked for, each tried before the work and written after it.
struct EvaluationOutputs {
  private static let options = ["--csv", "--render", "--text", "--open-loop"]
  private let files: [(option: String, output: OutputPath)]

  /// Tries every path.
  /// - Throws: `UsageError` where two results would go to the same place; `FileError` where one cannot be written.
  init(_ arguments: ParsedArguments) throws {
    files = try EvaluationOutputs.options.compactMap { option in
      try arguments.values[option].map { (option, try OutputPath($0)) }
    }
    for (index, file) in files.enumerated() {
      if arguments.has("--json") && file.output.isStandardOutput {
        throw UsageError("--json and \(file.option) both go to standard output: name a file for one of them")
      }
      if let other = files[..<index].first(where: { $0.output.collides(with: file.output) }) {
        throw UsageError("\(other.option) and \(file.option) both go to \(file.output.path): choose two names")
      }
    }
  }

  /// Whether one of them takes standard output, so that the table must go elsewhere.
  var useStandardOutput: Bool { files.contains { $0.output.isStandardOutput } }

  /// Writes all of them; one that fails does not keep the others from being written.
  /// - Returns: `.failure` where one failed.
  func write(_ table: EvaluationTable, _ console: Console) -> ExitCode {
    var code = ExitCode.success
    for (option, output) in files {
      let bytes =
        switch option {
        case "--csv": table.csv
        case "--open-loop": table.reports.first?.openLoop ?? []
        case "--text": Array(table.reports.map(\.text).joined().utf8)
        default: table.reports.first?.picture ?? []
        }
      if option == "--open-loop" && bytes.isEmpty {
        console.error("--open-loop: no episode was completed")
        code = .failure
        continue
      }
      if option == "--render" && bytes.isEmpty {
        console.error("--render: this environment draws no picture of its states; FILE.svg shows its numbers")
        code = .failure
        continue
      }
      if output.isStandardOutput {
        let text = String(decoding: bytes, as: UTF8.self)
        console.result(text.last?.isNewline == true ? String(text.dropLast()) : text)
        continue
      }
      do throws(FileError) {
        try output.write(bytes)
      } catch {
        console.error("\(option): \(error)")
        code = .failure
      }
    }
    return code
  }
}
