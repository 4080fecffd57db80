"""``python -m ssvh_lib`` is ``ssvh``."""

from .cli import main

main()
