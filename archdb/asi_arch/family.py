"""Who descends from whom: published parents, made a forest."""

from collections.abc import Callable, Mapping


def paths_of(parents: Mapping[int, int | None], complain: Callable[[int, str], None]) -> dict[int, tuple[int, ...]]:
    """The ancestors of every node, root first.

    A parent that is not among the nodes is dropped, and a circle is opened at its lowest node, which becomes a root;
    ``complain`` is told the node and why.

    Args:
        parents: every node and its parent, or None for a root.
        complain: called with a node and a sentence.
    """
    kept = dict(parents)
    for node, parent in parents.items():
        if parent is not None and parent not in parents:
            complain(node, f"its parent {parent} is no node of the tree, so it becomes a root")
            kept[node] = None
    paths: dict[int, tuple[int, ...]] = {}
    for node in kept:
        chain = _chain(node, kept, paths)
        again = kept[chain[-1]] if chain else None
        if again is not None and again in chain:
            circle = chain[chain.index(again) :]
            root = min(circle)
            told = " -> ".join(map(str, [*circle, again]))
            complain(root, f"it is among its own ancestors ({told}), so it becomes a root")
            kept[root] = None
            chain = _chain(node, kept, paths)
        for member in reversed(chain):
            parent = kept[member]
            paths[member] = () if parent is None else (*paths[parent], parent)
    return paths


def _chain(node: int, parents: Mapping[int, int | None], done: Mapping[int, object]) -> list[int]:
    """The node and its ancestors up to a root, to one that is done, or to a repetition."""
    chain: list[int] = []
    seen: set[int] = set()
    at: int | None = node
    while at is not None and at not in done and at not in seen:
        chain.append(at)
        seen.add(at)
        at = parents[at]
    return chain
