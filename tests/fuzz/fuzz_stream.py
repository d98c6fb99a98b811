"""Let atheris look for an answer that breaks the reader: `make fuzz`.

An input that reaches something new goes to the first directory named. With `-merge=1`,
those of the others that the first one lacks go there: `corpus` is made so, and
`test_corpus.py` replays it. The other options are libFuzzer's too.
"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import atheris  # type: ignore[import-untyped]

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent.parent))

with atheris.instrument_imports(include=["globalapi_core.wire", "globalapi_core.errors"]):
    from tests.fuzz.oracle import check


def main() -> None:
    """Fuzz until told to stop."""
    # To merge, libFuzzer has a shell run the first of these again.
    again = shlex.join([sys.executable, __file__])
    atheris.Setup([again, f"-dict={HERE / 'words.dict'}", *sys.argv[1:]], _check)
    atheris.Fuzz()


def _check(data: bytes) -> None:
    check(data)


if __name__ == "__main__":
    main()
