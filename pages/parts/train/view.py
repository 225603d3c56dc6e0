"""One training as its folder tells it: state, figures, settings, and the checkpoint that came of it."""

from __future__ import annotations

from typing import Any

import streamlit as st

from core.attacks.embeddings.saying import said_of_training
from core.checkpoint import names
from core.checkpoint import read_config as read_checkpoint
from core.render import training as figures
from core.render.trace import table
from core.runs import jobs
from core.runs.jobs import Job
from core.runs.run import read_config, read_progress
from core.study.compare import parent_of
from pages.parts import owner, running, session
from pages.parts.show import plain


def choose(found: list[Job]) -> Job:
    """The run to show: the one that a link names, else one at work, else the latest."""
    by_name = {job.name: job for job in found}
    asked = session.get(session.RUN)
    if asked is not None and asked not in by_name:
        st.warning(plain(f"The link names run '{asked}', which is not here."))
    first = next((job.name for job in found if job.state == "running"), found[0].name)
    session.default(session.RUN, first, by_name)
    # Names alone: Streamlit knows a choice again by its text, and the state of a run changes.
    st.selectbox("Run", list(by_name), key=session.RUN, persist_state="session")
    return by_name[session.get(session.RUN)]


def line(shown: Job | None) -> None:
    """Every other job at work or waiting: whoever waits sees for whom."""
    for job in jobs.jobs():
        if job.alive and (shown is None or job.name != shown.name):
            running.watch(job.name)


def show(job: Job) -> None:
    """State and figures, again and again while it is at work."""
    if job.alive:
        running.watch(job.name, draw)
    else:
        running.ended(
            job, f" after {int(job.status['step']):,} of {int(job.status['total']):,}" if job.state != "done" and job.status["total"] else ""
        )
        _made(job)
        draw(job)
    _told(job)


def draw(job: Job) -> None:
    """The figures of what it has recorded so far."""
    records = read_progress(job.folder)
    left, right = st.columns(2)
    if figures.drawable(records, "train", ("loss",)):
        left.markdown("**Loss**")
        left.plotly_chart(figures.losses(records), key=f"train.losses.{job.name}", width="stretch")
        left.markdown("**Learning rate**")
        left.plotly_chart(figures.rates(records), key=f"train.rates.{job.name}", width="stretch")
    elif job.state == "running":
        left.caption("The first figures come after some steps.")
    if figures.drawable(records, "dev", figures.MEASURES):
        head, *rows = figures.last(records)
        right.markdown(f"**Held-out documents, {' and '.join(head[1:])}**")
        right.plotly_chart(figures.precisions(records), key=f"train.precisions.{job.name}", width="stretch")
        right.html(table(head, rows))
        if said := _attacked(job):
            right.caption(plain(said))
    elif job.state == "running":
        right.caption("P@k on held-out documents comes at the end of the first epoch.")


def _attacked(job: Job) -> str:
    """What "attacked" means in the figures of an adversarial training; nothing of another, or of settings that are none."""
    config = read_config(job.folder)
    defence = config.get("defence")
    settings = defence.get("settings") if isinstance(defence, dict) and defence.get("name") == "fgsm" else None
    if not isinstance(settings, dict):
        return ""
    try:
        return f"Attacked: {said_of_training(str(config.get('model')), settings)}."
    except (TypeError, ValueError, OverflowError):
        return ""


def _made(job: Job) -> None:
    """Where the finished model lies; one click leads on with it."""
    if job.state != "done" or job.checkpoint is None:
        return
    where = f"Its checkpoint lies in {job.checkpoint}. It is" if owner.allowed() else "Its checkpoint is"
    st.success(plain(f"{where} in every list of checkpoints as '{job.name}'."), icon=":material/check:")
    if job.name not in names():
        return
    ways = [("Explain with it", "train.use", ":material/ink_highlighter:", "pages/explain.py")]
    if parent := parent_of(read_checkpoint(job.name)):
        ways.append((f"Compare it with {parent}", "train.compare", ":material/compare:", "pages/compare.py"))
    with st.container(horizontal=True, gap="small"):
        for said, key, icon, page in ways:
            if st.button(plain(said), key=key, icon=icon, on_click=session.choose, args=(session.MODEL, job.name)):
                st.switch_page(page)


def _told(job: Job) -> None:
    """What was asked for, the command, and what it printed."""
    config = read_config(job.folder)
    with st.expander("What was asked for"):
        rows = [{"setting": name, "value": str(value)} for name, value in _flat(config)]
        if rows:
            st.dataframe(rows, hide_index=True, width="stretch")
        if job.words and owner.allowed():
            st.code(job.command, language=None, wrap_lines=True)
        if peak := job.status.get("peak_bytes"):
            gpu = f", {job.status['peak_gpu_bytes'] / 2**30:.1f} GB of the GPU's" if "peak_gpu_bytes" in job.status else ""
            folder = f" Folder: {job.folder}" if owner.allowed() else ""
            st.caption(plain(f"Most memory so far: {peak / 2**30:.1f} GB{gpu}. Device: {job.device or 'not recorded'}.{folder}"))
    if job.state != "crashed":
        running.log(job)


def _flat(config: dict[str, Any]) -> list[tuple[str, Any]]:
    """Settings within settings by their whole name."""
    rows: list[tuple[str, Any]] = []
    for name, value in config.items():
        rows += [(f"{name}.{inner}", more) for inner, more in _flat(value)] if isinstance(value, dict) else [(name, value)]
    return rows


def empty() -> None:
    """What to do where there is no training; the form, or to visitors that it is the owner's, comes below."""
    if not owner.allowed():
        st.markdown("There is no training yet.")
        return
    st.markdown(
        "There is no training yet. Start one here, from a checkpoint or afresh, with a defence or without; it is then watched on this page. Or on "
        "the command line: `python -m core train --from eurlex-xml-cnn --defence fgsm --dataset eurlex57k --run runs/my-training`."
    )
