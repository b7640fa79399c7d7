"""count people at lines and in zones, how long they stay, how far and how fast they go

example: idfree count street.txt street.mp4 --line door=100,400,700,400 --zone hall=0,0,500,0,500,400
         writes runs/count/street/street-crossings.csv, -zones.csv, -visits.csv and a picture, street-counts.png

Coordinates are pixels of the video. A line is crossed left, right, up or down, as seen in the picture.
--homography FILE: three rows of a matrix from pixels to metres on the ground, or rows x,y,X,Y of four points or more
"""

import argparse
from pathlib import Path
from typing import Any

from idfree.commands.common_options import RESULTS, RESULTS_SOURCE, add_counting, counting_arguments, output_folder
from idfree.core.wording import counted

POINTS = {"bottom": "the middle of the lower edge", "centre": "the centre"}  # of a box, by --anchor


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_ = parser.add_argument
    add_("results", type=Path, help=f"{RESULTS}; or a folder of these")
    add_("source", nargs="?", help=RESULTS_SOURCE)
    add_("-o", "--out", type=output_folder, help="folder for the files (default: runs/count/NAME)")
    add_counting(parser)
    add_("--fps", type=float, help="frames per second (default: the source's, without source 30)")
    add_("--no-plot", action="store_true", help="write no picture")


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Count; return the totals."""
    from idfree.pipelines.count import count

    return count(
        options.results,
        options.source,
        options.out,
        **counting_arguments(options),
        frame_rate=options.fps,
        plot=not options.no_plot,
        quiet=options.quiet,
        on_result=None if options.json or options.quiet else print_totals,
    )


def print_totals(totals: dict[str, Any]) -> None:
    """Print the counts of one file, and where they are written."""
    print(totals["name"])
    for name, line in totals["lines"].items():
        print(f"  {name}: {describe_line(line)}")
        for kind, own in line.get("classes", {}).items():
            print(f"    {kind}: {describe_line(own)}")
        for remark in describe_uncrossed(totals.get("uncrossed", {}).get(name)):
            print(f"    {remark}")
    for name, zone in totals["zones"].items():
        stay = "" if zone["median_seconds"] is None else f", {zone['median_seconds']:.1f} s each (median)"
        visits = f"{counted(zone['visits'], 'visit')} of {counted(zone['tracks'], 'track')}"
        print(f"  {name}: {visits}{stay}, {zone['most']} at a time at most")
    if (paths := totals.get("paths")) and paths["mean_speed"] is not None:
        tracks = counted(paths["tracks"], "track")
        print(f"  {tracks}, {paths['metres']:.0f} m, {paths['mean_speed']:.2f} m/s on average")
    for path in totals["files"].values():
        print(f"  {path}")


def describe_line(totals: dict[str, Any]) -> str:
    """Counts of both directions as text."""
    return ", ".join(f"{count} {word}" for word, count in totals.items() if word != "classes")


def describe_uncrossed(found: dict[str, Any] | None) -> list[str]:
    """Why a line has no crossing: how near the tracks come, and whether another anchor crosses it; [] if it has some.

    found: of the line, in `uncrossed` of the totals.
    """
    from idfree.counting.counter import CounterSettings

    if found is None:
        return []
    if "distance" not in found:
        return ["no crossing: there are no tracks"]
    if found["passing"]:
        tracks, least = counted(found["passing"], "track"), CounterSettings().hysteresis
        return [f"no crossing: {tracks} on it, none from {least} box heights on one side to as far on the other"]
    where = f"{found['distance']:.0f} px (track {found['id']}, frame {found['frame']})"
    remarks = [f"no crossing: what is counted, {POINTS[found['anchor']]} of a box, comes no nearer than {where}"]
    if found["overlapping"]:
        boxes = f"boxes of {counted(found['overlapping'], 'track')} overlap it"
        crossings = counted(found["other_crossings"], "crossing") if found["other_crossings"] else "no crossing either"
        remarks.append(f"{boxes}; with --anchor {found['other_anchor']}: {crossings}")
    return remarks
