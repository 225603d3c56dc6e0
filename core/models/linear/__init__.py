"""The linear reference: TF-IDF of words and bigrams, one support vector machine a label.

What every other model is read against (Babbar and Schoelkopf 2017, DiSMEC: one-vs-rest squared hinge with small weights
pruned). Score of label j: margin_j(x) = w_j . x + b_j, exact for every label, with no window and no beam.

Each label against all documents costs their product. With `negatives`, a label is trained against the documents of its
cluster in the label tree (Prabhu et al. 2018, Parabel, section 3) and a random sample of the others.

On a data set of vectors the same SVMs read the vectors (core.models.parts.columns): one solver, one
table entry, one set of settings, since nothing but the reading of a document differs.
"""

from __future__ import annotations

from core.models.linear.model import Config, FeatureLinear, LinearModel, load_weights, over
from core.models.linear.training import fit, fit_texts, read_features, train, with_copies

__all__ = ["Config", "FeatureLinear", "LinearModel", "fit", "fit_texts", "load_weights", "over", "read_features", "train", "with_copies"]
