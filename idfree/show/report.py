"""HTML reports of `idfree adapt` and `idfree teach`: tables, advice, distance histograms, crops by tracklet."""

import base64
import html
import shlex
from collections.abc import Iterable, Mapping
from types import MappingProxyType

import numpy as np

from idfree.core.types import Crops, Floats, Integers

STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}"
    ".wide{overflow-x:auto}table{border-collapse:collapse}"
    "td,th{padding:.2rem .8rem;text-align:right;border-bottom:1px solid #ddd;vertical-align:bottom}"
    "td{white-space:nowrap}td:first-child{white-space:normal}td:first-child,th:first-child{text-align:left;padding-left:0}"
    "h3{font-size:1rem;margin:1.2rem 0 0}figure{margin:.2rem 0 .6rem}figcaption{color:#555;font-size:.85rem}"
    "img{max-width:100%;display:block}li{margin:.2rem 0}code{display:block;background:#f4f4f4;"
    "padding:.4rem .6rem;margin:.4rem 0}code span{display:inline-block;max-width:100%;overflow-wrap:anywhere}"
    "@media(max-width:30rem){body{margin:1rem auto}table{font-size:.8rem}td,th{padding:.2rem .3rem}}"
)
NO_BREAK_SPACE = "\u00a0"
SAME, DIFFERENT = "#1a7f37", "#cf222e"  # green and red, lines of the histograms
CHART_WIDTH, CHART_HEIGHT = 720.0, 200.0  # px, of the histograms
CROP_QUALITY = 80  # JPEG, 0…100


def render_page(
    title: str,
    tables: Mapping[str, list[list[str]]],
    advice: list[str],
    figures: Mapping[str, str],
    lead: Iterable[str] = (),
    commands: Iterable[str] = (),
    notes: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """A self-contained HTML page. tables: rows of cells by caption, header first; figures: HTML by caption.

    lead: paragraphs at the top. commands: of the shell, below them. notes: a paragraph below a caption, by caption.
    """
    head = '<meta charset=utf-8><meta name=viewport content="width=device-width,initial-scale=1">'
    parts = [f"<!doctype html><html lang=en>{head}<title>{html.escape(title)}</title><style>{STYLE}</style>"]
    parts.append(f"<h1>{html.escape(title)}</h1>")
    parts += [f"<p>{html.escape(paragraph)}</p>" for paragraph in lead]
    parts += map(format_command, commands)
    for caption, rows in tables.items():
        parts.append(
            f"{heading(caption, notes)}<div class=wide>"
            f"<table>{''.join(map(table_row, rows, ['th', *['td'] * len(rows)]))}</table></div>"
        )
    if advice:
        parts.append(f"<h2>What to improve</h2><ul>{''.join(f'<li>{html.escape(line)}</li>' for line in advice)}</ul>")
    parts += [heading(caption, notes) + figure for caption, figure in figures.items()]
    return "\n".join(parts) + "\n"


def format_command(command: str) -> str:
    """A shell command, broken between its words only, if they fit."""
    words = (f"<span>{html.escape(shlex.quote(word))}</span>" for word in shlex.split(command))
    return f"<code>{' '.join(words)}</code>"


def heading(caption: str, notes: Mapping[str, str]) -> str:
    """The heading of a section, with the note below it if there is one."""
    note = f"<p>{html.escape(notes[caption])}</p>" if caption in notes else ""
    return f"<h2>{html.escape(caption)}</h2>{note}"


def table_row(cells: list[str], tag: str) -> str:
    """A table row, with cells of the HTML tag `tag`; per cent signs stay beside their numbers."""
    texts = (html.escape(cell).replace(" %", NO_BREAK_SPACE + "%") for cell in cells)
    return f"<tr>{''.join(f'<{tag}>{text}</{tag}>' for text in texts)}</tr>"


def crop_sheet(groups: Iterable[tuple[str, list[tuple[str, Crops]]]]) -> str:
    """Rows of crops under headings. groups: (heading, rows); rows: (caption or "", crops (N, H, W, 3))."""
    return "".join(
        f"<h3>{html.escape(title)}</h3>{''.join(crop_strip(caption, crops) for caption, crops in rows)}"
        for title, rows in groups
    )


def crop_strip(caption: str, crops: Crops) -> str:
    """Crops (N, H, W, 3) side by side as a <figure>."""
    import cv2

    strip = np.concatenate([*crops], axis=1)
    data = base64.b64encode(cv2.imencode(".jpg", strip, [cv2.IMWRITE_JPEG_QUALITY, CROP_QUALITY])[1].tobytes()).decode()
    label = f"<figcaption>{html.escape(caption)}</figcaption>" if caption else ""
    return f'<figure>{label}<img alt="{len(crops)} crops" src="data:image/jpeg;base64,{data}"></figure>'


def histogram(same: Integers, different: Integers, edges: Floats, threshold: float) -> str:
    """Distance histograms (B,) of same and different identities over edges (B + 1,), and the threshold: an <svg>."""
    last = edges[min(len(edges) - 1, int(np.flatnonzero(same + different).max(initial=0)) + 2)]
    fractions = [count / max(1, count.sum()) for count in (same, different)]
    top = max(*(fraction.max() for fraction in fractions), 1e-9)
    centres = (edges[:-1] + edges[1:]) / 2
    is_shown = centres <= last
    x = CHART_WIDTH * centres[is_shown] / last
    lines = "".join(
        polyline(x, CHART_HEIGHT - CHART_HEIGHT * fraction[is_shown] / top, colour)
        for fraction, colour in zip(fractions, (SAME, DIFFERENT), strict=True)
    )
    at = CHART_WIDTH * threshold / last
    legend = (
        f'<span style="color:{SAME}">— pairs of one tracklet</span>, '
        f'<span style="color:{DIFFERENT}">— of two that are seen at the same time</span>, '
        f"┆ match threshold {threshold:.2f}"
    )
    return (
        f'<svg viewBox="0 0 {CHART_WIDTH:.0f} {CHART_HEIGHT:.0f}" width="100%">{lines}'
        f'<line x1="{at:.1f}" x2="{at:.1f}" y1="0" y2="{CHART_HEIGHT:.0f}" stroke="#666" stroke-dasharray="4"/></svg>'
        f"<p>{legend}</p>"
    )


def polyline(x: Floats, y: Floats, colour: str) -> str:
    """An SVG polyline through points x (K,), y (K,). colour: of CSS."""
    points = " ".join(f"{px:.1f},{py:.1f}" for px, py in zip(x, y, strict=True))
    return f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{points}"/>'
