"""llama-cpp-python's server, which ends with whoever started it.

It does not heed SIGTERM while it generates, and a test run may be killed: the end of its
standard input, which comes in any case, is its end.
"""

from __future__ import annotations

import os
import runpy
import sys
import threading


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    threading.Thread(target=_end_with_parent, daemon=True).start()
    runpy.run_module("llama_cpp.server", run_name="__main__", alter_sys=True)
