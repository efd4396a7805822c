import Support

extension ChartDrawing {
  /// How colours are written.
  package enum Coloring: Sendable {
    case theme(ChartTheme)
    /// CSS variables that the page around it defines (`variables`), so that it follows the page's theme.
    case page
    /// Light or dark, as the reader's system has it.
    case reader
  }

  /// All inks of so many groups, each with the name of its CSS variable.
  private static func inks(groups: Int) -> [(name: String, ink: Ink)] {
    let fixed: [(String, Ink)] = [
      ("background", .background), ("text", .text), ("quiet", .quiet), ("grid", .grid), ("axis", .axis),
    ]
    return fixed.map { ("--\($0)", $1) }
      + (0..<groups).flatMap { [("--group-\($0)", Ink.group($0)), ("--seed-\($0)", Ink.seed($0))] }
  }

  /// The CSS declarations of a theme's colours.
  package static func variables(_ theme: ChartTheme) -> String {
    inks(groups: ChartTheme.groupColors).map { "\($0.name): \(theme.code($0.ink))" }.joined(separator: "; ")
  }

  /// As SVG. In a page (`page`) it scales with its surroundings and can be pointed at.
  package func svg(_ coloring: Coloring) -> String {
    func color(_ ink: Ink) -> String {
      if case .theme(let theme) = coloring { return theme.code(ink) }
      var ink = ink
      if case .group(let index) = ink { ink = .group(index % ChartTheme.groupColors) }
      if case .seed(let index) = ink { ink = .seed(index % ChartTheme.groupColors) }
      let name = ChartDrawing.inks(groups: ChartTheme.groupColors).first { $0.ink == ink }!.name
      return "var(\(name))"
    }
    let size = "\(ChartDrawing.number(width)) \(ChartDrawing.number(height))"
    let isInPage = if case .page = coloring { true } else { false }
    let extent = "width=\"\(ChartDrawing.number(width))\" height=\"\(ChartDrawing.number(height))\" "
    var lines = [
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(size)\" \(isInPage ? "" : extent)"
        + "font-family=\"system-ui, 'Helvetica Neue', Arial, sans-serif\" role=\"img\" "
        + "aria-label=\"\(MarkupText.escaped(title))\">"
    ]
    if case .reader = coloring {
      lines.append(
        "<style>svg { \(ChartDrawing.variables(.light)) } "
          + "@media (prefers-color-scheme: dark) { svg { \(ChartDrawing.variables(.dark)) } }</style>")
    }
    if !isInPage { lines.append("<title>\(MarkupText.escaped(title))</title>") }
    lines.append(
      "<rect width=\"\(ChartDrawing.number(width))\" height=\"\(ChartDrawing.number(height))\" "
        + "fill=\"\(color(.background))\"/>")
    for element in elements { lines.append(ChartDrawing.markup(element, color)) }
    return (lines + ["</svg>", ""]).joined(separator: "\n")
  }

  private static func markup(_ element: Element, _ color: (Ink) -> String) -> String {
    func path(_ points: [Point]) -> String { points.map { "\(number($0.x)),\(number($0.y))" }.joined(separator: " ") }
    switch element {
    case .area(let points, let ink, let opacity):
      let shade = opacity < 1 ? " fill-opacity=\"\(number(opacity))\"" : ""
      return "<polygon points=\"\(path(points))\" fill=\"\(color(ink))\"\(shade)/>"
    case .line(let points, let ink, let width, let isDashed):
      return "<polyline points=\"\(path(points))\" fill=\"none\" stroke=\"\(color(ink))\" "
        + "stroke-width=\"\(number(width))\" stroke-linejoin=\"round\"\(isDashed ? " stroke-dasharray=\"6 4\"" : "")/>"
    case .disc(let center, let radius, let ink):
      return "<circle cx=\"\(number(center.x))\" cy=\"\(number(center.y))\" r=\"\(number(radius))\" "
        + "fill=\"\(color(ink))\"/>"
    case .text(let text, let place, let size, let anchor, let ink, let isTurned, let isBold):
      let turn = isTurned ? " transform=\"rotate(-90 \(number(place.x)) \(number(place.y)))\"" : ""
      let side = anchor == .start ? "" : " text-anchor=\"\(anchor.rawValue)\""
      return "<text x=\"\(number(place.x))\" y=\"\(number(place.y))\" font-size=\"\(number(size))\"\(side)"
        + "\(isBold ? " font-weight=\"600\"" : "")\(turn) fill=\"\(color(ink))\">\(MarkupText.escaped(text))</text>"
    case .begin(let name): return "<g><title>\(MarkupText.escaped(name))</title>"
    case .end: return "</g>"
    }
  }

  /// Hundredths of a pixel are enough.
  private static func number(_ value: Double) -> String { NumberText.fixed(value, 2) }
}
