"""Run the notebooks and keep what they print and draw: `make notebooks`.

Each runs top to bottom in a kernel of its own, in an empty directory, and is written back
with its outputs and without what changes from run to run: times of execution, versions,
progress bars. The last picture of each goes to `docs/pictures/`.
"""

from __future__ import annotations

import base64
import io
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from PIL import Image
from traitlets.config import Config

ROOT = Path(__file__).parent.parent
NOTEBOOKS = ROOT / "notebooks"
PICTURES = ROOT / "docs" / "pictures"
_PNG = "image/png"
_WIDGET = "application/vnd.jupyter.widget-view+json"
_SECONDS = 300
"""For one cell."""


def run(notebook: Path) -> nbformat.NotebookNode:
    """Run *notebook* and return it with its outputs.

    Raises:
        CellExecutionError: a cell raised.
        ValueError: a cell warned, or printed to stderr.
    """
    content = nbformat.read(notebook, as_version=4)
    with tempfile.TemporaryDirectory() as directory, tempfile.TemporaryDirectory() as socket:
        client = NotebookClient(
            content,
            timeout=_SECONDS,
            # By socket files: the kernel opens no port.
            config=Config(KernelManager={"transport": "ipc", "ip": f"{socket}/kernel"}),
            kernel_name="python3",
            resources={"metadata": {"path": directory}},
            record_timing=False,
        )
        client.execute(env=_nobodys())
    for cell in code(content):
        for output in cell.outputs:
            if output.get("name") == "stderr":
                raise ValueError(f"{notebook.name} printed to stderr:\n{output['text']}")
    return clean(content)


def _nobodys() -> dict[str, str]:
    """The environment without anybody's key or address: what is kept is the sandbox's."""
    own = ("GLOBAL_API_", "OPENAI_")
    return {name: value for name, value in os.environ.items() if not name.startswith(own)}


def clean(content: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Leave out of *content* what says where and when it ran."""
    content.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
    )
    for cell in content.cells:
        cell.metadata = nbformat.from_dict({})
    for cell in code(content):
        cell.outputs = [each for each in cell.outputs if _WIDGET not in each.get("data", {})]
        for output in cell.outputs:
            if _PNG in output.get("data", {}):
                output.data[_PNG] = base64.b64encode(small(_decoded(output))).decode()
    return content


def small(png: bytes) -> bytes:
    """*png* in 64 colours, which is plenty for bars and letters: a third of the bytes."""
    with Image.open(io.BytesIO(png)) as picture:
        fewer = picture.convert("RGB").quantize(64, dither=Image.Dither.NONE)
    written = io.BytesIO()
    fewer.save(written, "PNG", optimize=True)
    return written.getvalue()


def _decoded(output: Any) -> bytes:
    return base64.b64decode(output["data"][_PNG])


def code(content: nbformat.NotebookNode) -> list[Any]:
    """The cells with code."""
    return [each for each in content.cells if each.cell_type == "code"]


def pictures(content: nbformat.NotebookNode) -> list[bytes]:
    """The PNGs that *content* shows, in order."""
    outputs = (output for cell in code(content) for output in cell.outputs)
    return [_decoded(each) for each in outputs if _PNG in each.get("data", {})]


def printed(content: nbformat.NotebookNode) -> str:
    """What the last cell with code prints."""
    return "".join(
        output["text"] for output in code(content)[-1].outputs if output.output_type == "stream"
    )


def main(names: list[str]) -> None:
    """Run the notebooks whose file names begin with one of *names*; all without any."""
    PICTURES.mkdir(exist_ok=True)
    for notebook in sorted(NOTEBOOKS.glob("*.ipynb")):
        if names and not notebook.name.startswith(tuple(names)):
            continue
        content = run(notebook)
        nbformat.write(content, notebook)
        *_, last = pictures(content)
        (PICTURES / f"{notebook.stem}.png").write_bytes(last)
        print(f"{notebook.name}: {printed(content).strip()}")


if __name__ == "__main__":
    main(sys.argv[1:])
