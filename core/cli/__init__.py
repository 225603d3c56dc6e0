"""`python -m core VERB`: predict, explain, attack, study, squeeze, evaluate, train, runs, card, evidence, language, data.

`--json` prints one object on standard output and nothing else there; progress goes to standard error. Exit status 0: done;
2: refused input, or a disk, a memory or a place that takes no more, with one sentence on standard error; 130: stopped.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from core import fields
from core.cli import by_number
from core.cli.exit_status import exit_status
from core.document import MAX_CHARACTERS
from core.errors import InputError
from core.models import MODELS, config_class
from core.types import Progress
from core.windows import POOLINGS, read_as

SPLITS = ("train", "dev", "test")


def _progress() -> Progress:
    """A tqdm bar on standard error, for a person; nothing where standard error is a file."""
    from tqdm import tqdm

    bars: dict[str, Any] = {}

    def show(done: int, total: int, what: str) -> None:
        if what not in bars:
            bars[what] = tqdm(total=total, desc=what, file=sys.stderr, disable=None, leave=False)
        bars[what].update(done - bars[what].n)
        if done >= total:
            bars.pop(what).close()

    return show


def _text(arguments: argparse.Namespace) -> str:
    """The document: --text, or --file (- for standard input), of which no more is read than a document may have."""
    if arguments.text is not None:
        return str(arguments.text)
    try:
        with nullcontext(sys.stdin) if arguments.file == "-" else Path(arguments.file).open(encoding="utf-8") as stream:
            text = stream.read(MAX_CHARACTERS + 1)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{arguments.file} cannot be read as UTF-8 text: {error}") from error
    if len(text) > MAX_CHARACTERS:
        name = "standard input" if arguments.file == "-" else arguments.file
        raise InputError(f"{name} has more than {MAX_CHARACTERS:,} characters, the most that are read of a document; cut it")
    return text


def _print(found: dict[str, Any], arguments: argparse.Namespace, lines: Sequence[str]) -> None:
    print(json.dumps(found, ensure_ascii=False) if arguments.json else "\n".join(lines))


def _print_found(found: tuple[dict[str, Any], list[str]], arguments: argparse.Namespace) -> None:
    _print(found[0], arguments, found[1])


def _predict(arguments: argparse.Namespace) -> None:
    from core.models import load
    from core.predict import predict, to_json

    if arguments.document is not None:
        _print_found(by_number.predict(arguments), arguments)
        return
    classifier = read_as(load(arguments.checkpoint), arguments.windows)
    found = to_json(predict(classifier, _text(arguments), arguments.top_k), classifier)
    lines = [f"{row['rank']:>3}  {row['score']:>9.4f}  {row['label']}  (trained on {row['train_count']:,})" for row in found["labels"]]
    _print(found, arguments, [f"{found['checkpoint']}, score is a {found['unit']}", *lines])


def _explain(arguments: argparse.Namespace) -> None:
    from core.cli.explain import chosen, explain

    if arguments.document is not None:
        _print_found(by_number.explain(arguments, chosen(arguments), _progress()), arguments)
        return
    found, lines = explain(arguments, _text(arguments), _progress())
    _print(found, arguments, lines)


def _attack(arguments: argparse.Namespace) -> None:
    from core.attacks.features import FEATURE_ATTACKS
    from core.cli.attack import attack, lines

    if arguments.recipe in FEATURE_ATTACKS:
        _print_found(by_number.attack(arguments, _progress()), arguments)
        return
    if arguments.document is not None:
        raise InputError(f"{arguments.recipe} attacks words: give --text or --file, or one of {', '.join(FEATURE_ATTACKS)} with --document")
    found = attack(arguments, _text(arguments), _progress())
    _print(found.to_json(), arguments, lines(found))


def _study(arguments: argparse.Namespace) -> None:
    from core.attacks.features import FEATURE_ATTACKS
    from core.cli import study, study_features

    _print_found(study_features.study(arguments) if arguments.recipe in FEATURE_ATTACKS else study.study(arguments), arguments)


def _runs(arguments: argparse.Namespace) -> None:
    from core.cli.runs import runs

    found, lines = runs(arguments, parser)
    _print(found, arguments, lines)


def _squeeze(arguments: argparse.Namespace) -> None:
    from core.cli.squeeze import squeeze

    found, lines = squeeze(arguments, _progress())
    _print(found, arguments, lines)


def _evidence(arguments: argparse.Namespace) -> None:
    from core.cli.evidence import evidence

    found, lines = evidence(arguments, _progress())
    _print(found, arguments, lines)


def _card(arguments: argparse.Namespace) -> None:
    from core.cli.card import annotate

    found, lines = annotate(arguments)
    _print(found, arguments, lines)


def _language(arguments: argparse.Namespace) -> None:
    from core.cli.language import language

    found, lines = language(arguments)
    _print(found, arguments, lines)


def _evaluate(arguments: argparse.Namespace) -> None:
    from core.cli.evaluate import evaluate

    found, lines = evaluate(arguments, _options(arguments), _progress())
    _print(found, arguments, lines)


def _train(arguments: argparse.Namespace) -> None:
    from core.cli.train import train

    found, lines = train(arguments, _options(arguments))
    _print(found, arguments, lines)


def _data(arguments: argparse.Namespace) -> None:
    from core.cli.data import data

    found, lines = data(arguments, _options(arguments))
    _print(found, arguments, lines)


def _options(arguments: argparse.Namespace) -> Any:
    from core.data.readers.source import Options

    given = Options(
        format=arguments.format,
        text=arguments.text_column,
        labels=arguments.labels_column,
        id=arguments.id_column,
        hashed_split=arguments.hashed_split,
    )
    return None if given == Options() else given


def _reading_flags(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("reading a file or folder")
    group.add_argument("--format", help="the format, where it is not told from the content (a wrong name lists them)")
    group.add_argument("--text-column", help="column of a table that holds the text; several, separated by commas, are joined")
    group.add_argument("--labels-column", help="column of a table that holds the labels")
    group.add_argument("--id-column", help="column of a table that names the documents")
    group.add_argument("--hashed-split", action="store_true", help="divide a data set that has a training split only, 80/5/15 by document hash")


def _document_flags(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--checkpoint", required=True, help="a name in checkpoints/ (debtags-linear, ...) or the path of a checkpoint folder")
    parser.add_argument("--windows", choices=POOLINGS, help="read a long document in windows and pool its scores (default: its first words only)")
    given = parser.add_mutually_exclusive_group(required=True)
    given.add_argument("--text", help="the document itself")
    given.add_argument("--file", help="a UTF-8 text file with the document; - reads standard input")
    by_number.document_flags(parser, given)


def parser(words: Sequence[str]) -> argparse.ArgumentParser:
    """The whole command line; the settings of the chosen model or explainer become flags."""
    whole = argparse.ArgumentParser(prog="python -m core", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = whole.add_subparsers(dest="verb", required=True, metavar="VERB")

    def verb(name: str, action: Any, help: str, epilog: str = "") -> argparse.ArgumentParser:
        # argparse reads a % in `help` as the start of a format, and one in `description` as itself.
        one = verbs.add_parser(
            name, help=help.replace("%", "%%"), description=help, epilog=epilog, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        one.set_defaults(run_verb=action)
        one.add_argument("--json", action="store_true", help="print one JSON object instead of lines")
        return one

    _document_flags(one := verb("predict", _predict, "The best labels of a document."))
    one.add_argument("--top-k", type=int, default=5, help="how many labels (default: 5)")

    if words[:1] == ["explain"]:
        from core.cli.explain import verb as explain_verb

        explain_verb(verb, _document_flags, _explain, words)
    else:
        verb("explain", _explain, "Which words speak for a label, and which against it.")

    if words[:1] == ["attack"]:
        from core.cli.attack import verb as attack_verb

        attack_verb(verb, _document_flags, _attack, fields.ahead(words, "--recipe"))
    else:
        verb("attack", _attack, "How little must change until a label leaves the top k, or enters it.")

    one = verb("study", _study, "Attack some hundred pairs of document and label, drawn equally over label frequencies.")
    if words[:1] == ["study"]:
        from core.attacks.features import FEATURE_ATTACKS
        from core.cli import study_features
        from core.cli.study import add_flags as add_study_flags

        chosen = fields.ahead(words, "--recipe")
        if chosen in FEATURE_ATTACKS:
            study_features.add_flags(one, str(chosen))
        else:
            add_study_flags(one)

    one = verb("squeeze", _squeeze, "Feature squeezing: its price on clean texts, what it undoes of a study's attacks, its detector.")
    if words[:1] == ["squeeze"]:
        from core.cli.squeeze import add_flags as add_squeeze_flags

        add_squeeze_flags(one)

    epilog = ""
    if words[:1] == ["evaluate"]:
        from core.attacks.embeddings.fgsm import VECTOR_ATTACKS

        epilog = fields.described("settings of each attack:", dict(VECTOR_ATTACKS))
    about = "P@k, R@k, nDCG@k, PSP@k with 95 % intervals, and recall by label frequency; with --attack, before and after an attack on the rows."
    one = verb("evaluate", _evaluate, about, epilog)
    one.add_argument("--checkpoint", required=True, help="a name in checkpoints/ or the path of a checkpoint folder")
    one.add_argument("--dataset", required=True, help="a registered name (see `data list`) or the path of a file or folder in a readable format")
    one.add_argument("--split", default="test", choices=SPLITS, help="default: test")
    if words[:1] == ["evaluate"]:
        from core.cli.evaluate import add_flags as add_evaluate_flags

        add_evaluate_flags(one, fields.ahead(words, "--attack", None))
    _reading_flags(one)

    epilog = ""
    if words[:1] == ["train"]:
        from core.defences import DEFENCES, defence_class

        epilog = fields.described("settings of each model:", {name: config_class(name) for name in MODELS})
        epilog += "\n" + fields.described("settings of each defence:", {name: defence_class(name) for name in DEFENCES})
    one = verb("train", _train, "Train a model, afresh or on from a checkpoint; the same command goes on after a stop or a kill.", epilog)
    if words[:1] == ["train"]:
        from core.cli.train import add_flags as add_train_flags

        add_train_flags(one, words)
    _reading_flags(one)

    from core.cli.runs import add_flags as add_runs_flags

    add_runs_flags(verb("runs", _runs, "The trainings and studies under runs/: list, show, stop, resume."))

    from core.cli.language import add_flags

    add_flags(verb("language", _language, "Train or evaluate the masked language model that attacks ask for words."), words)

    one = verb("card", _card, "Put what was measured of a defence on a checkpoint's card: base, control and robust side by side.")
    if words[:1] == ["card"]:
        from core.cli.card import add_flags as add_card_flags

        add_card_flags(one)

    one = verb("evidence", _evidence, "The papers' numbers beside what was measured here: list, run, show, reproduce, import.")
    if words[:1] == ["evidence"]:
        from core.cli.evidence import add_flags as add_evidence_flags

        add_evidence_flags(one)

    one = verb("data", _data, "List, build or describe data sets.")
    from core.cli.data import add_flags as add_data_flags

    add_data_flags(one)
    _reading_flags(one)
    return whole


def main(words: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit status."""
    given = list(sys.argv[1:] if words is None else words)

    def run() -> None:
        arguments = parser(given).parse_args(given)
        arguments.run_verb(arguments)

    return exit_status(run)
