"""The table of models. Adding one: its folder, one line here, one reference test; CONTRIBUTING.md names what else a model is asked for.

Importing this costs no torch: a model's module is imported when the model is asked for.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from core import checkpoint
from core.data.bags import as_text
from core.data.dataset import Dataset
from core.errors import CheckpointError, InputError, SettingsError
from core.labels import LabelSpace
from core.types import Classifier

MODELS: dict[str, str] = {
    "linear": "core.models.linear:LinearModel",
    "xml-cnn": "core.models.xml_cnn:XmlCnn",
    "x-transformer": "core.models.x_transformer:XTransformer",
    "mach": "core.models.mach:Mach",
    "attention-xml": "core.models.attention_xml:AttentionXml",
    "aplc-xlnet": "core.models.aplc_xlnet:AplcXlnet",
}
"""Name -> module and class. The module has `Config` (settings) and `train(config, dataset, labels, run)`."""


READ_FEATURES = ("linear", "mach")
"""The models that read the vectors of a data set as they are. The others read them as text, where the features are words."""


def _module(kind: str) -> Any:
    if kind not in MODELS:
        raise InputError(f"there is no model '{kind}'; known are {', '.join(MODELS)}")
    return import_module(MODELS[kind].split(":")[0])


def config_class(kind: str) -> type:
    """The settings of a model, a frozen dataclass."""
    found: type = _module(kind).Config
    return found


def train(kind: str, config: Any, dataset: Dataset, labels: LabelSpace, run: Any, defence: Any = None, parent: Any = None) -> Any:
    """Train a model on the splits "train" (weights) and "dev" (choices), on from `parent`, a classifier of the same kind whose labels
    these are, if there is one; `defence`: core.training.defended. Raises Cancelled with its state saved when stopped."""
    for needed in ("train", "dev"):
        if not len(dataset.split(needed)):
            raise InputError(f"data set '{dataset.name}' has an empty split '{needed}'")
    if dataset.split("train").texts is None and kind not in READ_FEATURES:
        dataset = as_text(dataset)
    if not len(labels):
        raise InputError("no label has enough training documents; lower the minimum count")
    return _module(kind).train(config, dataset, labels, run, defence, parent)


def fine_tuning(kind: str) -> dict[str, Any]:
    """Settings that differ from the parent's when a trained model of this kind is trained on."""
    return dict(getattr(_module(kind), "FINE_TUNING", {}))


def load(name: str | Path) -> Classifier:
    """The classifier of a checkpoint (a name in checkpoints/, or a folder). Raises CheckpointError with the remedy."""
    saved = checkpoint.load(name)
    if saved.model not in MODELS:
        raise CheckpointError(f"checkpoint '{saved.name}' is a '{saved.model}'; this version knows {', '.join(MODELS)}")
    module, kind = MODELS[saved.model].split(":")
    try:
        classifier: Classifier = getattr(import_module(module), kind).load(saved)
    except (InputError, SettingsError) as error:  # a vocabulary or settings that the model's own parts refuse
        raise CheckpointError(f"checkpoint '{saved.name}': {error}; train it again or fetch a whole copy") from error
    return classifier
