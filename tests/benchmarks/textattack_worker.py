"""TextAttack's side of bench_attack, run by the Python of an environment that has it: reads a job, writes what came of it.

    python textattack_worker.py JOB.json RESULT.json

The victim is the project's own checkpoint, read by the project's own code in this process. The attack is BAE as a greedy
search by word importance: words ranked by the unknown token, the masked language model's candidates for the masked word.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[2]


def attack_of(job: dict[str, Any], model: Any) -> Any:
    """The attack. Its goal's `label` and its cap are set for each text."""
    import textattack
    from textattack.constraints.pre_transformation import MaxNumWordsModified, RepeatModification, StopwordModification
    from textattack.goal_function_results import ClassificationGoalFunctionResult
    from textattack.search_methods import GreedyWordSwapWIR
    from textattack.transformations import WordSwapMaskedLM

    class Wrapper(textattack.models.wrappers.ModelWrapper):  # type: ignore[misc]  # textattack is untyped
        def __init__(self) -> None:
            self.model = model

        def __call__(self, texts: list[str]) -> Any:
            return model.score(texts)

    class LeavesTop(textattack.goal_functions.GoalFunction):  # type: ignore[misc]
        """The label leaves the top k; the score to raise is minus the label's own."""

        label = 0

        def _is_goal_complete(self, output: Any, text: Any) -> bool:
            own = output[self.label]
            return int((output > own).sum() + (output[: self.label] == own).sum()) >= job["k"]

        def _get_score(self, output: Any, text: Any) -> float:
            return -float(output[self.label])

        def _process_model_outputs(self, inputs: Any, outputs: Any) -> list[Any]:
            return list(np.asarray(outputs))

        def _get_displayed_output(self, output: Any) -> int:
            return int(np.argmax(output))

        def _goal_function_result_type(self) -> Any:
            return ClassificationGoalFunctionResult

    goal = LeavesTop(Wrapper())
    swap = WordSwapMaskedLM(
        method="bae", masked_language_model=job["language_model"], max_length=job["window"], max_candidates=job["count"], min_confidence=0.0
    )  # fmt: skip
    limits = [RepeatModification(), StopwordModification(), MaxNumWordsModified(1)]
    return textattack.Attack(goal, limits, swap, GreedyWordSwapWIR(wir_method="unk"))


def main(job_file: str, result_file: str) -> None:
    sys.path.insert(0, str(ROOT))
    import torch

    from core import models

    torch.set_num_threads(1)
    job = json.loads(Path(job_file).read_text(encoding="utf-8"))
    model: Any = models.load(job["checkpoint"])
    for layer in model.encoder.bert.encoder.layer if hasattr(model, "encoder") else ():
        # transformers below 5 wraps a layer's hidden states in a tuple.
        layer.register_forward_hook(lambda module, given, found: found[0] if isinstance(found, tuple) else found)
    attack = attack_of(job, model)
    found = []
    cap = next(limit for limit in attack.pre_transformation_constraints if hasattr(limit, "max_num_words"))
    for number, (text, label, words) in enumerate([job["documents"][0], *job["documents"]]):  # the first one twice: it warms up
        attack.goal_function.label, cap.max_num_words = label, words
        attack.goal_function.clear_cache()
        attack.clear_cache()
        wall, cpu = time.perf_counter(), time.process_time()
        result = attack.attack(text, 0)
        if number:
            own = {"seconds": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "queries": result.num_queries}
            found.append({**own, "text": result.perturbed_text()})
    Path(result_file).write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
