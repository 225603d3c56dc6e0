"""`python -m core`, and the command `tremor`, which `pip install -e .` makes of `main`."""

import sys
from pathlib import Path

from core import cli

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    """`core.cli.main`, unless the package was copied away from its project: checkpoints, assets and the programs of jobs are found beside it."""
    if not (ROOT / "assets").is_dir():
        said = f"core was installed into {ROOT} without its checkpoints and assets. Tremor works from its project's folder"
        print(f"{said}: pip uninstall tremor, then pip install -e . in that folder.", file=sys.stderr)
        return 2
    return cli.main()


if __name__ == "__main__":
    sys.exit(main())
