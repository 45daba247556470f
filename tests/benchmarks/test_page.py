import copy

import pytest

from benchmarks import page
from benchmarks.targets import TARGETS
from fer.errors import FerError

FIGURE = {"median": 1234.5, "low": 900.0, "high": 1300.0, "repeats": 5}
ROW = {"key": "", "work": "", "unit": "", "ours": None, "plain": None, "ratio": None, "note": "", "missing": ""}
RESULTS = {
    "cpu": {
        "machine": {
            "processor": "a processor",
            "cores": 2,
            "memory_gb": 8.4,
            "instructions": {"avx2": True, "avx512_bf16": False},
            "gpu": "",
            "load": 0.1,
            "system": "Linux x86_64",
            "versions": {"python": "3.11.7", "torch": "2.9"},
            "commit": "abc",
        },
        "seconds": 612.0,
        "parts": {
            "images": {
                "seconds": 30.0,
                "failed": "",
                "rows": [
                    ROW
                    | {"key": "images.input", "work": "image input", "unit": "images/s", "note": "plain: PIL"}
                    | {"plain": FIGURE, "ours": FIGURE | {"median": 9000.0}}
                    | {"ratio": {"median": 7.291, "low": 7.0, "high": 8.0, "repeats": 5}},
                    ROW | {"key": "images.share", "work": "share", "missing": "no | network"},
                ],
            },
            "stages": {
                "seconds": 30.0,
                "failed": "the disk is full",
                "rows": [
                    ROW
                    | {"key": "dvc.nothing", "work": "dvc repro", "unit": "s"}
                    | {"ours": {"median": 1.26, "low": 1.26, "high": 1.26, "repeats": 1}}
                ],
            },
        },
    }
}


def test_the_page_says_what_the_results_say():
    """`python -m benchmarks.page` puts it right."""
    text = page.PAGE.read_text(encoding="utf-8")
    assert page.filled(text, page.read()) == text


def test_figures_their_spread_and_what_is_missing():
    text = page.tables(RESULTS)
    both = "1,234 images/s (900 to 1,300) | 9,000 images/s (900 to 1,300) | **7.29 x** (7.00 to 8.00)"
    assert f"| image input (plain: PIL) | {both} |\n" in text
    assert "| share | not measured: no / network |\n" in text
    assert "| dvc repro | 1.26 s |\n" in text
    assert "- `stages`: the disk is full\n" in text


def test_every_target_stands_beside_what_was_measured():
    text = page.tables(RESULTS)
    for target in TARGETS:
        assert f"| {target.work} | {target.cores} | " in text
    assert "9,000 images/s (7.29 x the baseline); not measured: no / network |" in text
    assert "| `make test` | 5 min, none skipped for it | not by this command: " in text
    assert "| 2 s | 1.26 s |" in text
    assert "| 1 s | not measured |" in text


def test_the_machine():
    assert page.machine(RESULTS["cpu"]) == (
        "a processor, 2 cores, 8.4 GB, Linux x86_64; instructions avx2 (not avx512_bf16); python 3.11.7, torch 2.9. "
        "Load before the run 0.1, the run 10.2 min, commit abc."
    )


def test_a_part_that_was_measured_by_itself_says_on_what():
    results = copy.deepcopy(RESULTS)
    results["cpu"]["parts"]["images"]["machine"] = RESULTS["cpu"]["machine"] | {"commit": "def"}
    assert "`images` was measured by itself. a processor, 2 cores" in page.tables(results)
    assert "the run 0.5 min, commit def.\n" in page.tables(results)


def test_a_gpu_has_its_own_targets():
    results = copy.deepcopy(RESULTS) | {"cuda": copy.deepcopy(RESULTS["cpu"])}
    results["cuda"]["machine"]["gpu"] = "an accelerator"
    text = page.tables(results).partition("### On a GPU")[2]
    assert "an accelerator, a processor" in text
    assert [line.count("|") for line in text.splitlines() if "10,000 faces/s" in line] == [4]
    assert "make demo" not in text


def test_what_stands_around_the_tables_stays():
    text = f"before\n{page.BEGIN}\nold\n{page.END}\nafter\n"
    filled = page.filled(text, {})
    assert filled.startswith(f"before\n{page.BEGIN}\n")
    assert filled.endswith(f"{page.END}\nafter\n")
    assert "old" not in filled
    assert "Not measured yet: `make bench`." in filled
    assert "Not measured yet: `make bench DEVICE=cuda`." in filled
    assert page.filled(filled, {}) == filled
    with pytest.raises(FerError, match="no place"):
        page.filled("nothing", {})
