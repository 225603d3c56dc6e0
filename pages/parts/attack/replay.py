"""A saved attack that is uploaded: checked, made again, shown with what differs, and walked through step by step."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import streamlit as st

from core.attacks.features.record import read as read_features
from core.attacks.features.result import SCHEMA as FEATURES
from core.attacks.goals import called
from core.attacks.record import MAX_BYTES, schema_of
from core.attacks.words.record import LIMITS, read
from core.attacks.words.result import Replayed, replay
from core.attacks.words.walk import walk
from pages.parts import loading, owner, session
from pages.parts.attack.end import elsewhere, save
from pages.parts.cards import Card, all_cards
from pages.parts.features import replaying
from pages.parts.show import plain, problem, sentences
from pages.parts.walking import chart, step_through

MEGABYTES = MAX_BYTES // 10**6
KEY = "attack.upload"


def upload() -> None:
    """The place for a file; what it holds is taken up in the session."""
    with st.popover("Replay", icon=":material/replay:"):
        st.file_uploader("A saved attack (JSON)", type=["json"], key=KEY, max_upload_size=owner.megabytes(MEGABYTES), on_change=_taken)
        st.caption(f"It is checked against the checkpoint that it was made on: text, ranks and outcome. {LIMITS[0].upper()}{LIMITS[1:]}.")


def _taken() -> None:
    file = session.get(KEY)
    session.choose(session.RECORD, None if file is None else file.getvalue())


def show(card: Card | None) -> bool:
    """The uploaded attack, if there is one. Returns whether it was shown in place of the page."""
    content = session.get(session.RECORD)
    if content is None:
        return False
    st.button("Close the replay", on_click=session.forget, args=(session.RECORD,), icon=":material/close:")
    with sentences():
        if schema_of(content) == FEATURES:
            _of_features(read_features(content), sha256(content).hexdigest(), card)
        else:
            _shown(read(content), sha256(content).hexdigest(), card)
    return True


def _of_features(record: dict[str, Any], digest: str, card: Card | None) -> None:
    st.header(plain(f"Saved attack on {', '.join(record['labels']) or 'any of the top labels'}"))
    cards = all_cards()[0]
    own = next((one for one in cards if one.name == record["checkpoint"]), None)
    chosen = own or (card if card is not None and card.vectors else next((one for one in cards if one.vectors), None))
    if chosen is None:
        problem("No checkpoint of feature vectors is here, so this attack cannot be made again. Train one on the data it names.")
        return
    replaying.shown(record, digest, chosen)


def _shown(record: dict[str, Any], digest: str, card: Card | None) -> None:
    from core.render.attack_report import outcome
    from core.render.trace import diff, table

    what = ", ".join(record["labels"]) or "any of the top labels"
    st.header(plain(f"Saved attack on {what}"))
    chosen = next((one for one in all_cards()[0] if one.name == record["checkpoint"]), card)
    if chosen is None:
        return
    with st.spinner(f"Replaying on {chosen.name} …"):
        classifier = loading.classifier(chosen)
        key = ("replayed", digest, classifier.name, classifier.digest)
        found, walked = loading.remembered(key, lambda: (replay(record, classifier), walk(record, classifier)))
    _verdict(record, found, chosen)
    at = step_through(walked, "Original text")
    rows = [
        ("Made on", record["checkpoint"]), ("Weights digest", record["digest"]), ("Recipe", record["recipe"]), ("Goal", called(record["goal"])),
        ("Saved outcome", outcome(record)), *_ranks(record, found), ("Queries", f"{record['queries']:,}"),
        ("Similarity", f"{record['similarity']:.3f} ({record['similarity_kind']})"),
    ]  # fmt: skip
    left, right = st.columns([9, 6], gap="large")
    with left:
        st.html(diff(walked.original, walked.swaps(at)))
    with right:
        chart(walked, classifier, at)
        st.html(table((), rows))
    save(record, "attack.saved")
    elsewhere(record, "attack.sent")


def _ranks(record: dict[str, Any], found: Replayed) -> list[tuple[str, str]]:
    both = zip(record["tracked"], record["rank_before"], record["rank_after"], found.ranks, strict=True)
    return [
        (f"Rank of {name}", f"{before:,} → {after:,}" + (f", replayed {again:,}" if again != after else "")) for name, before, after, again in both
    ]


def _verdict(record: dict[str, Any], found: Replayed, chosen: Card) -> None:
    """What the replay says, in a sentence."""
    if found.unmet:
        problem(found.unmet)
    if chosen.name != record["checkpoint"]:
        st.warning(plain(f"The attack was made on '{record['checkpoint']}', which is not here; it was replayed on '{chosen.name}'."))
    elif not found.differences:
        st.success(plain(f"Replayed on {chosen.name}: text, ranks and outcome are as saved."), icon=":material/verified:")
        return
    said = "the goal is reached" if found.success else "the goal is not reached"
    names = {"adversarial": "the adversarial text", "success": "the outcome", "rank_before": "the first ranks", "rank_after": "the last ranks",
             "digest": "the weights"}  # fmt: skip
    differ = ", ".join(names[one] for one in found.differences)
    st.warning(plain(f"Replayed on {chosen.name}: {said}. Not as saved: {differ}."), icon=":material/difference:")
