"""APLC-XLNet: a pretrained encoder, and labels in clusters of falling frequency, the rarer behind a root and a narrower vector.

Ye, Chen, Wang and Davison: Pretrained Generalized Autoregressive Model with Adaptive Probabilistic Label Clusters for Extreme
Multi-label Text Classification, ICML 2020.

    tokens -> encoder -> document vector -> s = tanh(W v + b) -> head: frequent labels, and a root for each tail cluster
                                                              -> tail i: ReLU(LayerNorm(W_i s)) -> its labels
    P(label) = sigmoid(its logit) in the head, sigmoid(root) sigmoid(its logit) in a tail; the score is its log-odds (paths.py)

The encoder is any XLNet or BERT, by hub name or folder; the default is all-MiniLM-L6-v2, which a package carries. The lower layers are
frozen; of the upper ones low-rank differences are trained (adapters.py) or, with `adapter_rank` 0, all of them.

Deviations, all said here: XLNet-base is not carried, so the shipped checkpoint reads with MiniLM, whose document vector is the mean of
its tokens, as it was trained, not the <cls> token (`--pooling cls`); head and tails have biases that start from the base rates, the
paper's have none; the authors' code needs labels sorted by frequency in the file, here the order is the model's own and label ids stay.
"""

from __future__ import annotations

from core.models.aplc_xlnet.model import AplcXlnet
from core.models.aplc_xlnet.network import Config
from core.models.aplc_xlnet.training import FINE_TUNING, train

__all__ = ["FINE_TUNING", "AplcXlnet", "Config", "train"]
