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

__version__ = "0.1.0"

# Names are looked up when first used, so that `import ssvh_lib` does not load torch.
_HOME = {
    "Batch": "training",
    "CUTOFFS": "metrics",
    "CodeHealth": "codes",
    "Codes": "codes",
    "Dataset": "data",
    "Evaluation": "metrics",
    "HammingIndex": "index",
    "PROTOCOLS": "metrics",
    "Run": "runs",
    "SSVHError": "errors",
    "VideoFeatures": "data",
    "available": "methods",
    "build": "methods",
    "code_health": "codes",
    "compare": "comparison",
    "confidence_intervals": "comparison",
    "encode": "codes",
    "evaluate": "metrics",
    "fit": "training",
    "load_codes": "codes",
    "load_dataset": "data",
    "load_released": "checkpoints",
    "save_codes": "codes",
}
__all__ = sorted(_HOME)  # noqa: PLE0605 - a list of strings

if TYPE_CHECKING:  # so that editors know the names
    from .checkpoints import load_released  # noqa: F401
    from .codes import CodeHealth, Codes, code_health, encode, load_codes, save_codes  # noqa: F401
    from .comparison import compare, confidence_intervals  # noqa: F401
    from .data import Dataset, VideoFeatures, load_dataset  # noqa: F401
    from .errors import SSVHError  # noqa: F401
    from .index import HammingIndex  # noqa: F401
    from .methods import available, build  # noqa: F401
    from .metrics import CUTOFFS, PROTOCOLS, Evaluation, evaluate  # noqa: F401
    from .runs import Run  # noqa: F401
    from .training import Batch, fit  # noqa: F401


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'ssvh_lib' has no attribute '{name}'")
    return getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)


def __dir__() -> list[str]:
    return __all__
