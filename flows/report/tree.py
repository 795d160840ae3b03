"""The lineage as rows: every design has its own row, under its first parent and indented by its depth."""

from collections.abc import Sequence

from flows.report.contents import Design, Part


class Node(Part):
    """Where one design stands."""

    design: Design
    row: int
    depth: int
    parent: int | None  # the parent's row


def lay_out(designs: Sequence[Design]) -> list[Node]:
    """All designs, parents above their children: the family with the best member first, children as given.

    A design without a parent in this campaign is a root.
    """
    known = {one.id: one for one in designs}
    children: dict[str, list[Design]] = {}
    roots = []
    for one in designs:
        if one.parent in known and one.parent != one.id:
            children.setdefault(str(one.parent), []).append(one)
        else:
            roots.append(one)
    families = [_family(root, children) for root in roots]
    families.sort(key=lambda family: -max((one.fitness for one, _ in family if one.fitness is not None), default=-1e9))
    nodes: list[Node] = []
    rows: dict[str, int] = {}
    for design, depth in (member for family in families for member in family):
        rows[design.id] = len(nodes)
        nodes.append(Node(design=design, row=len(nodes), depth=depth, parent=rows.get(design.parent or "")))
    return nodes


def _family(root: Design, children: dict[str, list[Design]]) -> list[tuple[Design, int]]:
    family, waiting = [], [(root, 0)]
    while waiting:
        design, depth = waiting.pop()
        family.append((design, depth))
        waiting += [(child, depth + 1) for child in reversed(children.get(design.id, []))]
    return family
