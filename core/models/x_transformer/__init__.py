"""X-Transformer: a label tree, an encoder that matches a text to label clusters, and linear rankers on its embedding and TF-IDF.

Chang et al. 2020 (KDD), with the multi-level training and the joint ranker features of XR-Transformer (Zhang et al. 2021).
1. Label index: PIFA features over TF-IDF, balanced spherical 2-means down to leaves of `max_leaf` labels (section 3.1).
2. Matcher: encoder with a head over the K clusters, fine-tuned in matching.py (section 3.2).
3. Ranker: one squared-hinge linear SVM a label on [TF-IDF, weight * unit embedding], trained on the documents of the label's
   own cluster and on those that the matcher sends there (section 3.3; positives and "hard" negatives, scheme 0).
Score of label l in cluster c: its ranker margin + lambda * log sigmoid(cluster logit of c). It is defined for every label, the
same inside and outside the beam; `retrieve` follows the two phases: the best `beam` clusters, then their labels. The
published scripts use the bare margin (lambda = 0) inside the beam; that says nothing outside it, where the ranker was not
trained, so the path's probability stays in the score.
"""

from __future__ import annotations

from core.models.x_transformer.model import XTransformer
from core.models.x_transformer.network import Config
from core.models.x_transformer.training import FINE_TUNING, train

__all__ = ["FINE_TUNING", "Config", "XTransformer", "train"]
