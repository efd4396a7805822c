import Experiments
import Support

/// What the learned models of the runs get wrong, as a part of their page.
extension RunReport {
  /// One run's model, by its first seed's newest checkpoint.
  package struct ModelFindings: Sendable {
    package var name: String
    package var diagnosis: Diagnosis
  }

  /// Holds the model of every run to episodes of its policy; one that has none, or no checkpoint, is named in `notes`.
  /// - Throws: `InterruptedError` where `settings` say so.
  package mutating func diagnose(_ settings: Diagnosis.Settings) throws {
    for row in rows {
      guard let seed = row.run.seeds.first else { continue }
      let name = groups.count > 1 || rows.count == 1 ? row.group : "\(row.group), \(row.run.task)"
      do {
        let checkpoints = try CheckpointTarget(row.run.folder(of: seed)).checkpoints(.latest)
        for checkpoint in checkpoints {
          let diagnosis = try checkpoint.read { try Diagnosis(of: $0, settings) }
          models.append(ModelFindings(name: "\(name), seed \(seed)", diagnosis: diagnosis))
        }
      } catch let error as ExperimentError {
        notes.append("\(name): not diagnosed: \(error)")
      }
    }
  }

  /// The section of the page.
  var model: String {
    let told = diagnosis.map { "<pre>\(MarkupText.escaped($0))</pre>" }
    if models.isEmpty {
      let run = MarkupText.escaped(rows.first?.run.path ?? "RUN")
      let advice =
        "<code>mbrl report … --diagnose</code> measures every run's model; "
        + "<code>mbrl diagnose \(run)</code> says more of one."
      return told ?? "<p class=\"quiet\">Not measured. \(advice)</p>"
    }
    return (models.map(RunReport.findings) + [told].compactMap { $0 }).joined(separator: "\n")
  }

  private static func findings(_ model: ModelFindings) -> String {
    let diagnosis = model.diagnosis
    let verdict = diagnosis.verdict.map { "<li>\(MarkupText.escaped($0))</li>" }.joined(separator: "\n")
    let chart = diagnosis.errorChart.map { "<figure>\($0.drawing().drawing.svg(.page))</figure>" } ?? ""
    let numbers = diagnosis.lines.dropLast(diagnosis.verdict.count + 1).joined(separator: "\n")
    return "<h3>\(MarkupText.escaped(model.name))</h3>\n<ul>\(verdict)</ul>\n\(chart)\n"
      + "<details><summary>Every number</summary>\n<pre>\(MarkupText.escaped(numbers))</pre></details>"
  }
}
