"""HTML report of `idfree adapt`: tables, advice, distance histograms, crops by tracklet."""

import base64
import html
from collections.abc import Iterable, Mapping

import numpy as np

from idfree.core.stored_crops import CropArray
from idfree.core.types import Floats, Integers

ROWS, COLUMNS = 24, 8  # tracklets shown, crops per tracklet
STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}"
    "table{border-collapse:collapse}td,th{padding:.2rem .8rem;text-align:right;border-bottom:1px solid #ddd}"
    "td:first-child,th:first-child{text-align:left}img{max-width:100%}li{margin:.2rem 0}"
)


def render_page(
    title: str,
    tables: Mapping[str, list[list[str]]],
    advice: list[str],
    figures: Mapping[str, str],
    lead: Iterable[str] = (),
) -> str:
    """A self-contained HTML page. tables: rows of cells by caption, header first; figures: HTML by caption.

    lead: paragraphs at the top.
    """
    head = '<meta charset=utf-8><meta name=viewport content="width=device-width,initial-scale=1">'
    parts = [f"<!doctype html><html lang=en>{head}<title>{html.escape(title)}</title><style>{STYLE}</style>"]
    parts.append(f"<h1>{html.escape(title)}</h1>")
    parts += [f"<p>{html.escape(paragraph)}</p>" for paragraph in lead]
    for caption, rows in tables.items():
        parts.append(
            f"<h2>{html.escape(caption)}</h2>"
            f"<table>{''.join(map(table_row, rows, ['th', *['td'] * len(rows)]))}</table>"
        )
    if advice:
        parts.append(f"<h2>What to improve</h2><ul>{''.join(f'<li>{html.escape(line)}</li>' for line in advice)}</ul>")
    parts += [f"<h2>{html.escape(caption)}</h2>{figure}" for caption, figure in figures.items()]
    return "\n".join(parts) + "\n"


def table_row(cells: list[str], tag: str) -> str:
    """A table row, with cells of the HTML tag `tag`."""
    return f"<tr>{''.join(f'<{tag}>{html.escape(cell)}</{tag}>' for cell in cells)}</tr>"


def crop_sheet(crops: CropArray, tracklet: Integers, seed: int = 0) -> str:
    """Contact sheet as an <img>: a row of crops per tracklet. crops (K, H, W, 3), tracklet (K,)."""
    import cv2

    height, width = crops.shape[1:3]
    tracklets = np.sort(np.random.default_rng(seed).permutation(tracklet.max(initial=-1) + 1)[:ROWS])
    canvas = np.full((max(1, len(tracklets)) * height, COLUMNS * width, 3), 255, dtype=np.uint8)
    for line, number in enumerate(tracklets):
        rows = np.flatnonzero(tracklet == number)
        for column, k in enumerate(rows[np.linspace(0, len(rows) - 1, min(COLUMNS, len(rows))).astype(int)]):
            canvas[line * height : (line + 1) * height, column * width : (column + 1) * width] = crops[k]
    data = base64.b64encode(cv2.imencode(".jpg", canvas, [cv2.IMWRITE_JPEG_QUALITY, 80])[1].tobytes()).decode()
    return f'<img alt="crops, a tracklet each row" src="data:image/jpeg;base64,{data}">'


def histogram(same: Integers, different: Integers, edges: Floats, threshold: float) -> str:
    """Distance histograms (B,) of same and different identities over edges (B + 1,), with the threshold, as <svg>."""
    width, height = 720.0, 200.0
    last = edges[min(len(edges) - 1, int(np.flatnonzero(same + different).max(initial=0)) + 2)]

    def polyline(count: Integers, colour: str) -> str:
        fraction = count / max(1, count.sum())
        top = max((same / max(1, same.sum())).max(), (different / max(1, different.sum())).max(), 1e-9)
        middle = (edges[:-1] + edges[1:]) / 2
        points = " ".join(
            f"{width * x / last:.1f},{height - height * y / top:.1f}"
            for x, y in zip(middle, fraction, strict=True)
            if x <= last
        )
        return f'<polyline fill="none" stroke="{colour}" stroke-width="2" points="{points}"/>'

    at = width * threshold / last
    return (
        f'<svg viewBox="0 0 {width:.0f} {height + 24:.0f}" width="100%">'
        f"{polyline(same, '#1a7f37')}{polyline(different, '#cf222e')}"
        f'<line x1="{at:.1f}" x2="{at:.1f}" y1="0" y2="{height:.0f}" stroke="#666" stroke-dasharray="4"/>'
        f'<text x="{at + 4:.1f}" y="{height + 16:.0f}" font-size="13">limit {threshold:.2f}</text>'
        f'<text x="0" y="{height + 16:.0f}" font-size="13" fill="#1a7f37">one tracklet</text>'
        f'<text x="110" y="{height + 16:.0f}" font-size="13" fill="#cf222e">two that coexist</text></svg>'
    )
