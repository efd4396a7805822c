import Reports
import Support

/// A picture as a file that an option names: SVG or PNG by its ending, in light or dark colours or the reader's.
struct PictureOutput {
  private let output: OutputPath
  private let isPNG: Bool
  private let theme: ChartTheme?

  /// - Throws: `UsageError` where ending or theme are none of those.
  init(_ path: String, theme: String?) throws {
    isPNG = path.lowercased().hasSuffix(".png")
    self.theme = theme == "reader" ? nil : ChartTheme(rawValue: theme ?? "light")
    if theme != nil && theme != "reader" && self.theme == nil {
      let names = ["light", "dark", "reader"]
      throw UsageError(
        "--theme: \"\(theme!)\" is not one of light, dark, reader\(Suggestion.didYouMean(theme!, among: names))")
    }
    if isPNG && self.theme == nil { throw UsageError("--theme reader is for SVG: pixels cannot change") }
    output = try OutputPath(path)
    guard isPNG || path.lowercased().hasSuffix(".svg") || output.isStandardOutput else {
      throw UsageError("-o: \"\(path)\" has to end in .svg or .png")
    }
  }

  /// Draws it there; - is SVG on standard output.
  func write(_ drawing: ChartDrawing, _ console: Console) throws {
    if isPNG { return try output.write(PNG.bytes(drawing.raster(theme ?? .light), isCompressed: true)) }
    let svg = drawing.svg(theme.map { .theme($0) } ?? .reader)
    if output.isStandardOutput { return console.result(String(svg.dropLast())) }
    try output.write(Array(svg.utf8))
  }
}
