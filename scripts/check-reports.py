#!/usr/bin/env python3
"""The parts of check-reports.sh that take Python: each reads what mbrl wrote with the tool that it is meant for.

usage: scripts/check-reports.py svg|png|html|csv|monitor FILE, board DIR RUN …, network NOTHING.json PAGE.json,
       probe REPORT.html OUT.html, probed DOM.html
"""
import csv
import glob
import json
import math
import os
import re
import struct
import sys
import warnings
import zlib
from xml.etree import ElementTree


def svg(path):
    root = ElementTree.parse(path).getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg" and len(list(root.iter())) > 20
    text = open(path, encoding="utf-8").read()
    assert not re.search(r"\b(nan|inf)\b", text), "a number that is none"


def png(path):
    data = open(path, "rb").read()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    place, packed = 8, b""
    while place < len(data):
        size, kind = struct.unpack(">I4s", data[place:place + 8])
        body = data[place + 8:place + 8 + size]
        assert struct.unpack(">I", data[place + 8 + size:place + 12 + size])[0] == zlib.crc32(kind + body), kind
        if kind == b"IHDR":
            width, height, depth, color = struct.unpack(">IIBB", body[:10])
        packed += body if kind == b"IDAT" else b""
        place += size + 12
    assert len(zlib.decompress(packed)) == height * (1 + width * (1 if color == 3 else 3))


def html(path):
    import html5lib
    text = open(path, encoding="utf-8").read()
    html5lib.HTMLParser(strict=True).parse(text)
    for address in re.findall(r"""(?:https?:)?//[^\s"'<>)]+""", re.sub(r"(?s)<script>.*?</script>", "", text)):
        assert address.startswith(("http://www.w3.org/2000/svg", "//")) and "." not in address[2:8], address
    assert not re.search(r"<(link|img|iframe|object|embed)\b|@import|url\(|\bsrc=", text)
    ids = re.findall(r'\bid="([^"]*)"', text)
    assert len(ids) == len(set(ids)), "an id stands there twice"
    for anchor in re.findall(r'href="#([^"]*)"', text):
        assert anchor in ids, anchor
    for data in re.findall(r'(?s)<script type="application/json">(.*?)</script>', text):
        assert json.loads(data)["curves"]


def table(path):
    """A table's rows by Python's csv and by pandas, which must say the same."""
    import pandas
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, strict=True))
    with warnings.catch_warnings():  # what newer versions do unasked
        warnings.simplefilter("ignore")
        frame = pandas.read_csv(path, float_precision="round_trip")
    assert len(frame) == len(rows), path
    for name in frame.columns:
        for ours, theirs in zip((row[name] for row in rows), frame[name]):
            if ours in ("", "nan"):
                assert isinstance(theirs, float) and math.isnan(theirs), (path, name, ours, theirs)
            elif ours in ("true", "false"):
                assert str(theirs).lower() == ours, (path, name, ours, theirs)
            else:
                try:
                    assert float(ours) == float(theirs), (path, name, ours, theirs)
                except ValueError:
                    assert ours == theirs, (path, name, ours, theirs)
    return rows


def tables(list_path):
    paths = open(list_path, encoding="utf-8").read().split("\n")
    for path in filter(None, paths):
        table(path)


def board(folder, *runs):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
    files = sorted(glob.glob(os.path.join(folder, "**", "events.out.tfevents.*"), recursive=True))
    seeds = [seed for run in runs for seed in sorted(glob.glob(os.path.join(run, "seed-*")))]
    assert len(files) == len(seeds), (len(files), len(seeds))
    for path in files:
        assert len(list(RawEventFileLoader(path).Load())) > 1, path
        events = EventAccumulator(path, size_guidance={"scalars": 0}).Reload()
        number = os.path.basename(os.path.dirname(path))
        found = [(e.step, e.value) for e in events.Scalars("eval/return_mean")]
        rows = [table(os.path.join(seed, "eval.csv")) for seed in seeds if os.path.basename(seed) == number]
        wanted = [[(int(r["env_step"]), struct.unpack("f", struct.pack("f", float(r["return_mean"])))[0])
                   for r in table_rows] for table_rows in rows]
        assert found in wanted, path
        assert any(tag.startswith("progress/") for tag in events.Tags()["scalars"])


def monitor(folder):
    import pandas
    files = glob.glob(os.path.join(folder, "**", "*monitor.csv"), recursive=True)
    assert files
    for path in files:  # as stable_baselines3.common.monitor.load_results reads them
        with open(path, encoding="utf-8") as file:
            first = file.readline()
            assert first[0] == "#" and {"t_start", "env_id"} <= json.loads(first[1:]).keys()
            frame = pandas.read_csv(file, index_col=None)
        assert list(frame.columns) == ["r", "l", "t"] and len(frame) > 0 and (frame["l"] > 0).all()


def requests(path):
    """The addresses beyond this machine that a browser asked for."""
    text = open(path, encoding="utf-8").read()
    try:
        log = json.loads(text)
    except json.JSONDecodeError:  # a browser that was ended has not closed its log
        log = json.loads(text.rstrip().rstrip(",") + "]}")
    found = {event.get("params", {}).get("url", "") for event in log["events"]}
    return {re.sub(r"[?#].*", "", url) for url in found if url.startswith(("http", "ws", "ftp"))}


def network(nothing, page):
    more = requests(page) - requests(nothing)
    # What a browser asks its own maker is not the page's doing.
    more = {url for url in more if not re.search(r"://[^/]*(google|gvt1|chrome)[^/]*/", url)}
    assert not more, more


PROBE = """<script>
const told = [];
const table = document.querySelector("#seeds table"), button = table.tHead.rows[0].cells[5].firstElementChild;
const column = () => [...table.tBodies[0].rows].map(row => Number(row.cells[5].dataset.key));
const isSorted = (rows, sign) => rows.every((v, i) => i === 0 || sign * (v - rows[i - 1]) >= 0);
button.click();
told.push(isSorted(column(), 1) && button.parentElement.getAttribute("aria-sort") === "ascending");
button.click();
told.push(isSorted(column(), -1) && button.parentElement.getAttribute("aria-sort") === "descending");
const chart = document.querySelector("figure.chart > div"), out = document.querySelector("figure.chart output");
chart.focus();
told.push(document.activeElement === chart);
for (const key of ["End", "Home", "ArrowRight"]) {
  chart.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true, cancelable: true}));
  told.push(out.textContent.includes("environment steps"));
}
const before = out.textContent, box = chart.getBoundingClientRect();
chart.dispatchEvent(new PointerEvent("pointermove", {clientX: box.right - 20, clientY: box.top + 20, bubbles: true}));
told.push(out.textContent !== before);
document.title = "told " + told.join(" ");
</script>"""


def probe(path, out):
    text = open(path, encoding="utf-8").read()
    open(out, "w", encoding="utf-8").write(text.replace("</body>", PROBE + "</body>"))


def probed(path):
    title = re.search(r"<title>(.*?)</title>", open(path, encoding="utf-8").read()).group(1)
    assert title == "told " + " ".join(["true"] * 7), title


if __name__ == "__main__":
    checks = {"svg": svg, "png": png, "html": html, "csv": tables, "board": board, "monitor": monitor,
              "network": network, "probe": probe, "probed": probed}
    if len(sys.argv) < 3 or sys.argv[1] not in checks:
        sys.exit(__doc__)
    checks[sys.argv[1]](*sys.argv[2:])
