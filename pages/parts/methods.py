"""What the page says of each explainer: the idea in a sentence, the formula, where it comes from, and what to beware of."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Method:
    idea: str
    formula: str
    source: str
    beware: str


METHODS = {
    "lime": Method(
        "Words are taken away at random, the model scores what is left, and a weighted linear model is fitted to these scores. "
        "Its weights are the values.",
        r"\min_{w}\ \sum_{z} \pi(z)\,\bigl(f_j(z) - w_0 - w^{\top} z\bigr)^2 + \lVert w \rVert^2, \qquad \pi(z) = \sqrt{e^{-D(z)^2/\sigma^2}}",
        "Ribeiro, Singh and Guestrin 2016, “Why should I trust you?”, equations 1 and 2; D is 100 (1 − cosine) to the full text, as in the "
        "package lime.",
        "The linear model may fit badly: read its R². Another seed gives other numbers.",
    ),
    "shap": Method(
        "A word's value is its mean gain over all sets of other words: the Shapley value, estimated by a weighted regression over sets "
        "drawn in pairs.",
        r"\varphi_i = \sum_{S \subseteq W \setminus i} \frac{|S|!\,(|W|-|S|-1)!}{|W|!}\,\bigl(f_j(S \cup i) - f_j(S)\bigr)",
        "Lundberg and Lee 2017, A unified approach to interpreting model predictions, theorem 2; pairs after Covert and Lee 2021.",
        "The values sum to the score less the score of no words. Texts with most words missing are unlike anything the model was trained on.",
    ),
    "integrated-gradients": Method(
        "The score's gradient is added up along a straight line from a baseline that says nothing to the document.",
        r"\varphi_i = (x_i - x'_i)^{\top} \int_0^1 \frac{\partial f_j\bigl(x' + \alpha\,(x - x')\bigr)}{\partial x_i}\, d\alpha",
        "Sundararajan, Taly and Yan 2017, Axiomatic attribution for deep networks, equation 1.",
        "The baseline is a choice, named in the notes. The completeness error says how well the integral was computed, "
        "not whether it is the right question.",
    ),
    "occlusion": Method(
        "Each word is taken away alone; its value is what the score loses.",
        r"\varphi_i = f_j(x) - f_j(x \setminus i)",
        "Leave-one-out; Zeiler and Fergus 2014, section 4.2, for images; Li, Monroe and Jurafsky 2016 for words.",
        "Two words that say the same hide each other: taking away either changes nothing.",
    ),
    "attention": Method(
        "Attention weights, followed from the document vector back to the words; in AttentionXML the label's own weights, as they are.",
        r"R \leftarrow R + \mathbb{E}_h\bigl[(\nabla A_h \odot A_h)^{+}\bigr]\,R \quad\text{(gradient)}, \qquad "
        r"R = \prod_l \tfrac12\,(\bar A_l + I) \quad\text{(rollout)}",
        "Chefer, Gur and Wolf 2021, equations 5 and 6; Abnar and Zuidema 2020 for rollout; You et al. 2019 for AttentionXML.",
        "Attention shows where the encoder looks, not why a label was chosen. Only the gradient view, and AttentionXML's, depend on the label.",
    ),
}
