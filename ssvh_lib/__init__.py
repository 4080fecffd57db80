"""Self-supervised video hashing: read it, run it, take it apart, measure it on equal terms.

import ssvh_lib as ssvh

dataset = ssvh.load_dataset("moving-digits")
model = ssvh.build("conmh", dataset=dataset, bits=64)
run = ssvh.fit(model, dataset, seed=0)
queries, database = ssvh.encode(model, dataset.query), ssvh.encode(model, dataset.database)
result = ssvh.evaluate(queries, database, dataset.query.labels, dataset.database.labels)
print(result.map)
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

__version__ = "0.2.0"  # the only place; pyproject.toml reads it from here

# Names are looked up when first used, so that `import ssvh_lib` does not load torch.
_HOME = {
    "Batch": "data.batch",
    "CUTOFFS": "evaluation.metrics",
    "CodeHealth": "evaluation.codes",
    "Codes": "evaluation.codes",
    "Dataset": "data",
    "Evaluation": "evaluation.metrics",
    "HammingIndex": "search.index",
    "PROTOCOLS": "evaluation.conventions",
    "Run": "training.runs",
    "SSVHError": "errors",
    "SSVHWarning": "errors",
    "Statistics": "data.statistics",
    "VideoFeatures": "data",
    "available": "methods",
    "build": "methods",
    "code_health": "evaluation.codes",
    "compare": "evaluation.significance",
    "confidence_intervals": "evaluation.significance",
    "describe": "data.statistics",
    "encode": "evaluation.codes",
    "evaluate": "evaluation.metrics",
    "fit": "training.loop",
    "load_codes": "evaluation.codes",
    "load_dataset": "data",
    "load_released": "training.released_checkpoints",
    "save_codes": "evaluation.codes",
}
__all__ = sorted(_HOME)  # noqa: PLE0605 - a list of strings

if TYPE_CHECKING:  # so that editors know the names
    from .data import Dataset, VideoFeatures, load_dataset  # noqa: F401
    from .data.batch import Batch  # noqa: F401
    from .data.statistics import Statistics, describe  # noqa: F401
    from .errors import SSVHError, SSVHWarning  # noqa: F401
    from .evaluation.codes import CodeHealth, Codes, code_health, encode, load_codes, save_codes  # noqa: F401
    from .evaluation.conventions import PROTOCOLS  # noqa: F401
    from .evaluation.metrics import CUTOFFS, Evaluation, evaluate  # noqa: F401
    from .evaluation.significance import compare, confidence_intervals  # noqa: F401
    from .methods import available, build  # noqa: F401
    from .search.index import HammingIndex  # noqa: F401
    from .training.loop import fit  # noqa: F401
    from .training.released_checkpoints import load_released  # noqa: F401
    from .training.runs import Run  # noqa: F401


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'ssvh_lib' has no attribute '{name}'")
    return getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)


def __dir__() -> list[str]:
    return __all__
