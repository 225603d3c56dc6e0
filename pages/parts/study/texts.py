"""Studies that keep no texts: the texts put back where their data are at hand, what brings the data where they are not, and changed words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from core.document import Document
from core.errors import CoreError
from core.study import texts
from core.study.campaigns import Campaign
from core.study.records import Record, lacks_text
from core.study.shapes import check_places
from pages.parts import loading
from pages.parts.show import plain, problem


def shown(studies: Sequence[Campaign]) -> list[Campaign]:
    """The same studies, those without texts with them where they were put back; else a button, or a sentence, says how they come."""
    found = [_whole(one) or one for one in studies]
    lacking = [one for one in found if one.without_texts]
    here = [one for one in lacking if texts.at_hand(one.request.study.dataset)]
    for dataset, one in {one.request.study.dataset: one for one in lacking if one not in here}.items():
        st.info(f"{plain(texts.missing(one))} {texts.how_to_get(dataset)}", icon=":material/visibility_off:")
    if here:
        _offer(here)
    return found


def _whole(one: Campaign, read: bool = False) -> Campaign | None:
    """A study with its texts. One that keeps none has them once somebody asked to `read` its data set, which may take a minute. InputError
    where that is other data."""
    if not one.without_texts:
        return one
    key = ("study with texts", str(one.folder), loading.stand(one.folder))
    if not read:
        found: Campaign | None = loading.kept(key)
        return found
    return loading.remembered(key, lambda: texts.whole(one, loading.completed(one.request.study.dataset)))


def _offer(studies: Sequence[Campaign]) -> None:
    """The data are here, but reading them may take a minute: it is asked for."""
    names = " and ".join(sorted({one.request.study.dataset for one in studies}))
    st.caption(plain(f"{', '.join(one.name for one in studies)}: without texts. Put back from {names}, they are shown and can be replayed."))
    if st.button("Read the texts", key="study.texts", icon=":material/visibility:"):
        bar = st.progress(0.0, "Reading the data …")
        try:
            with loading.heavy_work(lambda text: bar.progress(0.0, text)):
                for one in studies:
                    _whole(one, read=True)
        except CoreError as error:
            problem(error)
            return
        finally:
            bar.empty()
        st.rerun()


def words(record: Record, key: str) -> None:
    """The words that an attack changed, in their text where that is known."""
    from core.render.attack_report import final_swaps
    from core.render.trace import diff

    if lacks_text(record):
        _without_text(record, key)
    elif record["reason"] == "error":
        st.text(record["text"])
    else:
        check_places(record)
        st.html(diff(Document.from_text(record["text"]), final_swaps(record)))


def _without_text(record: Record, key: str) -> None:
    steps = record.get("steps", ())
    if steps:
        st.dataframe([_change(step, number, record["words"]) for number, step in enumerate(steps, 1)], hide_index=True, key=key, placeholder="–")
    made = f" Made again on weights {record['replayed']} when the study was passed on, it came out as saved." if "replayed" in record else ""
    st.caption(plain(f"{'' if steps else 'No word was changed. '}The text is not kept with the study.{made}"))


def _change(step: dict[str, Any], number: int, words: int) -> dict[str, Any]:
    """A step without its text: which of its words became what."""
    before = {"stood there": step["from"]} if "from" in step else {}
    return {
        "step": number, "word": f"{step['position'] + 1:,} of {words:,}", **before,
        "put there": "the text's own word" if step["to"] is None else step["to"], "rank": ", ".join(f"{rank:,}" for rank in step["rank"]),
        "queries": step["queries"],
    }  # fmt: skip
