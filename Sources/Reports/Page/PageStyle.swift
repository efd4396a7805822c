import Support

/// The style and the script of a report's page: all that it needs, for it asks no network.
enum PageStyle {
  /// Light or dark, as the reader's system has it.
  static var css: String {
    """
    :root { color-scheme: light dark; \(ChartDrawing.variables(.light)); --alarm: #a8200d; --wash: #f5f7f9 }
    @media (prefers-color-scheme: dark) {
      :root { \(ChartDrawing.variables(.dark)); --alarm: #ff8f7d; --wash: #1d2228 } }
    * { box-sizing: border-box }
    body { margin: 0 auto; max-width: 80rem; padding: 1.5rem 1.25rem 4rem; background: var(--background);
      color: var(--text); font: 15px/1.5 system-ui, "Helvetica Neue", Arial, sans-serif }
    h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .25rem }
    h2 { font-size: 1.2rem; margin: 2.25rem 0 .5rem; padding-bottom: .2rem; border-bottom: 1px solid var(--grid) }
    p, li { max-width: 48rem }
    nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1rem; list-style: none; padding: 0; margin: .5rem 0 0 }
    a { color: var(--group-0) }
    .quiet { color: var(--quiet); font-size: .87rem }
    .alarm { color: var(--alarm); font-weight: 600 }
    .scroll { overflow-x: auto; margin: .25rem 0 .75rem }
    table { border-collapse: collapse; font-size: .87rem; min-width: 40rem }
    th, td { text-align: left; vertical-align: top; padding: .3rem .6rem; border-bottom: 1px solid var(--grid);
      font-weight: 400; max-width: 30rem; overflow-wrap: break-word }
    tbody th { white-space: nowrap }
    table.facts td { overflow-wrap: anywhere; min-width: 9rem }
    thead th { font-weight: 600; white-space: nowrap; border-bottom: 2px solid var(--axis); padding: 0 }
    thead button { all: unset; cursor: pointer; display: block; padding: .3rem .6rem; width: 100% }
    thead button::after { content: " ↕"; color: var(--axis) }
    th[aria-sort=ascending] button::after { content: " ↑"; color: var(--text) }
    th[aria-sort=descending] button::after { content: " ↓"; color: var(--text) }
    td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
    tr.failed { background: var(--wash) }
    tbody tr:hover { background: var(--wash) }
    .key { display: inline-block; width: .8em; height: .8em; border-radius: 2px; margin-right: .45em }
    figure { margin: 1rem 0 1.5rem }
    figure.chart > div { outline-offset: 2px }
    figure svg { display: block; width: 100%; height: auto; border-radius: 4px }
    output { display: block; min-height: 1.5em; font-size: .87rem; font-variant-numeric: tabular-nums }
    pre { background: var(--wash); padding: .8rem 1rem; overflow-x: auto; font-size: .82rem; border-radius: 4px }
    code { font-size: .92em }
    :focus-visible { outline: 2px solid var(--group-0); outline-offset: 2px }
    @media print { nav, output { display: none } body { max-width: none } .scroll { overflow: visible } }
    """
  }

  /// Sorts tables by a heading, and says a chart's values where it is pointed at or walked through with the arrow keys.
  static let script = #"""
    "use strict";
    for (const table of document.querySelectorAll("table.sortable")) {
      const heads = [...table.tHead.rows[0].cells];
      heads.forEach((head, column) => head.firstElementChild.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        heads.forEach(other => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const key = row => {
          const cell = row.cells[column];
          return "key" in cell.dataset ? Number(cell.dataset.key) : cell.textContent;
        };
        const order = (a, b) => typeof a === "number" && typeof b === "number" ? a - b || 0
          : String(a).localeCompare(String(b), undefined, {numeric: true});
        const rows = [...table.tBodies[0].rows].sort((a, b) => (down ? -1 : 1) * order(key(a), key(b)));
        table.tBodies[0].append(...rows);
      }));
    }
    for (const figure of document.querySelectorAll("figure.chart")) {
      const data = JSON.parse(figure.querySelector("script").textContent);
      const area = figure.querySelector("div"), svg = figure.querySelector("svg"), out = figure.querySelector("output");
      const places = [...new Set(data.curves.flatMap(c => c.points.map(p => p[0])))].sort((a, b) => a - b);
      if (!places.length) continue;
      const [left, right, top, bottom] = data.frame, [low, high] = data.x;
      const share = x => data.log ? Math.log(x / low) / Math.log(high / low) : (x - low) / (high - low);
      const across = x => left + share(x) * (right - left);
      const cursor = document.createElementNS("http://www.w3.org/2000/svg", "line");
      cursor.setAttribute("stroke", "var(--quiet)");
      const number = v => Number(v.toPrecision(4)).toLocaleString("en-US", {maximumFractionDigits: 5});
      let at = -1;
      const show = index => {
        at = Math.max(0, Math.min(places.length - 1, index));
        const x = places[at], parts = [];
        for (const curve of data.curves) {
          const point = curve.points.reduce((a, b) => Math.abs(b[0] - x) < Math.abs(a[0] - x) ? b : a, curve.points[0]);
          if (!point || Math.abs(across(point[0]) - across(x)) > 12) continue;
          const band = point[2] === null ? "" : ` [${number(point[2])}, ${number(point[3])}]`;
          parts.push(`${curve.name} ${number(point[1])}${band} (${point[4]})`);
        }
        out.textContent = `${data.title} ${number(x)}: ${parts.join(" · ")}`;
        for (const [name, value] of [["x1", across(x)], ["x2", across(x)], ["y1", top], ["y2", bottom]])
          cursor.setAttribute(name, value);
        svg.append(cursor);
      };
      area.addEventListener("pointermove", event => {
        const box = svg.getBoundingClientRect(), x = (event.clientX - box.left) / box.width * svg.viewBox.baseVal.width;
        let best = 0;
        places.forEach((place, index) => {
          if (Math.abs(across(place) - x) < Math.abs(across(places[best]) - x)) best = index;
        });
        show(best);
      });
      area.addEventListener("keydown", event => {
        const all = places.length;
        const steps = {ArrowRight: 1, ArrowLeft: -1, PageDown: 10, PageUp: -10, Home: -all, End: all};
        if (!(event.key in steps)) return;
        event.preventDefault();
        show(at + steps[event.key]);
      });
    }
    """#
}
