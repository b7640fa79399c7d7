"""HOTA and IDF1 of online tracks, of the same tracks refined offline or with a lag, and of the offline tracker Lif_T.

    python experiments/offline.py --data ../shared/data --out runs/offline

Writes docs/offline_results.md. Trackers: `fused` with `--appearance colour`, refined with the same histograms, where
there is a video; `bytetrack` and `sort` without images, refined by motion only. yolox-x was trained on first halves, so
its second halves are evaluated. Lif_T (Hornakova 2020) is offline and trained with identities; its published tracks are
`reference/lif_t`. Tracks are stored in OUT. Takes about half an hour. Set OPENBLAS_NUM_THREADS=1.
"""

import numpy as np
from offline_cases import TRACKERS, all_cases, evaluate, hota_idf1, refine_offline, track_online
from offline_lag import track_with_lags
from study import DOCS, make_parser, markdown_header, markdown_row

import idfree
from idfree.core.files import write_text

DELAYED = ("MOT17-04-SDP", "MOT17-09-SDP", "PETS09-S2L1")  # cases refined with a lag
HEAD = """# Whole-video tracks: figures

Made by `python experiments/offline.py --data ../shared/data --out OUT`. HOTA / IDF1, in percent: of the online tracks,
of the same tracks refined offline, and the gain. Settings are the same for all sequences.
"""


def refinement_lines(tracker, data, out):
    """Lines of the table of online and refined tracks: a row for each case, then means of the gain."""
    yield markdown_header("sequence", "online", "refined", "gain")
    gains = {}
    for case in all_cases(data):
        if case.source(tracker) is None:
            continue
        online = track_online(case, tracker, out)
        before, after = evaluate(case, online), evaluate(case, refine_offline(case, tracker, online))
        gains[case] = np.subtract(after, before)
        line = markdown_row(case.name, hota_idf1(before), hota_idf1(after), gain_cell(gains[case]))
        print(tracker, line, flush=True)
        yield line
    main = [gain for case, gain in gains.items() if case.is_main]
    yield markdown_row("mean of MOT17-04, -09 (without DPM), PETS09, TUD", "", "", gain_cell(np.mean(main, axis=0)))
    yield markdown_row("mean of all", "", "", gain_cell(np.mean([*gains.values()], axis=0)))


def gain_cell(gain):
    return f"{gain[0]:+.1f} / {gain[1]:+.1f}"


def lag_lines(data, out):
    """Lines of the table of online tracks, tracks with each lag, and offline ones."""
    is_first = True
    for tracker in ("bytetrack", "fused"):
        for case in (case for case in all_cases(data) if case.name in DELAYED):
            files = track_with_lags(case, tracker, out)
            if is_first:
                yield markdown_header("tracker, sequence", *files)
                is_first = False
            cells = (hota_idf1(evaluate(case, file)) for file in files.values())
            print(line := markdown_row(f"{tracker}, {case.name}", *cells), flush=True)
            yield line


def with_reference(data):
    """Cases that Lif_T has tracks of, and their file."""
    for case in all_cases(data):
        reference = data / "reference" / "lif_t" / f"{case.name}.txt"
        if reference.exists():
            yield case, reference


def comparison_lines(data, out):
    """Lines of the table of refined tracks beside Lif_T's, on the same detections."""
    yield markdown_header("sequence", "fused, refined", "bytetrack, refined", "Lif_T")
    for case, reference in with_reference(data):
        cells = ["no video" if case.source(t) is None else refined_cell(case, t, out) for t in ("fused", "bytetrack")]
        yield markdown_row(case.name, *cells, hota_idf1(evaluate(case, reference)))


def refined_cell(case, tracker, out):
    """HOTA / IDF1 of the refined tracks."""
    return hota_idf1(evaluate(case, refine_offline(case, tracker, track_online(case, tracker, out))))


def refined_reference_lines(data, out):
    """Lines of the table of Lif_T's tracks, refined by motion only."""
    yield markdown_header("sequence", "Lif_T", "refined")
    for case, reference in with_reference(data):
        folder = out / "lif_t" / case.name
        if not (folder / "summary.json").exists():
            idfree.refine(reference, case.folder, folder)
        yield markdown_row(
            case.name, *(hota_idf1(evaluate(case, file)) for file in (reference, folder / reference.name))
        )


def main():
    options = make_parser(__doc__, "offline", DOCS / "offline_results.md").parse_args()
    data, out, page = options.data, options.out, [HEAD]
    for tracker, appearance in TRACKERS.items():
        how = "motion only" if appearance == "none" else f"`--appearance {appearance}`"
        page += [f"## {tracker}, {how}\n", *refinement_lines(tracker, data, out), ""]
        write_text(options.page, "\n".join(page))
    page += ["## Compared with Lif_T\n", *comparison_lines(data, out), ""]
    page += ["## With a lag (`track --lag`)\n", *lag_lines(data, out), ""]
    page += ["## Lif_T's tracks, refined\n", *refined_reference_lines(data, out), ""]
    write_text(options.page, "\n".join(page))


if __name__ == "__main__":
    main()
