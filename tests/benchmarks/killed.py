"""Kill a run at random moments, again and again, and see that nothing is lost and nothing is read twice.

    python -m tests.benchmarks.killed [--kills 100] [--copies 10] [--seed 1]

The samples' scans are read under changed content (so that each is a page of its own). Every run is killed with SIGKILL
after a random time; after each kill the batch and its tables must be whole, and it must hold all that it held before.
When a batch is complete its table must be that of a run nobody disturbed, byte for byte. With root's rights a small
disk is filled up too.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2

FORM = Path(__file__).parents[2] / "samples" / "visit-record"


def main() -> None:
    """Kill, look, go on."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--copies", type=int, default=10, help="of each sample scan")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    rng = random.Random(given.seed)
    with tempfile.TemporaryDirectory() as place:
        scans = Path(place) / "scans"
        pages = copies_of(sorted((FORM / "scans").iterdir()), scans, given.copies)
        first_s = until_first_page(scans, Path(place) / "undisturbed")
        expected = (Path(place) / "undisturbed" / "results.csv").read_bytes()
        kills = batches = twice = 0
        moments: dict[str, int] = {}
        while kills < given.kills:
            results = Path(place) / f"results-{batches}"
            killed, again = until_complete(scans, results, rng, first_s, moments)
            kills, batches, twice = kills + killed, batches + 1, twice + again
            if (results / "results.csv").read_bytes() != expected:
                raise SystemExit(f"batch {batches}: results.csv is another than that of the undisturbed run")
            shutil.rmtree(results)
            print(f"{kills} kills, {batches} batches of {pages} pages complete, all equal", flush=True)
        print(f"pages stored twice: {twice}; moments of the kills: {moments}")
        fill_a_disk(scans, Path(place), expected)


def copies_of(scans: list[Path], folder: Path, count: int) -> int:
    """Write copies that differ in a corner's pixel; give their number."""
    folder.mkdir()
    pictures = [(scan, cv2.imread(str(scan))) for scan in scans if scan.suffix in (".jpg", ".png")]
    for scan, picture in pictures:
        for number in range(count):
            picture[0, 0] = (number, 0, 0)
            cv2.imwrite(str(folder / f"{scan.stem}-{number}.png"), picture)
    return len(pictures) * count


def read(scans: Path, results: Path) -> subprocess.Popen[str]:
    """Start a run."""
    call = [
        sys.executable,
        "-m",
        "formreader",
        "read",
        str(scans),
        "-t",
        str(FORM / "template.toml"),
        "-o",
        str(results),
    ]
    return subprocess.Popen(call, stderr=subprocess.PIPE, text=True)


def until_first_page(scans: Path, results: Path) -> float:
    """Read undisturbed; give the seconds until the first page was stored."""
    began = time.monotonic()
    run = read(scans, results)
    while not look(results)[0]:
        time.sleep(0.1)
    first_s = time.monotonic() - began
    run.communicate()
    return first_s


def until_complete(
    scans: Path, results: Path, rng: random.Random, first_s: float, moments: dict[str, int]
) -> tuple[int, int]:
    """Read into a folder, killing each run at a random moment until one ends by itself.

    Returns
    -------
    kills, pages stored twice
    """
    kills, held = 0, set[tuple[str, str]]()
    while True:
        run = read(scans, results)
        try:
            _, said = run.communicate(timeout=rng.uniform(0, 3 * first_s))
        except subprocess.TimeoutExpired:
            run.send_signal(signal.SIGKILL)
            _, said = run.communicate()
            kills += 1
        now, moment = look(results)
        if not held <= now:
            raise SystemExit(f"lost: {held - now}")
        held = now
        if run.returncode == 0:
            return kills, twice(results)
        if run.returncode != -signal.SIGKILL:
            raise SystemExit(f"a run ended with {run.returncode}: {said}")
        moments[moment] = moments.get(moment, 0) + 1


def look(results: Path) -> tuple[set[tuple[str, str]], str]:
    """Check that all that is there is whole; give the pages with their values, and how far the run was."""
    file = results / "batch.sqlite"
    if not file.exists() or not file.stat().st_size:
        return set(), "before the batch"
    connection = sqlite3.connect(file)
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if connection.execute("PRAGMA integrity_check").fetchone()[0] != "ok":
        raise SystemExit("the batch is damaged")
    held = set(connection.execute("SELECT sha256, fields FROM readings")) if tables else set()
    pages = connection.execute("SELECT count(*) FROM pages").fetchone()[0] if tables else 0
    connection.close()
    for table in results.glob("*.csv"):
        if not table.read_text("utf-8").endswith("\n"):
            raise SystemExit(f"{table.name} is cut off")
    if not held:
        return held, "before the first page" if tables else "before the batch"
    return held, "while pages were read" if len(held) < pages else "after the last page that was found"


def twice(results: Path) -> int:
    """Count the pages that have more than one reading."""
    connection = sqlite3.connect(results / "batch.sqlite")
    query = "SELECT count(*) FROM (SELECT 1 FROM readings GROUP BY sha256, page HAVING count(*) > 1)"
    count: int = connection.execute(query).fetchone()[0]
    connection.close()
    return count


def fill_a_disk(scans: Path, place: Path, expected: bytes) -> None:
    """Read onto a disk that is too small, then onto the same made larger."""
    disk = place / "disk"
    disk.mkdir()
    if os.name == "nt" or os.geteuid() or subprocess.call(["mount", "-t", "tmpfs", "-o", "size=200k", "x", disk]):
        print("no small disk: that needs root's rights to mount one")
        return
    try:
        run = read(scans, disk / "results")
        _, said = run.communicate()
        print(f"full disk: exit {run.returncode}, {said.strip().splitlines()[-1]}")
        held, _ = look(disk / "results")
        print(f"full disk: {len(held)} pages held, the batch is whole")
        subprocess.check_call(["mount", "-o", "remount,size=50m", disk])
        run = read(scans, disk / "results")
        run.communicate()
        whole = (disk / "results" / "results.csv").read_bytes() == expected
        kept = held <= look(disk / "results")[0]
        print(f"more room: exit {run.returncode}, results equal: {whole}, all kept: {kept}")
    finally:
        subprocess.check_call(["umount", disk])


if __name__ == "__main__":
    main()
