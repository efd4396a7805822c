import Experiments
import Support

/// A page with sections that needs nothing from elsewhere, and may not ask for it.
struct Page {
  var title: String
  /// A sentence or two below the title.
  var overview: String
  /// What must not be overlooked; nil: nothing.
  var alarm: String?
  /// Bodies are markup.
  var sections: [(id: String, title: String, body: String)]

  var html: String {
    let links = sections.map { "<li><a href=\"#\($0.id)\">\(MarkupText.escaped($0.title))</a></li>" }.joined()
    var lines = [
      "<!DOCTYPE html>", "<html lang=\"en\">", "<head>", "<meta charset=\"utf-8\">",
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
        + "script-src 'unsafe-inline'\">",
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">",
      "<meta name=\"generator\" content=\"mbrl \(Version.program)\">", "<title>\(MarkupText.escaped(title))</title>",
      "<style>\n\(PageStyle.css)\n</style>", "</head>", "<body>", "<header>", "<h1>\(MarkupText.escaped(title))</h1>",
      "<p>\(MarkupText.escaped(overview))</p>",
    ]
    if let alarm { lines.append("<p class=\"alarm\">\(MarkupText.escaped(alarm))</p>") }
    lines += ["<nav aria-label=\"Sections\"><ul>\(links)</ul></nav>", "</header>", "<main>"]
    for section in sections {
      lines += [
        "<section id=\"\(section.id)\" aria-labelledby=\"\(section.id)-title\">",
        "<h2 id=\"\(section.id)-title\">\(MarkupText.escaped(section.title))</h2>", section.body, "</section>",
      ]
    }
    lines += ["</main>", "<script>\n\(PageStyle.script)\n</script>", "</body>", "</html>", ""]
    return lines.joined(separator: "\n")
  }
}
