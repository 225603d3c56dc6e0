"""MACH: R small networks that each score B hashed buckets of labels instead of L labels.

Medini, Huang, Wang, Mohan, Shrivastava: Extreme Classification in Log Memory using Count-Min Sketch, NeurIPS 2019.

    TF-IDF features -> hashed to D columns, for each repetition its own -> first layer -> ReLU -> B bucket logits
    R bucket logits -> score of any label (buckets.py: the estimators and the search for the best labels)

Memory is R * (D * H + H * B), whatever the number of labels. Deviations from the paper, all said here: H = 128 units, D = 8,192 columns and
B = 96 buckets where the paper has thousands, of each and of labels; features are dropped at random in training; positives may be weighted
by tempered inverse propensity (Qaraei et al. 2021), so that rare labels move their buckets; the bucket biases start at base rates; the
estimator "evidence" is ours.

Two variants are not the paper's: `--direct true` puts a linear path from the hashed features to the buckets beside the hidden layer (wide and
deep, Cheng et al. 2016), or with `--hidden 0` in its place, which makes each network linear in its features. `--with-linear true` makes
another model of it, an ensemble: the margins of one-vs-rest SVMs on the same features are added, which costs memory for each label, and its
checkpoint's name says so. It is for labels so rare that their buckets speak of others (debtags' dev split, networks without a hidden layer:
alone P@1 82.2, nDCG@5 79.6, recall@5 of [5, 20) 0; with the linear part 83.9, 82.2, 3.7; the linear model itself 84.2, 82.3, 13.1).
"""

from __future__ import annotations

from core.models.mach.model import FeatureMach, Mach, over
from core.models.mach.network import Config
from core.models.mach.training import FINE_TUNING, beside, train

__all__ = ["FINE_TUNING", "Config", "FeatureMach", "Mach", "beside", "over", "train"]
