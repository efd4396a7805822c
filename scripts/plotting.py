"""Axes, colours and curves of the scripts' SVG files. Python's standard library only."""
import math
from xml.sax.saxutils import escape

COLOURS = ["#1f6fb4", "#d9601a", "#2c8c3c", "#a03090", "#7a5a3a", "#555555"]
LEFT, RIGHT, TOP, BOTTOM = 70, 20, 40, 50


def colour(index):
    return COLOURS[index % len(COLOURS)]


def linear_ticks(low, high, count=5):
    """Some `count` round numbers within the range."""
    span = (high - low) / count or 1
    power = 10.0 ** math.floor(math.log10(span))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= span * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    return [(first + i) * step for i in range(int(high / step - first + 1e-9) + 1)]


def log_ticks(low, high):
    """1, 2, 5, 10, … within the range; powers of ten alone where those are many."""
    steps = [m * 10.0**e for e in range(-9, 13) for m in (1, 2, 5)]
    chosen = [t for t in steps if low * 0.999 <= t <= high * 1.001]
    return chosen if len(chosen) <= 9 else [t for t in chosen if math.isclose(math.log10(t) % 1, 0, abs_tol=1e-9)]


def short(value):
    """"1.6k" for 1600."""
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if abs(value) >= size:
            return f"{value / size:g}{unit}"
    return f"{value:g}"


class Plot:
    """One pair of axes; `x` and `y` are their ranges, logarithmic where asked. `left` moves it to the right."""

    def __init__(self, x, y, title="", x_label="", y_label="", size=(560, 360), logarithmic=(False, False), left=0):
        self.width, self.height = size
        self.sides = (left + LEFT, left + self.width - RIGHT), (self.height - BOTTOM, TOP)
        self.scales = [math.log if is_log else float for is_log in logarithmic]
        self.ranges = [tuple(scale(end) for end in ends) for scale, ends in zip(self.scales, (x, y))]
        (x0, x1), (y1, y0) = self.sides
        self.parts = []
        self.text((x0 + x1) / 2, 22, title, anchor="middle", size=15)
        self.text((x0 + x1) / 2, self.height - 12, x_label, anchor="middle")
        self.parts.append(f'<text transform="translate({left + 18} {(y0 + y1) / 2}) rotate(-90)" text-anchor="middle">'
                          f'{escape(y_label)}</text>')

    def at(self, axis, value):
        """A value's pixel along an axis: 0 is x, 1 is y."""
        (low, high), (start, end) = self.ranges[axis], self.sides[axis]
        return start + (self.scales[axis](value) - low) / ((high - low) or 1) * (end - start)

    def points(self, points):
        return " ".join(f"{self.at(0, x):.1f},{self.at(1, y):.1f}" for x, y in points)

    def text(self, x, y, text, anchor="start", size=12, fill="black"):
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" fill="{fill}">'
                          f'{escape(text)}</text>')

    def grid(self, x_ticks, y_ticks, label=short):
        """Numbers at both axes, and a faint line across for each."""
        (x0, x1), (y1, y0) = self.sides
        for tick in y_ticks:
            y = self.at(1, tick)
            self.parts.append(f'<line x1="{x0}" x2="{x1}" y1="{y:.1f}" y2="{y:.1f}" stroke="#e4e4e4"/>')
            self.text(x0 - 6, y + 4, label(tick), anchor="end")
        for tick in x_ticks:
            x = self.at(0, tick)
            self.parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{y0}" y2="{y1}" stroke="#f0f0f0"/>')
            self.text(x, y1 + 18, label(tick), anchor="middle")

    def curve(self, points, stroke, dots=False):
        self.parts.append(
            f'<polyline points="{self.points(points)}" fill="none" stroke="{stroke}" stroke-width="2"/>')
        if dots:
            self.parts += [f'<circle cx="{self.at(0, x):.1f}" cy="{self.at(1, y):.1f}" r="3" fill="{stroke}"/>'
                           for x, y in points]

    def band(self, lower, upper, fill):
        """The area between two curves."""
        points = self.points(list(upper) + list(reversed(lower)))
        self.parts.append(f'<polygon points="{points}" fill="{fill}" opacity="0.18"/>')

    def level(self, y, text):
        """A dashed line at a height, named."""
        (x0, x1), height = self.sides[0], self.at(1, y)
        self.parts.append(f'<line x1="{x0}" x2="{x1}" y1="{height:.1f}" y2="{height:.1f}" stroke="#888" '
                          'stroke-dasharray="6 4"/>')
        self.text(x0 + 6, height - 5, text, fill="#666")

    def legend(self, labels, x, y, step=18):
        """Names of the first curves, one under the other, from a pixel on."""
        for index, label in enumerate(labels):
            self.parts.append(f'<line x1="{x}" x2="{x + 24}" y1="{y + step * index - 4}" y2="{y + step * index - 4}" '
                              f'stroke="{colour(index)}" stroke-width="3"/>')
            self.text(x + 30, y + step * index, label)


def write(path, plots, extra_height=0):
    """The plots side by side as one SVG file."""
    width, height = sum(plot.width for plot in plots), max(plot.height for plot in plots) + extra_height
    head = (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
            f'height="{height}" font-family="sans-serif" font-size="12">'
            f'<rect width="{width}" height="{height}" fill="white"/>')
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join([head] + [part for plot in plots for part in plot.parts] + ["</svg>"]) + "\n")
