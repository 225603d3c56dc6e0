"""XML-CNN: a convolution over word vectors, dynamic max pooling, a bottleneck, one logit a label.

Liu, Chang, Wu and Yang: Deep Learning for Extreme Multi-label Text Classification, SIGIR 2017.

    words -> vectors -> filters of 2, 4 and 8 words -> ReLU -> the largest value in each of p chunks, for each filter -> bottleneck -> logits

The network alone finds few of the label occurrences with 5 to 19 training documents (1 % on debtags). `--with-linear true` makes another
model of it, an ensemble: the margins of the linear reference are added (core.models.linear.part), and its checkpoint's name says so.

Deviations from the paper, all said here: p = 2 instead of 8 (debtags' documents have 56 words; after two epochs dev nDCG@5 is 74.0 against
72.8); word vectors start from a sentence encoder instead of GloVe (word_vectors.py); the output bias starts at the labels'
base rates; positives may be weighted by inverse propensity (Qaraei et al. 2021), tempered. A chunk is a share of the
document's OWN length, not of a padded window, so a score never depends on what a text is batched with. When a filter's
positions do not divide by p, neighbouring chunks overlap by one, as in adaptive pooling.
"""

from __future__ import annotations

from core.models.xml_cnn.model import XmlCnn
from core.models.xml_cnn.network import Config
from core.models.xml_cnn.training import FINE_TUNING, train

__all__ = ["FINE_TUNING", "Config", "XmlCnn", "train"]
