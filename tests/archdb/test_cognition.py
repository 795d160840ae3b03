"""Papers, findings and retrieval, on a real LanceDB table."""

import time
from pathlib import Path

import pytest

from archdb import Conflict, Finding, Store
from archdb.cognition import index_cognition, list_findings, read_literature, record_findings, search
from archdb.cognition.embedding import load_embedder


def test_the_literature_is_valid_and_large_enough() -> None:
    papers = read_literature()
    assert len(papers) >= 100
    assert len({paper.title for paper in papers}) == len(papers)


def test_a_malformed_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text('id = "arXiv:1234.56789"\n')
    with pytest.raises(Conflict, match=r"bad\.toml: field title"):
        read_literature(tmp_path)
    (tmp_path / "bad.toml").write_text("= nothing")
    with pytest.raises(Conflict, match=r"bad\.toml is not a TOML file"):
        read_literature(tmp_path)


def test_indexing_twice_adds_nothing(store: Store) -> None:
    assert index_cognition(store) == len(read_literature())
    assert index_cognition(store) == 0


def test_a_failing_experiment_finds_its_papers(store: Store) -> None:
    index_cognition(store)
    hits = search("recall drops when many keys are stored: new writes overwrite old associations", limit=5)
    assert any("delta" in " ".join(hit.components) for hit in hits)
    assert all(hit.kind == "paper" and hit.text for hit in hits)
    assert len({hit.id for hit in hits}) == len(hits)


def test_signs_and_quotes_in_a_query_are_harmless(store: Store) -> None:
    index_cognition(store)
    assert search("recall's \"drop\": (keys) AND -beta* ~2 'x'", limit=3, campaign="o'hara")
    assert search("???", limit=1)


def test_findings_are_kept_once_and_retrieved(store: Store) -> None:
    index_cognition(store)
    finding = Finding(
        id="t-c001/finding-0",
        campaign="t",
        text="Changing zebra gates to quagga gates moved fitness by +0.40.",
        evidence=("t-c001", "t-gla"),
        components=("output_gate=silu",),
        effect=0.4,
        created_at=time.time(),
    )
    record_findings(store, [finding])
    record_findings(store, [finding])
    assert list_findings(store, "t") == [finding]
    hits = search("quagga gates", limit=3, campaign="t")
    assert [hit.id for hit in hits].count(finding.id) == 1
    assert hits[0].evidence == ("t-c001", "t-gla")
    assert not any(hit.id == finding.id for hit in search("quagga gates", limit=3, campaign="another"))


def test_embeddings_know_meaning() -> None:
    embed = load_embedder()
    assert embed is not None, "the embedding model is installed by make setup"
    a, b, c = embed(["the cat sat on the mat", "a kitten rests on a rug", "stock prices fell sharply"])

    def cosine(x: list[float], y: list[float]) -> float:
        return sum(p * q for p, q in zip(x, y, strict=True))

    assert abs(cosine(a, a) - 1.0) < 1e-5
    assert cosine(a, b) > cosine(a, c) + 0.2
