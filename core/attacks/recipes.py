"""Attacks from the literature, as settings of one flat form: nothing else in this package holds a paper's constants.

A `Recipe` is every switch of a word-level attack; pages draw a form from it, the command line flags, and any switch can be
changed. `assemble` makes the attack of a recipe and a goal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated, Any

from core.attacks.goals import Goal
from core.attacks.searches.greedy import Greedy
from core.attacks.searches.reference_code import ReferenceCode
from core.attacks.words.candidates import MaskedLM, Neighbours
from core.attacks.words.components import Candidates, Constraint, Importance
from core.attacks.words.importance import Gradient, Masking, RandomOrder
from core.attacks.words.session import Budget, WordAttack
from core.attacks.words.similarity import SentenceSimilarity
from core.errors import SettingsError
from core.fields import Field, check, from_json, to_json
from core.language.names import DEFAULT

EXPLAINED = ("integrated-gradients", "lime", "shap", "attention")
"""Explainers whose values may rank the words."""


@dataclass(frozen=True)
class Recipe:
    """Every switch of a word-level attack. The defaults are qaraei-babbar-2021 as we mend it (methods.md 5.3)."""

    importance: Annotated[
        str, Field("how words are ranked: masked or cut out one at a time, by gradient with a check of the best, at random, or by an explainer",
                   choices=("mask", "delete", "gradient", "random", *EXPLAINED)),
    ] = "mask"  # fmt: skip
    recheck: Annotated[int, Field("with gradient: words, the most important first, that are masked for an exact figure", low=0, high=1_000)] = 8
    candidates: Annotated[
        str, Field("where substitutes come from: the language model with the word hidden, with the word left in, the encoder's nearest words "
                   "re-scored by the language model, or WordNet", choices=("masked-lm", "intact-lm", "neighbours", "wordnet")),
    ] = "masked-lm"  # fmt: skip
    language_model: Annotated[str, Field("masked language model: a checkpoint here, a folder, or a hub name (a hub name makes a request)")] = DEFAULT
    count: Annotated[int, Field("candidates a word (K)", low=1, high=1_000)] = 48
    minimum_probability: Annotated[float, Field("least probability of a candidate under the language model", low=0.0, high=1.0)] = 0.0
    search: Annotated[str, Field("which candidate is taken", choices=("largest gain", "first success", "most similar success", "reference-code"))] = (
        "largest gain"
    )
    screened: Annotated[int, Field("only so many of a word's candidates are scored (0: all)", low=0, high=1_000)] = 0
    screen_by_gradient: Annotated[bool, Field("score the best by the gradient, where the model's rows are word vectors, not the first ones")] = False
    same_word: Annotated[bool, Field("refuse the same word in another case")] = True
    whole_word: Annotated[bool, Field("refuse candidates with anything but letters")] = True
    stop_words: Annotated[bool, Field("neither replace stop words nor put them in")] = True
    fold_stop_words: Annotated[bool, Field("know stop words in any case")] = True
    part_of_speech: Annotated[bool, Field("the candidate must have the word's part of speech")] = True
    antonyms: Annotated[bool, Field("refuse WordNet's antonyms of the word")] = True
    label_names: Annotated[bool, Field("refuse words of the attacked labels' names")] = True
    protected: Annotated[str, Field("words that must stay, separated by spaces")] = ""
    minimum_similarity: Annotated[float, Field("least similarity to the original text (-1: none is asked)", low=-1.0, high=1.0)] = -1.0
    similarity_kind: Annotated[str, Field("how that similarity is read", choices=("cosine", "angular"))] = "cosine"
    encoder: Annotated[str, Field("sentence encoder of the similarity; thresholds belong to one encoder")] = "all-MiniLM-L6-v2"
    perplexity_ratio: Annotated[float, Field("largest rise of the text's pseudo-perplexity, as a factor (0: none is asked)", low=0.0, high=1e6)] = 0.0
    change_rate: Annotated[float, Field("share of the words that may be changed (theta)", low=0.0, high=1.0)] = 0.10
    queries: Annotated[int, Field("documents scored, at most (0: no limit)", low=0, high=10**9)] = 0
    seconds: Annotated[float, Field("seconds, at most (0: no limit)", low=0.0, high=1e6)] = 0.0
    prune: Annotated[bool, Field("after a success, put back the words that it does not need")] = False
    seed: Annotated[int, Field("seed of whatever is random", low=0, high=2**32 - 1)] = 0

    def __post_init__(self) -> None:
        check(self)


def qaraei_babbar_2021(fidelity: str) -> Recipe:
    """Qaraei and Babbar, arXiv 2112.07512: greedy substitution from a masked language model, at most theta = 10 % of the words."""
    if fidelity == "fixed":
        return Recipe()  # the paper with section 5.3's constraints: whole words, stop words, part of speech, antonyms, label names
    plain = replace(
        Recipe(),
        importance="mask",  # eqs. 3.1 to 3.3: [MASK] in place of the word
        candidates="masked-lm",  # Algorithm 1: the language model reads S^(t-1) with the word masked
        count=48,  # its released script; the paper names no number
        search="largest gain",  # eq. 3.4
        part_of_speech=False, antonyms=False, label_names=False, stop_words=False,  # the paper names no filter
        change_rate=0.10,  # theta; Algorithm 1's `while t < theta` compares a count with a rate, floor(theta n) is meant
    )  # fmt: skip
    if fidelity == "paper":
        return plain
    if fidelity != "reference-code":
        raise SettingsError(f"fidelity is fixed, paper or reference-code, not '{fidelity}'")
    return replace(
        plain,
        candidates="intact-lm",  # one pass over the original text, nothing masked
        search="reference-code",  # its nine differences: see that module
        stop_words=True, fold_stop_words=False,  # its list of 266, here scikit-learn's 318; exact case
        change_rate=1.0,  # the search itself stops above 50 % counted changes; results are filtered at 10 % afterwards
    )  # fmt: skip


def bert_attack(fidelity: str) -> Recipe:
    """Li et al. 2020 (EMNLP), for whole-word candidates: importance by the unknown token, the 48 best predictions for the intact
    text, the first that succeeds, at most 40 % of the words. Candidates of several word pieces are left out."""
    return replace(
        Recipe(), importance="mask", candidates="intact-lm", count=48, search="first success", stop_words=True, part_of_speech=False,
        antonyms=False, label_names=False, change_rate=0.4,
    )  # fmt: skip


def bae(fidelity: str) -> Recipe:
    """Garg and Ramakrishnan 2020 (EMNLP), BAE-R: importance by deletion, the 50 best predictions for the masked place, equal part of
    speech, similarity of at least 0.936 (there of USE, here of our encoder, which is another scale), the most similar success."""
    return replace(
        Recipe(), importance="delete", candidates="masked-lm", count=50, search="most similar success", stop_words=True, part_of_speech=True,
        antonyms=False, label_names=False, minimum_similarity=0.936, change_rate=1.0,
    )  # fmt: skip


def wordnet_greedy(fidelity: str) -> Recipe:
    """WordNet synonyms of the same part of speech, inflected back (after Ren et al. 2019, without its saliency weights), under
    theta = 10 %."""
    return replace(Recipe(), importance="mask", candidates="wordnet", count=48, search="largest gain", change_rate=0.10)


def textfooler_like(fidelity: str) -> Recipe:
    """Jin et al. 2020 (AAAI) where constraints allow: importance by deletion, the 50 nearest words (of the encoder's input
    embedding, not counter-fitted vectors, hence the antonym filter), equal part of speech, similarity of at least 0.878 as
    cosine (0.8408 angular, there of USE), the most similar success."""
    return replace(
        Recipe(), importance="delete", candidates="neighbours", count=50, search="most similar success", stop_words=True, part_of_speech=True,
        antonyms=True, label_names=False, minimum_similarity=0.878, change_rate=1.0,
    )  # fmt: skip


def cheap(fidelity: str) -> Recipe:
    """Ours, for few queries: gradient ranking with a check of the 16 best words, and of each word only the 12 candidates scored that
    the gradient finds best (after HotFlip, Ebrahimi et al. 2018); where a model has no word vectors, the first 12. Both
    numbers were chosen on 60 pairs of the development split with XML-CNN: as many successes as the full search, 39 % of its queries."""
    return replace(Recipe(), importance="gradient", recheck=16, screened=12, screen_by_gradient=True)


ATTACKS: dict[str, Callable[[str], Recipe]] = {
    "qaraei-babbar-2021": qaraei_babbar_2021,
    "bert-attack": bert_attack,
    "bae": bae,
    "wordnet-greedy": wordnet_greedy,
    "textfooler-like": textfooler_like,
    "cheap": cheap,
}
"""Every recipe: its name on the command line and in links -> its settings at a fidelity."""

FIDELITIES = ("fixed", "paper", "reference-code")
"""Of qaraei-babbar-2021; the other recipes have one."""


def recipe(name: str, fidelity: str = "fixed", **switches: Any) -> Recipe:
    """A recipe by name, with some switches changed. SettingsError lists the names; a switch is checked against its bounds."""
    if name not in ATTACKS:
        raise SettingsError(f"there is no recipe '{name}'; there are {', '.join(ATTACKS)}")
    if fidelity != "fixed" and name != "qaraei-babbar-2021":
        raise SettingsError(f"'{name}' has no fidelity '{fidelity}'; only qaraei-babbar-2021 has several")
    return from_json(Recipe, {**to_json(ATTACKS[name](fidelity)), **switches})


def assemble(chosen: Recipe, goal: Goal, name: str = "custom", explained: Callable[[str], Importance] | None = None) -> WordAttack:
    """The attack of a recipe and a goal. `explained` turns an explainer's name into a ranking; without it only the attack's own
    rankings can be had (attacks do not know explainers: `core.attacking` hands them in)."""
    search = ReferenceCode() if chosen.search == "reference-code" else Greedy(chosen.search, chosen.screened, chosen.screen_by_gradient)
    return WordAttack(
        goal=goal,
        importance=_importance(chosen, explained),
        candidates=(_candidates(chosen),),
        constraints=_constraints(chosen),
        search=search,
        similarity=SentenceSimilarity(chosen.encoder),
        budget=Budget(chosen.change_rate, chosen.queries, chosen.seconds),
        name=name,
        seed=chosen.seed,
    )


def _importance(chosen: Recipe, explained: Callable[[str], Importance] | None) -> Importance:
    if chosen.importance in EXPLAINED:
        if explained is None:
            raise SettingsError(f"ranking words by {chosen.importance} needs an explainer handed in; use core.attacking.prepare")
        return explained(chosen.importance)
    if chosen.importance == "gradient":
        return Gradient(chosen.recheck)
    return RandomOrder(chosen.seed) if chosen.importance == "random" else Masking("delete" if chosen.importance == "delete" else "mask")


def _candidates(chosen: Recipe) -> Candidates:
    if chosen.candidates == "neighbours":
        return Neighbours(chosen.language_model, count=chosen.count)
    if chosen.candidates == "wordnet":
        from core.attacks.words.wordnet import WordNet

        return WordNet(chosen.count)
    return MaskedLM(chosen.language_model, chosen.count, chosen.candidates == "masked-lm", chosen.minimum_probability)


def _constraints(chosen: Recipe) -> tuple[Constraint, ...]:
    """In the order in which they are asked: the cheap ones first."""
    from core.attacks.words import constraints as c

    switched: tuple[tuple[bool, Callable[[], Constraint]], ...] = (
        (chosen.same_word, c.SameWord),
        (chosen.whole_word, c.WholeWord),
        (chosen.stop_words, lambda: c.StopWords(chosen.fold_stop_words)),
        (bool(chosen.protected.split()), lambda: c.Protected(chosen.protected)),
        (chosen.label_names, c.LabelNames),
        (chosen.antonyms, c.Antonyms),
        (chosen.part_of_speech, c.PartOfSpeech),
        (chosen.minimum_similarity > -1, lambda: c.MinimumSimilarity(chosen.minimum_similarity, chosen.similarity_kind, chosen.encoder)),
        (chosen.perplexity_ratio > 0, lambda: c.Perplexity(chosen.perplexity_ratio, chosen.language_model)),
    )
    return tuple(make() for on, make in switched if on)
