"""Records as tables for other tools: CSV and parquet with TextAttack's column names and ours beside them, and summary.json. Of records without
texts (core.study.texts) the columns with texts are left out."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from core.checkpoint import write_atomically
from core.files import csv_writer
from core.study.campaigns import read_campaign, read_config
from core.study.records import Record, lacks_text
from core.study.texts import at_hand, read_whole

TYPES = {True: "Successful", False: "Failed"}
SEPARATOR = "; "
COLUMNS = (
    "original_text", "perturbed_text", "original_score", "perturbed_score", "original_output", "perturbed_output", "ground_truth_output",
    "num_queries", "result_type", "target_label", "rank_before", "rank_after", "topk_before", "topk_after", "change_rate", "similarity",
    "similarity_kind", "steps", "pair", "bin", "document", "label_count", "start_rank", "margin", "reason", "note",
)  # fmt: skip
"""The first nine are TextAttack's. Scores are of the target (non-targeted: of the best label); outputs are the best label; label lists
are joined by semicolons."""
OF_TEXTS = ("original_text", "perturbed_text")


def flat(record: Record) -> dict[str, Any]:
    """One row."""
    given = {
        "original_text": record.get("text"), "target_label": record["label"], "bin": record["bin"], "pair": record["pair"],
        "document": record["document"], "reason": record["reason"], "note": record["note"],
    }  # fmt: skip
    if record["reason"] == "error":
        return {**dict.fromkeys(COLUMNS), **given, "result_type": "Skipped"}
    return {
        **given,
        "perturbed_text": record.get("adversarial"),
        "original_score": record["score_before"][0],
        "perturbed_score": record["score_after"][0],
        "original_output": record["top_before"][0],
        "perturbed_output": record["top_after"][0],
        "ground_truth_output": SEPARATOR.join(record["true_labels"] or ()),
        "num_queries": record["queries"],
        "result_type": "Skipped" if record["reason"] == "refused" else TYPES[bool(record["success"])],
        "rank_before": record["rank_before"][0],
        "rank_after": record["rank_after"][0],
        "topk_before": SEPARATOR.join(record["top_before"]),
        "topk_after": SEPARATOR.join(record["top_after"]),
        "change_rate": record["change_rate"],
        "similarity": record["similarity"],
        "similarity_kind": record["similarity_kind"],
        "steps": json.dumps([[step["position"], step.get("from"), step["to"]] for step in record["steps"]], ensure_ascii=False),
        "label_count": record["label_count"],
        "start_rank": record["start_rank"],
        "margin": record["margin"],
    }


def columns_for(saved: Sequence[Record]) -> Sequence[str]:
    return [name for name in COLUMNS if name not in OF_TEXTS] if any(map(lacks_text, saved)) else COLUMNS


def to_csv(saved: Sequence[Record]) -> str:
    return csv_writer.write_rows([flat(record) for record in saved], columns_for(saved))


def to_parquet(saved: Sequence[Record]) -> bytes:
    return parquet([flat(record) for record in saved], columns_for(saved))


def to_lines(saved: Sequence[Record]) -> str:
    """As they are kept, a JSON object a line."""
    return "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in saved)


def parquet(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> bytes:
    """A table as a parquet file."""
    import pandas as pd

    stream = io.BytesIO()
    pd.DataFrame(list(rows), columns=list(columns)).to_parquet(stream, index=False)
    return stream.getvalue()


def rows_to_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """Any table of the page or of a summary; nothing for None."""
    return csv_writer.write_rows(rows)


def rows_to_json(rows: Sequence[Mapping[str, Any]]) -> str:
    return json.dumps(list(rows), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def export(folder: Path, dataset: str = "") -> dict[str, Any]:
    """Write records.csv, records.parquet and summary.json into a study's folder, whatever it attacked; returns the summary. Texts that its
    records do not keep are put back where the data are at hand, or lie in `dataset`."""
    summary, rows, columns = _of_features(folder) if read_config(folder, "vector-study") is not None else _of_words(folder, dataset)
    write_atomically(folder / "records.csv", csv_writer.write_rows(rows, columns))
    write_atomically(folder / "records.parquet", parquet(rows, columns))
    write_atomically(folder / "summary.json", json.dumps(summary, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    return summary


def _of_words(folder: Path, dataset: str) -> tuple[dict[str, Any], list[dict[str, Any]], Sequence[str]]:
    found = read_campaign(folder)
    if found.without_texts and (dataset or at_hand(found.request.study.dataset)):
        found = read_whole(folder, dataset)
    return found.summary(), [flat(record) for record in found.records], columns_for(found.records)


def _of_features(folder: Path) -> tuple[dict[str, Any], list[dict[str, Any]], Sequence[str]]:
    from core.study.kinds.feature_campaigns import read_feature_campaign
    from core.study.kinds.feature_tables import ROW, record_row

    found = read_feature_campaign(folder)
    return found.summary(), [record_row(record) for record in found.records], ROW
