"""AttentionXML: word vectors, a BiLSTM, an attention of its own for each label, and one small MLP that all labels share.

You, Zhang, Wang, Dai, Mamitsuka and Zhu: AttentionXML: Label Tree-based Attention-Aware Deep Model for High-Performance Extreme
Multi-Label Text Classification, NeurIPS 2019.

    words -> vectors -> H = BiLSTM [T, 2h] -> A_j = softmax over words of (H w_j) -> m_j = A_j H -> ReLU(W m_j + b) -> logit of label j

With more labels than `tree_above` a shallow and wide tree of labels (attention_xml_tree.py), a network a level, each started from the
one above; a level is trained on the children of a document's true nodes and of the best predicted ones. A label's score is the
log-odds of its path's probability, the product of the sigmoids along it (paths.py); it is defined for every label, while `retrieve`
follows the best `candidates` nodes of each level.

Deviations, all said here: word vectors start from a sentence encoder instead of GloVe (word_vectors.py) and are trained; the window is
128 words instead of 500 (debtags' documents have 56); words are a Document's own; the learning rate falls to 0 along a line instead of
averaging the weights of late steps (SWA), which serves the same end; gradients are clipped at a fixed norm; one tree instead of three;
lists of candidates are not filled up with random nodes, the places after a shorter one do not count.
"""

from __future__ import annotations

from core.models.attention_xml.model import AttentionXml
from core.models.attention_xml.network import Config
from core.models.attention_xml.training import FINE_TUNING, train

__all__ = ["FINE_TUNING", "AttentionXml", "Config", "train"]
