"""A new training: what it starts from, on which data, with which defence, what it will cost here, and its start as a job."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import streamlit as st

from core.checkpoint import read_config
from core.checkpoint.ensemble import ENDING, is_ensemble, name_refusal
from core.data.debtags import cached_file
from core.defences import DEFENCES, defence_class
from core.errors import CoreError, InputError
from core.fields import to_json
from core.models import MODELS
from core.render.defences import weight_curve
from core.runs import locks
from core.runs.jobs import root
from core.training.estimate import estimate
from core.training.request import TrainingRequest, base_config, base_settings
from pages.parts import forms, loading, owner, running, session
from pages.parts.cards import Card, titled
from pages.parts.datasets import offered
from pages.parts.frame import KINDS
from pages.parts.show import plain

SOLVED = "linear"
"""The model that is solved, not trained step by step: nothing to go on from, nothing to defend."""
PARENT, AFRESH = "From a checkpoint", "Afresh"


def form(cards: list[Card]) -> None:
    """Everything about a training, with an estimate before and a start."""
    if not owner.offers(running.STARTS):
        return
    try:
        asked = _asked([card for card in cards if card.model in MODELS and card.model != SOLVED])
    except CoreError as error:
        st.error(plain(str(error)))
        return
    device = locks.devices(asked.device)[0]
    st.info(plain(f"{estimate(asked, device).sentence()}. Loading and the evaluation at the end come on top."), icon=":material/timer:")
    base = _name(asked)
    name = st.text_input("Name of its folder under runs/", value=base, key=f"train.name.{base}")
    missing = asked.dataset == "debtags" and not cached_file().is_file()
    if missing:
        st.warning("debtags is not built yet. Build it on the Data page first: that takes a click and a minute.")
    misnamed = name_refusal(name, to_json(asked.config))
    if misnamed:
        st.warning(plain(f"{misnamed[0].upper()}{misnamed[1:]}."))
    st.button(
        "Launch", key="train.start", type="secondary" if missing or misnamed else "primary", icon=":material/play_arrow:",
        disabled=missing or misnamed is not None, on_click=_launch, args=(asked, name),
    )  # fmt: skip
    st.caption(
        "It runs in a process of its own: leave the page, or stop the server, and it goes on. One job at a time on a device; others wait in line."
    )


def _asked(parents: list[Card]) -> TrainingRequest:
    first, second = st.columns(2)
    with first:
        start = st.segmented_control("Start", [PARENT, AFRESH], default=PARENT if parents else AFRESH, key="train.start.from", required=True)
        parent, model = _start(parents, start == PARENT)
        own = next((card.dataset for card in parents if card.name == parent), "")
        dataset = st.selectbox("Data", offered(cached_file().is_file(), own=own), key=f"train.dataset.{own}")
    with second:
        names = ["", *(name for name in DEFENCES if model in getattr(defence_class(name), "FITS", ()))] if model != SOLVED else [""]
        defence = st.selectbox("Defence", names, format_func=_title, key=f"train.defence.{model}")
        device = st.selectbox("Device", _devices(), format_func=_device, key="train.device")
        seed = int(st.number_input("Seed", 0, 2**32 - 1, 0, key="train.seed"))
        minimum = 5 if parent else int(st.number_input("Documents a label needs", 1, 1_000_000, 5, key="train.minimum"))
    if dataset is None:
        raise InputError("no data set with texts is here; build debtags on the Data page")
    settings: Any = None
    if defence:
        st.caption(plain(defence_class(defence).ABOUT))
        settings = _knobs("Settings of the defence", base_settings(defence), f"train.defence.{defence}", expanded=True)
        _weights(settings, next((card for card in parents if card.name == parent), None), dataset)
    config = _knobs(f"Settings of {KINDS.get(model, model)}", base_config(model, parent), f"train.config.{parent or model}", expanded=False)
    return TrainingRequest(model, config, parent, dataset, defence, settings, seed, device, minimum)


def _start(parents: list[Card], on_from: bool) -> tuple[str, str]:
    """The name of the checkpoint to go on from, or an empty one, and the model."""
    if not on_from:
        return "", str(st.selectbox("Model", list(MODELS), format_func=lambda kind: KINDS.get(kind, kind), key="train.model"))
    if not parents:
        raise InputError("there is no checkpoint that can be trained on; start afresh")
    names = [card.name for card in parents]
    chosen = session.get(session.MODEL)
    at = names.index(chosen) if chosen in names else 0
    parent = str(st.selectbox("Checkpoint", names, index=at, format_func=titled(parents), key="train.parent"))
    return parent, str(read_config(parent)["model"])


def _knobs(title: str, base: Any, key: str, expanded: bool) -> Any:
    with st.expander(title, expanded=expanded), st.container(key=f"knobs.{key}"):
        return forms.form(base, key)


def _weights(settings: Any, card: Card | None, dataset: str) -> None:
    """What a positive of each label will weigh under the losses with these settings, drawn."""
    from core.defences.rebalanced import Rebalanced

    if not isinstance(settings, Rebalanced):
        return
    if card is None:
        st.caption("With a checkpoint to start from, the weights of its labels are drawn here; afresh, they are counted when the data is read.")
        return
    labels = loading.labels(card)
    figure = weight_curve(labels.counts, settings.curves(labels, dataset))
    st.plotly_chart(figure, key="train.weights", alt="Weight of a positive over the training documents of its label")


def _title(defence: str) -> str:
    return str(defence_class(defence).TITLE) if defence else "None"


def _devices() -> list[str]:
    """The GPU first, where there is one."""
    return ["cuda", "cpu"] if locks.gpus() else ["cpu"]


def _device(kind: str) -> str:
    found = locks.devices(kind)
    return f"{found[0].title}{f' ({len(found)} of them)' if len(found) > 1 else ''}"


def _name(asked: TrainingRequest) -> str:
    """A name that says what it is; a number where there is one already."""
    start = (asked.parent or f"{asked.dataset}-{asked.model}").removesuffix(ENDING)
    base = f"{start}{f'-{asked.defence}' if asked.defence else ''}-{datetime.now().astimezone():%m%d}"
    ending = ENDING if is_ensemble(to_json(asked.config)) else ""
    taken = (base + ending, *(f"{base}-{number}{ending}" for number in range(2, 100)))
    return next((name for name in taken if not (root() / name).exists()), base)


def _launch(asked: TrainingRequest, name: str) -> None:
    if running.launch(name, asked.words, asked.device):
        session.choose(session.RUN, name)
