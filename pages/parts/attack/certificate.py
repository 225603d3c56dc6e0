"""The one-word certificate: no single substitution does it, or the list of those that do."""

from __future__ import annotations

import json

import streamlit as st

from core.attacks.words.certificate import Certificate, certify
from pages.parts.attack.stepper import AttackRun
from pages.parts.explain.explaining import heard, working
from pages.parts.labels import number
from pages.parts.show import plain

LISTED = 12


def certificate(run: AttackRun) -> None:
    """Behind a button: every candidate of every word of the original text is scored, which takes a while."""
    if run.certificate is None:
        place = st.empty()
        with place.container(horizontal=True, vertical_alignment="center", gap="medium"):
            asked = st.button("Is one word enough?", key="attack.certify", icon=":material/verified:")
            st.caption(
                "Scores every substitution of a single word of the original text: a certificate that none does it, or the list of those that do."
            )
        if asked:
            run.certificate = _certified(run)
            place.empty()
    if run.certificate is not None:
        _shown(run.certificate)


def _certified(run: AttackRun) -> Certificate:
    """By a session of its own, so that the attack's queries stay the attack's."""
    session = run.session.attack.begin(run.session.classifier, run.session.original, run.setting.truth)
    with working("Certificate", "Certificate: every single substitution") as progress, heard(session, lambda done, total, what: None):
        return certify(session, progress)


def _shown(found: Certificate) -> None:
    from core.render.trace import table

    unit, names = found.session.classifier.unit, found.session.classifier.labels.names
    (st.success if found.holds else st.warning)(plain(found.summary), icon=":material/verified:" if found.holds else ":material/warning:")
    listed = found.found[:LISTED] or ((found.nearest,) if found.nearest else ())
    rows = [(f"{one.old} → {one.new}", f"{one.ranks[0]:,}", number(one.scores[0], unit)) for one in listed]
    if rows:
        caption = "Best first" if found.found else "The nearest one"
        st.html(table(("Substitution", f"Rank of {names[found.tracked[0]]}", "Score"), rows, caption))
    said = [f"{found.queries:,} queries", f"{found.seconds:.1f} s"]
    if found.refused:
        said.append(f"{found.refused:,} more would do it, but a constraint on the whole text refuses them")
    st.caption(plain(", ".join(said) + "."))
    content = json.dumps(found.to_json(), ensure_ascii=False, indent=1)
    st.download_button("Save the certificate", content, "certificate.json", "application/json", on_click="ignore", icon=":material/download:")
