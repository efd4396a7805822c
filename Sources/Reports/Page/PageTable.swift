import Support

/// A table of a page: headings that sort by their column, cells that say by which value.
struct PageTable {
  struct Cell {
    var text: String
    /// What the column is sorted by; nil: the text.
    var key: Double?
    /// A class of the page's style.
    var style: String?
    /// Markup before the text, made here and not of what others wrote.
    var badge = ""

    /// A text; empty ones are a dash.
    init(_ text: String?, style: String? = nil) {
      self.text = text.map { $0.isEmpty ? "–" : $0 } ?? "–"
      self.style = style
    }

    /// A number; none is a dash, and sorts last.
    init(number: Double?, _ text: ((Double) -> String)? = nil) {
      self.text = number.map { text?($0) ?? NumberText.short($0) } ?? "–"
      key = number ?? -.infinity
      style = "number"
    }
  }

  var caption: String
  var headings: [String]
  var rows: [[Cell]] = []
  /// The class of a row, by its index.
  var rowStyles: [Int: String] = [:]
  /// A further class of the table.
  var style = ""

  /// Takes a column away, where it says the same everywhere.
  mutating func remove(column: Int) {
    headings.remove(at: column)
    for index in rows.indices { rows[index].remove(at: column) }
  }

  var html: String {
    var lines = [
      "<p class=\"quiet\">\(MarkupText.escaped(caption))</p>",
      "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"\(MarkupText.escaped(caption))\">",
      "<table class=\"sortable\(style.isEmpty ? "" : " \(style)")\">",
      "<thead><tr>",
    ]
    for heading in headings {
      lines.append("<th scope=\"col\"><button type=\"button\">\(MarkupText.escaped(heading))</button></th>")
    }
    lines.append("</tr></thead><tbody>")
    for (index, row) in rows.enumerated() {
      var line = rowStyles[index].map { "<tr class=\"\($0)\">" } ?? "<tr>"
      for (column, cell) in row.enumerated() {
        let name = column == 0 ? "th scope=\"row\"" : "td"
        let key = cell.key.map { " data-key=\"\($0.isFinite ? "\($0)" : $0 < 0 ? "-1e999" : "1e999")\"" } ?? ""
        let style = cell.style.map { " class=\"\($0)\"" } ?? ""
        line += "<\(name)\(style)\(key)>\(cell.badge)\(MarkupText.escaped(cell.text))</\(column == 0 ? "th" : "td")>"
      }
      lines.append(line + "</tr>")
    }
    return (lines + ["</tbody></table></div>"]).joined(separator: "\n")
  }
}
