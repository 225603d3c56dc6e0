"""FGSM and PGD on the word vectors of a text, and their reading as words: vectors, not text, and said so."""

from __future__ import annotations

from typing import Any

import streamlit as st

from core import fields
from core.attacks.embeddings.fgsm import EMBEDDING_ATTACKS, EmbeddingAttack, Perturbed, perturb
from core.attacks.embeddings.nearest_words import NearestWords, read_nearest_words, refusal
from core.attacks.embeddings.saying import kinds_of, said
from core.ranking import ranks
from pages.parts import loading
from pages.parts.forms import form
from pages.parts.reading import Reading
from pages.parts.show import plain, sentences

SAID = (
    "These attacks move all that the model reads a little: the vector of each word, and in an ensemble its linear part's values. What they find are "
    "**vectors and no text**: nobody can type them. Below, each moved vector is read as the nearest word of the vocabulary and that text is "
    "scored again: what is left of the attack in words."
)


def section(reading: Reading) -> None:
    """A closed drawer below the setting; nothing runs before its button. Where the model has no word vectors it says why."""
    with st.expander("FGSM and PGD on the word vectors (vectors, not text)", icon=":material/scatter_plot:"):
        if why := refusal(reading.classifier):
            st.caption(plain(why))
            return
        st.markdown(SAID)
        name = st.segmented_control(
            "Attack on vectors", list(EMBEDDING_ATTACKS), default="pgd", format_func=str.upper, required=True, key="vectors.attack"
        )
        kind = EMBEDDING_ATTACKS[str(name)]
        with st.popover("Settings", icon=":material/tune:"):
            attack = form(kind(), f"vectors.set.{kind.NAME}")
        key = ("vectors", kind.NAME, tuple(fields.to_json(attack).items()), reading.classifier.digest, reading.original.digest)
        with sentences():
            if st.button("Move the vectors", key="vectors.run") or loading.kept(key) is not None:
                found, read = loading.remembered(key, lambda: _made(attack, reading))
                _shown(attack, found, read, reading)


def _made(attack: EmbeddingAttack, reading: Reading) -> tuple[Perturbed, NearestWords]:
    with st.spinner("Following the gradient …"):
        found = perturb(attack, reading.classifier, reading.original)
        return found, read_nearest_words(found, reading.classifier, reading.original)


def _shown(attack: EmbeddingAttack, found: Perturbed, read: NearestWords, reading: Reading) -> None:
    from core.render.trace import diff, swapped, table

    names = reading.classifier.labels.names
    columns: list[Any] = [ranks(scores[None], found.labels)[0] for scores in (found.scores_before, found.scores_after, read.scores)]
    rows = [(names[int(label)], *(f"{int(column[i]):,}" for column in columns)) for i, label in enumerate(found.labels)]
    st.html(table(("Label aimed at", "Rank", "Vectors moved", "Read as nearest words"), rows, f"The {len(rows)} labels that were pushed out"))
    radius = ", ".join(f"{kind} {value:.3g}" for kind, value in found.radii.items()) or "nothing moved"
    st.caption(plain(f"{said(attack, reading.classifier.unit, kinds_of(reading.classifier))}."))
    st.caption(
        plain(f"Largest change of a coordinate: {radius}; the moved rows by {100 * found.share:.1f} % of their length; {found.gradients} gradients.")
    )
    if read.swaps:
        st.markdown(plain(f"Of {read.moved:,} moved words {len(read.swaps):,} have another nearest word now:"))
        st.html(diff(reading.original, swapped(read.swaps)))
    else:
        st.markdown(
            plain(f"Of {read.moved:,} moved words none has another nearest word: read as text, the document is unchanged and the attack is gone.")
        )
