"""A saved index of codes: build it once, then find the nearest codes, or all within a radius.

FAISS never reads a file here. Its reader trusts what it reads, so a damaged or forged file could crash the process or
worse. The file holds plain arrays in safetensors instead, with a checksum that finds damage. A checksum does not stop
malice, as whoever changes the arrays can change it too; so what FAISS relies on is checked as well.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save_file

from ..errors import SSVHError, unknown
from ..evaluation.codes import Codes
from ..utils.files import make_folder, write_file
from .index_kinds import KINDS, Arrays, Neighbours

MAGIC, VERSION = "ssvh-index", 1

Header = dict[str, Any]  # JSON of a file, checked as it is read


class HammingIndex:
    """N codes to be searched, perhaps with ``ids``, the distinct names of their videos.

    ``kind`` is "flat" (exact), "multihash" (exact, for small radii) or "ivf" (approximate, for millions); ``source`` is
    plain JSON that says where the codes come from. Raises SSVHError for an unknown kind, no codes at all, or ids that
    are not one name per code.
    """

    def __init__(
        self,
        codes: Codes,
        ids: Sequence[str] | None = None,
        *,
        kind: str = "flat",
        source: Mapping[str, object] | None = None,
    ):
        self._take(codes, ids, kind, source or {}, None)

    def _take(
        self,
        codes: Codes,
        ids: Sequence[str] | None,
        kind: str,
        source: Mapping[str, object],
        stored: Arrays | None,
    ) -> None:
        if kind not in KINDS:
            raise unknown("kind of index", kind, KINDS)
        if not len(codes):
            raise SSVHError("An index needs at least one code, and there are none.")
        self.kind, self.source = kind, source
        self.codes, self.ids = Codes(np.ascontiguousarray(codes.packed)), _checked(ids, len(codes))
        self._search = KINDS[kind](self.codes.packed, stored)

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def bits(self) -> int:
        """Return K, the length of a code."""
        return self.codes.bits

    @property
    def exact(self) -> bool:
        """Tell whether a search finds the codes that comparing with every code finds."""
        return self._search.exact

    def add(self, codes: Codes, ids: Sequence[str] | None = None) -> None:
        """Append codes; SSVHError, with nothing changed, if their length or their ids do not fit."""
        if (ids is None) != (self.ids is None):
            raise SSVHError("Either all codes of an index have ids or none has.")
        both = _checked([*(self.ids or ()), *(ids or ())], len(self) + len(codes)) if self.ids is not None else None
        packed = self._packed(codes)
        self._search.add(packed)
        self.codes, self.ids = Codes(np.concatenate([self.codes.packed, packed])), both

    def search(self, queries: Codes, k: int = 10) -> Neighbours:
        """Find the nearest ``k`` codes of each query, or all of fewer; SSVHError if lengths differ or k < 1."""
        if k < 1:
            raise SSVHError(f"k, the number of neighbours, must be at least 1, got {k}.")
        return self._search.search(self._packed(queries), min(k, len(self)))

    def within(self, queries: Codes, radius: int) -> list[Neighbours]:
        """Find all codes at most ``radius`` bits from each query; SSVHError if lengths differ or it is negative."""
        if radius < 0:
            raise SSVHError(f"The radius must be 0 or more bits, got {radius}.")
        return self._search.within(self._packed(queries), min(radius, self.bits))

    def save(self, path: str | Path) -> None:
        """Write the index to one file, atomically."""
        ids = {} if self.ids is None else {"ids": np.frombuffer(json.dumps(self.ids).encode(), np.uint8)}
        arrays = {"codes": self.codes.packed, **ids, **self._search.stored}
        header = {"version": VERSION, "kind": self.kind, "bits": self.bits, "count": len(self), "source": self.source}
        header["checksum"] = _checksum(header, arrays)
        metadata = {MAGIC: json.dumps(header)}
        make_folder(Path(path).parent)
        write_file(Path(path), lambda partial: save_file(arrays, partial, metadata))

    @classmethod
    def load(cls, path: str | Path) -> HammingIndex:
        """Read the index of a file; SSVHError if it is missing, damaged, something else or of another version."""
        if not Path(path).is_file():
            raise SSVHError(f"There is no file {path}. `ssvh index RUN --out {path}` makes an index of a run.")
        header, arrays = _read(Path(path))
        try:
            return cls._restored(header, arrays)
        except (KeyError, TypeError, ValueError) as error:
            raise SSVHError(f"{path} holds an index that does not fit together ({error}). Build it again.") from error

    @classmethod
    def _restored(cls, header: Header, arrays: Arrays) -> HammingIndex:
        codes, ids = Codes(arrays.pop("codes")), arrays.pop("ids", None)
        if (len(codes), codes.bits) != (header["count"], header["bits"]):
            raise ValueError(f"{header['count']} codes of {header['bits']} bits announced, {codes.packed.shape} found")
        if not isinstance(header["source"], dict):
            raise ValueError("its source is no JSON object")
        names = None if ids is None else json.loads(ids.tobytes())
        index = cls.__new__(cls)
        index._take(codes, names, header["kind"], header["source"], arrays)
        return index

    def _packed(self, codes: Codes) -> np.ndarray:
        if codes.bits != self.bits:
            raise SSVHError(f"The index has codes of {self.bits} bits, got codes of {codes.bits}; they must be equal.")
        return np.ascontiguousarray(codes.packed)


def _checked(ids: Sequence[str] | None, count: int) -> tuple[str, ...] | None:
    if ids is None:
        return None
    if len(ids) != count or not all(isinstance(name, str) for name in ids):
        raise SSVHError(f"ids must be one name per code, {count} strings; got {len(ids)}.")
    if len(set(ids)) < count:
        twice = Counter(ids).most_common(1)[0][0]
        raise SSVHError(f"ids must be distinct; '{twice}' is there twice.")
    return tuple(ids)


def _read(path: Path) -> tuple[Header, Arrays]:
    """Return header and arrays as they were written."""
    try:
        with safe_open(path, framework="numpy") as file:
            metadata, arrays = file.metadata() or {}, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except Exception as error:  # safetensors raises many types
        raise SSVHError(f"{path} is damaged or not an index ({error}). Build it again.") from error
    try:
        header = json.loads(metadata.get(MAGIC, "{}"))
        version, checksum = header.get("version"), header.pop("checksum", None)
    except (ValueError, AttributeError) as error:
        raise SSVHError(f"{path} is damaged ({error}). Build it again.") from error
    if MAGIC not in metadata:
        raise SSVHError(f"{path} is a safetensors file, but not an index of codes. `ssvh index RUN` makes one.")
    if version != VERSION:
        raise SSVHError(f"{path} is an index of version {version}, but this library reads {VERSION}. Build it again.")
    if checksum != _checksum(header, arrays):
        raise SSVHError(f"{path} is damaged: its content does not fit its checksum. Build it again.")
    return header, arrays


def _checksum(header: Header, arrays: Arrays) -> str:
    total = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name, values in sorted(arrays.items()):
        total.update(f"{name} {values.dtype} {values.shape}".encode())
        total.update(np.ascontiguousarray(values).data)
    return total.hexdigest()
