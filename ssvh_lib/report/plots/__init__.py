"""Figures: pure functions from results, features or thumbnails to Matplotlib figures, and a byte-stable ``save``.

Those of a reproduction target are called as ``(records, order)``, where ``order`` holds printed names of rows, top
first. What is missing from records is left out or shown as "—"; a single seed has no band.
"""

from ...utils.colours import FILLER, INFORMATIVE
from ...utils.extras import requires_extra

with requires_extra("plots", "Drawing figures"):
    from .ablations import rows, sweep
    from .codes import angle_and_bits, code_health, code_maps, code_matrix, hamming_histogram
    from .compared import cost, gmap, seeds, transfer
    from .datasets import by_dataset
    from .described import dataset_statistics
    from .during import by_epoch, by_epoch_beside_published, published_curves, training_curves
    from .growth import by_frames
    from .look import COLOURS, FORMATS, MARKERS, save, style
    from .pictures import contact_sheet, filmstrip, frame_similarity, masks, reconstruction
    from .ranked import late_cutoffs, map_at_k, precision_recall, rejection

__all__ = [
    "COLOURS",
    "FILLER",
    "FORMATS",
    "INFORMATIVE",
    "MARKERS",
    "angle_and_bits",
    "by_dataset",
    "by_epoch",
    "by_epoch_beside_published",
    "by_frames",
    "code_health",
    "code_maps",
    "code_matrix",
    "contact_sheet",
    "cost",
    "dataset_statistics",
    "filmstrip",
    "frame_similarity",
    "gmap",
    "hamming_histogram",
    "late_cutoffs",
    "map_at_k",
    "masks",
    "precision_recall",
    "published_curves",
    "reconstruction",
    "rejection",
    "rows",
    "save",
    "seeds",
    "style",
    "sweep",
    "training_curves",
    "transfer",
]
