"""A checkpoint's card says where it comes from and what its defence did, in the figures it was given."""

from __future__ import annotations

from typing import Any

from core.checkpoint.card import card

PROVENANCE: dict[str, Any] = {
    "command": "python -m core train", "seed": 0, "labels": 2, "size_bytes": 7_000_000, "load_seconds": 0.5,
    "data": {"name": "tiny", "digest": "0123", "source": "Made up."},
    "trained": {"seconds": 1_234.0, "machine": "cpu"},
    "evaluation": {
        "split": "test", "documents": 30, "excluded": 1, "unknown_pairs": 2,
        "metrics": {"P@1": {"value": 0.875, "low": 0.75, "high": 1.0}},
        "recall@5_by_bin": {"[5, 20)": {"recall": 0.25, "pairs": 1_000}},
    },
}  # fmt: skip


def test_a_plain_card_says_nothing_of_parents_and_defences() -> None:
    text = card("toy", PROVENANCE, "linear")
    assert "| P@1 | 87.5 | 75.0 to 100.0 |" in text
    assert "| [5, 20) | 25.0 | 1,000 |" in text
    assert "- Size 7.0 MB; loads in 0.5 s" in text
    assert not any(word in text for word in ("trained on from", "defence", "robust"))
    assert card("toy", {**PROVENANCE, "parent": None, "defence": None, "defended": []}, "linear") == text


def test_parent_and_defence_are_told_in_sentences() -> None:
    defence = {"name": "adversarial-training", "settings": {"epochs": 3, "share": 0.5}}
    text = card("toy-robust", {**PROVENANCE, "parent": {"name": "toy", "digest": "4567"}, "defence": defence}, "mach", "A remark.")
    assert (
        "\n\nIt was trained on from `toy` (digest `4567`) and stores only what differs, so that checkpoint must lie beside it or in `checkpoints/`. "
        "Trained with the defence adversarial-training (epochs 3, share 0.5).\n\nA remark.\n"
    ) in text
    assert "Trained with the defence none-such.\n" in card("toy", {**PROVENANCE, "defence": {"name": "none-such", "settings": {}}}, "mach")


def test_what_the_defence_did_is_a_table_of_measures_by_who() -> None:
    rows = [
        {"who": "base", "measure": "attacks that succeed, %", "value": 85.0, "low": 79.4, "high": 89.3},
        {"who": "control", "measure": "attacks that succeed, %", "value": 84.0, "low": 78.25, "high": 88.4},
        {"who": "robust", "measure": "attacks that succeed, %", "value": 50.0, "low": 43.1, "high": 56.9},
        {"who": "base", "measure": "similarity (cosine)", "value": 0.9531, "low": 0.9, "high": 0.96},
        {"who": "robust", "measure": "similarity (cosine)", "value": 0, "low": -0.01, "high": 1_234.5},
    ]
    assert (
        "| before and after the defence | base | control | robust |\n"
        "|---|---|---|---|\n"
        "| attacks that succeed, % | 85.0 [79.4, 89.3] | 84.0 [78.2, 88.4] | 50.0 [43.1, 56.9] |\n"
        "| similarity (cosine) | 0.953 [0.900, 0.960] |  | 0.000 [-0.010, 1,234.5] |\n"
    ) in card("toy", {**PROVENANCE, "defended": rows}, "linear")
