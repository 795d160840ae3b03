"""Small releases in ASI-Arch's two layouts, with programs of our own, and its real data where it lies beside us."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

PUBLISHED = Path(__file__).parents[3] / "shared" / "data" / "asi-arch"
WHY_NOT = f"ASI-Arch's released data is not in {PUBLISHED}"
PROGRAM = (Path(__file__).parents[1] / "evaluation" / "asi_arch" / "designs" / "packed_delta.py").read_text()
STEPS, TASKS = (1, 100, 200), ("arc_easy", "lam_ppl", "piqa", "average")
Row = dict[str, Any]


def node(index: int, parent: int | None, score: Any, **fields: Any) -> Row:
    return {"index": index, "name": f"delta_net_{index}", "parent": parent, "score": score,
            "name_new": f"Net-{index}"} | fields  # fmt: skip


NODES = (node(1, None, 1.5), node(2, 1, 2.25), node(3, 2, 2.5), node(5, 1, 0.5))


def table(name: str, columns: Sequence[object], values: Sequence[object]) -> str:
    return f",{','.join(map(str, columns))}\n{name},{','.join(map(str, values))}"


def gallery_row(of: Row, losses: Sequence[object] = (11.0, 7.5, 6.25), **fields: Any) -> Row:
    result = {
        "train": table(of["name"], STEPS, losses),
        "test": table(of["name"], TASKS, (0.5, "nan", 0.75, 0.625)),
    }
    texts = {"program": PROGRAM, "motivation": "**Why** it may help", "summary": "It helped.", "svg_picture": "<svg/>"}
    return of | {"parameters": "474.88M", "result": result} | texts | fields


GALLERY = (gallery_row(NODES[1]), gallery_row(NODES[2], (11.0, "nan", "nan"), program=PROGRAM + "# another\n"))


def write_clone(folder: Path, nodes: Sequence[Any] = NODES, gallery: Sequence[Any] | None = GALLERY) -> Path:
    """The layout of a clone; returns its root."""
    data = folder / "data"
    data.mkdir(parents=True, exist_ok=True)
    (data / "tree.json").write_text(json.dumps({"total_records": len(nodes), "results": list(nodes)}))
    if gallery is not None:
        (data / "106.json").write_text(json.dumps(list(gallery)))
    return folder


def write_numbers(folder: Path) -> Path:
    """The layout without text fields."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = ("index", "parent", "name", "name_new", "score", "parameters", "result")
    (folder / "tree.json").write_text(json.dumps({"results": list(NODES)}))
    rows = [{field: row[field] for field in kept} for row in GALLERY]
    rows[0]["result"] = repr(rows[0]["result"])  # a string that holds a Python dictionary
    (folder / "gallery-results.json").write_text(json.dumps(rows))
    return folder
