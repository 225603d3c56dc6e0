"""The table of studies, and each study's measuring on small models: what it yields, that it resumes, and that it keeps no text."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from core.document import Document
from core.errors import InputError
from core.evidence import records, run
from core.evidence.attacked_pairs import item_of, study_records
from core.evidence.records import Record
from core.evidence.run import compare
from core.evidence.studies import STUDIES, study
from core.evidence.studies import base as studies_base
from core.evidence.studies.accuracy import EURLEX, predictions
from core.evidence.studies.accuracy import trained as training_of
from core.evidence.studies.campaigns import sources
from core.evidence.studies.copies import as_texts, copies, words_of
from core.evidence.studies.cost import DOCUMENTS, REPEATS, Dense, bytes_of, dense, mach, made_up_texts, timed
from core.evidence.studies.features import QUERIES, FeatureAttacks, attacked, best, document
from core.evidence.studies.fgsm import XML_CNN, documents, hits
from core.evidence.studies.hybrids import trained
from core.evidence.studies.long_documents import long_rows, readings
from core.study.summary import row
from core.types import silent
from core.vector import FeatureVector
from tests import evidence, toy_features
from tests.pages import studies as small_studies
from tests.pages.tiny import save_tiny, tiny_dataset


@pytest.mark.parametrize("name", STUDIES)
def test_every_study(name):
    one = study(name)
    assert name == one.NAME and one.KIND in records.KINDS and one.ABOUT and one.THREAT
    names = [cell.name for cell in one.cells]
    assert len(names) == len(set(names)) > 0
    for cell in one.cells:
        assert studies_base.find(one, cell.name) is cell
        path = records.place(name, cell.name)
        if path.is_file():
            head = records.read(path).header
            assert (head.kind, head.threat, head.data, head.model, head.variant) == (one.KIND, one.THREAT, cell.data, cell.model, cell.variant)


def test_unknown_names_are_refused():
    with pytest.raises(InputError, match="no study 'x'"):
        study("x")
    with pytest.raises(InputError, match="no cell 'x'; it has mach-and-dense"):
        studies_base.find(study("mach-cost"), "x")


# -- attacks


@pytest.fixture(scope="module")
def campaign(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("campaign")
    save_tiny(folder / "checkpoints" / "tiny-linear")
    small_studies.write(folder / "study", folder / "checkpoints" / "tiny-linear")
    return folder / "study"


def test_items_of_a_campaign_give_its_summary(campaign):
    from core.study.campaigns import read_campaign

    found = read_campaign(campaign)
    items = [item_of(one) for one in found.records]
    back = study_records(Record(evidence.header(settings={"k": 1}), tuple(items)))
    ours, theirs = row("all", back), row("all", found.records)
    assert (ours.n, ours.success, ours.queries) == (theirs.n, theirs.success, theirs.queries)
    assert ours.change_rate == pytest.approx(theirs.change_rate) and ours.similarity == pytest.approx(theirs.similarity, abs=1e-5)
    assert not [item for item in items if "text" in item or "adversarial" in item]
    one_word = [item for item in items if item["success"] and item["changed"] == 1]
    assert all({"label", "from", "to"} <= item.keys() for item in one_word)


def test_a_folder_of_another_protocol_is_not_taken_up(campaign, tmp_path, monkeypatch):
    monkeypatch.setattr(records, "FOLDER", tmp_path)
    with pytest.raises(InputError, match="is no measurement of qaraei-positive/debtags-linear: its k is 1, the cell's is 5"):
        run.take_up("qaraei-positive", "debtags-linear", campaign)
    with pytest.raises(InputError, match="no study of attacks on words"):
        run.take_up("mach-cost", "mach-and-dense", campaign)


# -- documents


def test_hits_are_of_the_best_labels():
    assert hits(np.asarray([0.1, 0.9, 0.8, 0.2, 0.3, 0.0], dtype=np.float32), [1, 3]) == "10010"


def test_documents_are_attacked_once(campaign):
    from core.attacks.embeddings.fgsm import Fgsm
    from core.models import load

    classifier, dataset = load(campaign.parent / "checkpoints" / "tiny-linear"), small_studies.dataset()
    rows, attack = np.arange(4), Fgsm(epsilon=0.3, label_source="true")
    found = list(documents(attack, classifier, dataset, rows, set(), silent))
    assert [item["row"] for item in found] == [0, 1, 2, 3]
    assert all(len(item["clean"]) == 4 and item["loss"][1] >= item["loss"][0] for item in found)  # four labels
    again = list(documents(attack, classifier, dataset, rows, {"0", "1"}, silent))
    assert again == found[2:]


def test_trainings_name_those_before_them():
    robust = next(cell.training for cell in XML_CNN.cells if cell.name == "reuters21578-xml-cnn-robust")
    assert robust is not None
    words = robust.command()
    assert words[words.index("--from") + 1] == str(robust.after[0].folder()) and "{" not in " ".join(words)


# -- long documents


def test_long_documents_are_read_in_three_ways():
    """A model that reads eight words: the cue of the one label stands in the second window."""
    from core.data.dataset import Dataset, Split, truth_matrix
    from tests.toy import LABELS, Linear

    class Short(Linear):
        def words_read(self, words):
            return min(8, len(words))

        def score(self, texts, labels=None):
            return super().score([" ".join(Document.from_text(text).words[:8]) for text in texts], labels)

    nothing, cue = "the " * 8, "editor " * 4
    texts = ("the the", nothing + cue, cue + nothing, nothing + cue)
    part = Split(tuple("abcd"), truth_matrix([[1], [1], [1], []], len(LABELS)), texts)
    dataset = Dataset("long", LABELS.names, {"test": part})
    rows, eligible = long_rows(dataset, 10, 9, 0)
    assert rows.tolist() == [1, 2] and eligible == 2  # not the short one, not the one without a true label
    found = list(readings(Short(), dataset, rows, set(), silent))
    assert [(item["row"], item["words"], item["read"], item["windows"], item["true"]) for item in found] == [(1, 12, 8, 2, 1), (2, 12, 8, 2, 1)]
    assert found[0]["first"][0] == "0" and found[0]["maximum"][0] == "1" and found[1]["first"][0] == "1"
    assert list(readings(Short(), dataset, rows, {"1"}, silent)) == found[1:]
    records.check(Record(evidence.header("readings"), tuple(found)), Path("long"))


def test_the_window_is_attacked_in_long_documents_alone():
    one = study("long-attacks")
    (cell,) = one.cells
    request = one.request(replace(cell, training=None, checkpoint="tiny"), 3, "")
    assert request.study.min_words == 700 and request.to_json()["study"]["min_words"] == 700
    assert "min_words" not in study("qaraei-positive").request(studies_base.find(study("qaraei-positive"), "debtags-mach"), 3, "").to_json()["study"]


# -- accuracy


def test_predictions_are_judged_by_name_and_resume(tmp_path):
    """The toy's best labels of each text by hand; a true label that it does not know stays a miss; no item without a true label."""
    from core.data.dataset import Dataset, Split, truth_matrix
    from tests.toy import Linear

    names = ("network", "cooking", "editor", "games")
    part = Split(tuple("abc"), truth_matrix([[3], [2, 1], []], 4), ("chess game", "editor editor", "nothing"))
    dataset = Dataset("toy", names, {"test": part})
    found = list(predictions(Linear(), dataset, set(), silent))
    assert [(item["row"], item["true"], item["hits"][0]) for item in found] == [(0, 1, "1"), (1, 2, "1")]
    assert found[1]["hits"].count("1") == 1
    assert list(predictions(Linear(), dataset, {"0"}, silent)) == found[1:]
    records.check(Record(evidence.header("predictions"), tuple(found)), Path("accuracy"))


def test_accuracy_says_how_long_training_took(tmp_path, monkeypatch):
    monkeypatch.setattr("core.checkpoint.read_config", lambda name: {"provenance": {"trained": {"seconds": 12.345, "machine": "x86_64, cpu"}}})
    assert training_of("anything") == {"training seconds": 12.3, "trained on": "x86_64, cpu"}
    assert {cell.model for cell in EURLEX.cells} == {"linear", "XML-CNN", "MACH", "X-Transformer", "AttentionXML", "APLC-XLNet"}


# -- cost


@pytest.mark.slow
def test_cost_is_measured_for_both(monkeypatch):
    monkeypatch.setattr("core.evidence.studies.cost.COLUMNS", 100)
    monkeypatch.setattr("core.evidence.studies.cost.HIDDEN", 4)
    monkeypatch.setattr("core.evidence.studies.cost.BUCKETS", 50)
    found = list(timed(set(), silent, (20, 40)))
    assert len({item["id"] for item in found}) == len(found) == 2 * 2 * (2 + 5 * REPEATS)
    left = list(timed({item["id"] for item in found if item["labels"] == 20}, silent, (20, 40)))
    assert {item["labels"] for item in left} == {40}
    by = {(item["method"], item["labels"], item["what"]): item["bytes"] for item in found if item["what"] in ("weights", "output layer")}
    assert by["dense", 40, "output layer"] == 40 * 4 * 4 and by["dense", 40, "weights"] == (100 + 40) * 4 * 4
    # MACH: R = 4 tables of 100 x 4, 4 x 4 hidden biases; 4 x (4 x 50 weights + 50 biases + 50 rates); a lookup of 4 x L int32.
    assert by["mach", 40, "output layer"] == 4 * (4 * 50 + 50 + 50) * 4 + 4 * 40 * 4
    assert by["mach", 40, "weights"] == 4 * 100 * 4 * 4 + 4 * 4 * 4 + by["mach", 40, "output layer"]


@pytest.mark.slow
def test_the_dense_layer_is_steerable():
    """Its gradient against finite differences, and chosen labels against all."""
    from core.document import Document

    texts = made_up_texts()
    assert len(texts) == DOCUMENTS
    model = dense(7, texts)
    assert isinstance(model, Dense) and bytes_of(model) == model.sizes()
    assert model.score(texts, np.asarray([5, 2])) == pytest.approx(model.score(texts)[:, [5, 2]], abs=1e-5)
    document = Document.from_text(texts[0])
    embedded = model.embed(document)
    scores, slopes = model.gradient(embedded, embedded.vectors[None], np.asarray([3]))
    assert scores[0] == pytest.approx(model.score([document.text])[0, 3], abs=1e-4)
    moved = embedded.vectors.copy()
    moved[0, 0] += 0.01
    change = model.score_embedded(embedded, moved[None])[0, 3] - model.score_embedded(embedded, embedded.vectors[None])[0, 3]
    assert change == pytest.approx(0.01 * slopes[0, 0, 0], abs=2e-3)
    assert model.retrieve(texts, 2)[0].shape == (DOCUMENTS, 2) and mach(30, texts).labels.names[3] == "label 3"


# -- copies


def test_copies_are_counted(campaign, monkeypatch):
    from core.models import load

    monkeypatch.setattr("core.defences.synonyms._synonyms", lambda scene, document, position, count: ["zebra"])
    dataset, clean = tiny_dataset(), load(campaign.parent / "checkpoints" / "tiny-linear")
    vocabulary = words_of(dataset.split("train").texts)
    found = list(copies(dataset, np.arange(6), vocabulary, clean, set(), silent))
    assert [item["id"] for item in found[:6]] == [str(i) for i in range(6)] and [item["id"] for item in found[6:]] == [
        "true labels",
        "predicted labels",
    ]
    assert any(item["changed"] for item in found[:6]) and all(item["new"] == (["zebra"] if item["changed"] else []) for item in found[:6])
    true = dataset.split("train").truth[:6]
    assert found[6]["before"] == np.asarray(true.sum(axis=0)).ravel().astype(int).tolist()
    left = list(copies(dataset, np.arange(6), vocabulary, clean, {str(i) for i in range(5)}, silent))
    assert left == [found[5], *found[6:]]


def test_a_bag_of_named_words_is_read_in_the_file_s_order():
    from core.data.dataset import Dataset, Split, truth_matrix

    part = Split(("a", "b"), truth_matrix([[0], [0]], 1), None, sparse.csr_array(np.asarray([[1, 0, 1], [0, 1, 0]], dtype=np.float32)))
    bags = Dataset("bags", ("x",), {"train": part}, feature_names=("one", "two", "three"))
    assert as_texts(bags).split("train").texts == ("one three", "two")
    with pytest.raises(InputError, match="features without names"):
        as_texts(replace(bags, feature_names=None))


# -- attacks on vectors


@pytest.fixture(scope="module")
def bags(tmp_path_factory) -> Path:
    """A linear model over small bags, as `python -m core train` publishes it."""
    from core.evaluation.publishing import publish
    from core.models import linear
    from core.runs.run import Run

    folder, data = tmp_path_factory.mktemp("bags"), toy_bags()
    with Run(folder / "run", seed=0, device="cpu", quiet=True) as opened:
        model = linear.train(linear.Config(minimum_documents=1), data, data.label_space(), opened)
    own = {"command": "-", "seed": 0, "labels": 7, "data": {"name": "bags", "digest": "-", "source": ""}, "trained": {"seconds": 0, "machine": "-"}}
    publish(folder / "base", "linear", model, own, data, silent)
    return folder / "base"


def toy_bags():
    return toy_features.bags(("chess", "mail", "music", "fonts", "games", "editors", "images"), 4, 120)


@pytest.mark.slow
def test_vectors_are_attacked_once(bags):
    """A document without a right label among the five best has no attack; what is there already is left out; no attack loses a query."""
    from core.models import load

    classifier, data = load(bags), toy_bags()
    found = list(attacked(classifier, data, [0, 1, 2, 3], ("hop-skip-jump", "zoo"), set(), silent))
    assert [item["row"] for item in found] == [0, 1, 2, 3]
    assert list(attacked(classifier, data, [0, 1, 2, 3], ("hop-skip-jump", "zoo"), {"0", "1"}, silent)) == found[2:]
    for item in found:
        assert set(item["attacks"]) == ({"hop-skip-jump", "zoo"} if "1" in item["clean"] else set())
        assert item["features"] == round(item["norm"] ** 2) and len(item["clean"]) == 5  # bits
        for one in item["attacks"].values():
            assert 0 < one["queries"] <= QUERIES
            if one["reached"]:
                assert one["end"].count("1") <= 5 and 0 < one["l2"] <= item["norm"] + 1e-6
                assert "possible" not in one or one["bits"] >= 1
    assert any(one["reached"] for item in found for one in item["attacks"].values())
    part = data.split("test").features
    vector = FeatureVector.of(sparse.csr_array(part[[0]]))
    assert document(classifier, vector, [], None, ("zoo",))["attacks"] == {}
    other = next(label for label in range(7) if label not in best(classifier, vector))
    assert document(classifier, vector, [other], None, ("zoo",)) | {"norm": 0} == {
        "features": len(vector), "norm": 0, "clean": "00000", "attacks": {},
    }  # fmt: skip


@pytest.mark.slow
def test_robust_control_and_unchecked_stand_beside_their_base(bags, tmp_path, monkeypatch):
    """Both are trained on as many documents, publish what came of the copies, and are trained once; the record names the base."""
    monkeypatch.setattr("core.checkpoint.RUNS", tmp_path)
    monkeypatch.setattr("core.data.load_dataset", lambda name: toy_bags())
    monkeypatch.setattr("core.attacks.words.wordnet.WordNet.refusal", lambda self: None)
    monkeypatch.setattr("core.defences.synonyms._synonyms", lambda scene, document, position, count: ["zebra"])
    drops = {0: "other labels", 1: ""}  # of seven labels the ten best are always the same
    monkeypatch.setattr("core.defences.hybrid.checked", lambda settings, copy, *best: replace(copy, dropped=drops[copy.row % 2]))
    cells = tuple(
        studies_base.Cell(f"bags-linear-{variant}", "linear", "bags", variant, str(bags), settings={"documents": 5, "attacks": ("zoo",)})
        for variant in ("base", "control", "robust", "unchecked")
    )
    toy = FeatureAttacks(cells=cells)
    made = {cell.variant: toy.measure(cell, tmp_path / cell.name, silent).header for cell in cells}
    copies = {variant: head.settings["copies"] for variant, head in made.items()}
    assert copies["base"] is None and copies["control"]["unaltered"] and not copies["robust"]["unaltered"]
    assert copies["robust"]["altered"] > copies["robust"]["kept"] == copies["control"]["kept"] > 0
    assert copies["unchecked"]["kept"] == copies["robust"]["altered"] and copies["unchecked"]["consistency"] == copies["unchecked"]["dropped"] == 0
    assert copies["robust"]["words fallen out"] == copies["robust"]["words put in"] > 0  # no feature is called zebra
    assert len({head.digest for head in made.values()}) == 4
    assert {head.settings["base"]["digest"] for head in made.values()} == {made["base"].digest}
    assert made["base"].settings["dev P@1"] == made["robust"].settings["dev P@1 of the base"]
    assert "zebra" not in (tmp_path / "bags-linear-robust" / "items.jsonl").read_text()
    monkeypatch.setattr("core.models.train", lambda *given: pytest.fail("it was trained again"))
    assert trained(toy.NAME, cells[2], str(bags)) == tmp_path / "evidence" / "checkpoints" / "bags-linear-robust"


# -- measuring and measuring again


def test_a_comparison_says_what_differs():
    kept = evidence.attacks()
    same = {one.measure: one.same for one in compare(kept, kept)}
    assert same and all(same.values())
    lost = Record(kept.header, tuple({**item, "success": False} for item in kept.items))
    found = {one.measure: one for one in compare(kept, lost)}
    assert not found["success"].same and found["success"].now.value == 0


def test_a_cell_without_a_record_cannot_be_reproduced(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "FOLDER", tmp_path)
    with pytest.raises(InputError, match="was never measured"):
        run.again("mach-cost", "mach-and-dense")


def test_a_study_measures_what_has_no_record(tmp_path, monkeypatch):
    """label-clusters on the tiny checkpoint's data: measured once, then left alone, then reproduced."""
    monkeypatch.setattr(records, "FOLDER", tmp_path / "evidence")
    monkeypatch.setattr("core.checkpoint.RUNS", tmp_path / "runs")
    monkeypatch.setattr("core.data.load_dataset", lambda name: tiny_dataset())
    ((cell, record),) = run.measure_cells("label-statistics", "debtags")
    assert isinstance(record, Record) and cell.name == "debtags"
    assert record.header.settings["training documents"] == 45 and sum(item["labels"] for item in record.items) == 4
    ((_, said),) = run.measure_cells("label-statistics", "debtags")
    assert isinstance(said, str) and "measured already" in said
    _, compared = run.again("label-statistics", "debtags")
    assert compared and all(one.same for one in compared)
    assert not (tmp_path / "runs" / "evidence" / "again" / "label-statistics" / "debtags").exists()


def test_trainings_lie_side_by_side_and_print_elsewhere(tmp_path, monkeypatch, capfd):
    """A checkpoint finds its parent beside it; what a training prints is none of the evidence command's output."""
    monkeypatch.setattr("core.checkpoint.RUNS", tmp_path)
    program = tmp_path / "program.py"
    program.write_text(
        "import json, sys\nfrom pathlib import Path\nwords = sys.argv[3:]\nprint('P@1: 12.3')\nfolder = Path(words[words.index('--save') + 1])\n"
        "folder.mkdir(parents=True)\n(folder / 'config.json').write_text('{}')\n"
        f"Path({str(tmp_path / 'called')!r}).open('a').write(json.dumps(words) + '\\n')\n"
    )
    monkeypatch.setattr("core.runs.starting.PYTHON", (sys.executable, str(program)))
    cell = next(cell for cell in XML_CNN.cells if cell.name == "reuters21578-xml-cnn-robust")
    assert cell.weights() == cell.weights()
    called = [json.loads(line) for line in (tmp_path / "called").read_text().splitlines()]
    assert len(called) == 2  # trained once, the base before it
    folders = {Path(words[words.index("--save") + 1]).parent for words in called}
    assert len(folders) == 1 and called[1][called[1].index("--from") + 1].startswith(str(folders.pop()))
    out = capfd.readouterr()
    assert out.out == "" and out.err.count("P@1") == 2
    program.write_text("raise SystemExit(2)")
    monkeypatch.setattr("core.checkpoint.RUNS", tmp_path / "other")
    with pytest.raises(InputError, match="ended early: python -m core train --model xml-cnn"):
        cell.weights()


def test_a_record_says_where_its_words_come_from():
    """Of the first attack that was made: a pair that was skipped has no settings."""
    mlm = {"name": "masked-lm", "source": "tremor-mlm", "count": 48, "digest": "1f"}
    made = {"settings": {"candidates": [mlm, {"name": "wordnet"}]}}
    assert sources([{"skipped": "gone"}, made]) == "masked-lm of tremor-mlm (digest 1f), wordnet"
    assert sources([]) == sources([{"skipped": "gone"}]) == ""
