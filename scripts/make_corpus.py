"""Make the demo's corpus and picture: `python scripts/make_corpus.py`.

The text is FastAPI's own documentation (MIT), English and Chinese, from the source package that
PyPI serves. The same version gives the same bytes, so a change in the output is a change made here.
"""

from __future__ import annotations

import html
import json
import re
import struct
import subprocess
import sys
import tarfile
import tempfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

PACKAGE, VERSION = "fastapi", "0.110.0"
OUT = Path(__file__).resolve().parent.parent / "globalapi_core" / "data" / "demo"

# Pages of the two documentations, in the order they are numbered. All of them together make the
# demo's long prompt, of more than 100,000 tokens; each Chinese page has an English twin.
EN_PAGES = """
    async python-types alternatives tutorial/first-steps tutorial/path-params
    tutorial/query-params tutorial/body tutorial/extra-data-types tutorial/response-model
    tutorial/response-status-code tutorial/request-files tutorial/handling-errors
    tutorial/body-updates tutorial/dependencies/index tutorial/dependencies/dependencies-with-yield
    tutorial/security/first-steps tutorial/security/oauth2-jwt tutorial/middleware tutorial/cors
    tutorial/bigger-applications tutorial/background-tasks tutorial/static-files tutorial/testing
    tutorial/debugging advanced/security/http-basic-auth advanced/middleware
    advanced/sub-applications advanced/behind-a-proxy advanced/websockets advanced/events
    advanced/async-tests advanced/settings advanced/wsgi deployment/versions deployment/https
    deployment/manually deployment/concepts deployment/server-workers deployment/docker
    how-to/graphql
"""
ZH_PAGES = """
    async tutorial/first-steps tutorial/path-params tutorial/extra-data-types
    tutorial/handling-errors tutorial/dependencies/index
    tutorial/dependencies/dependencies-with-yield tutorial/middleware tutorial/cors
    tutorial/background-tasks tutorial/security/first-steps tutorial/debugging
    advanced/websockets deployment/versions deployment/https deployment/concepts
"""
PAGES = {"en": EN_PAGES.split(), "zh": ZH_PAGES.split()}
SHORTEST = {"en": 300, "zh": 200}  # characters; a Chinese one says about twice as much
LONGEST = {"en": 1150, "zh": 640}  # unless what is held is still shorter than SHORTEST
LONGEST_PIECE = {"en": 840, "zh": 700}  # a longer list or paragraph is cut
LONGEST_LISTING = 700  # a longer code file is cut to the lines its page points at

EMOJI = re.compile(" *[\U0001f000-\U0001faff\u2600-\u27bf\u2b50\u200d\ufe0f]+")
COLOUR = re.compile(r"</?(?:font|span|u|b)\b[^>]*>")
MARKS = re.compile(r"^\s*(---+|\{[%{!*].*|<!--.*)$")  # rules, templating, comments
TAG = re.compile(r"</?[a-zA-Z][^>]*>")
EMPHASIS = re.compile(r"(?<![A-Za-z0-9_*])\*(?=[^\s*])([^*\n]+?)(?<=\S)\*(?![A-Za-z0-9_*])")
INCLUDE = re.compile(r"^\{!>?\s*(?:\.\./)*(docs_src/\S+?)\s*!\}$")
FENCE = re.compile(r"^(`{3,})\s*(\w*)(.*)$")
HEADING = re.compile(r"^(#{1,6})\s+(.*?)(?:\s*\{\s*#[\w-]+\s*\})?\s*$")
ADMONITION = re.compile(r'^(?:!!!|\?\?\?)\+?\s+(\w+)(?:\s+"(.*)")?\s*$')
TAB = re.compile(r'^===\s+"(.*)"\s*$')
KINDS_ZH = {"tip": "提示", "note": "笔记", "info": "说明", "warning": "警告", "check": "检查"}


@dataclass(frozen=True, slots=True)
class Block:
    """A piece that is cut last: a heading (level 1 to 6), or a paragraph, list or listing."""

    text: str
    level: int = 0
    code: bool = False


@dataclass(frozen=True, slots=True)
class Piece:
    """What is never cut further, with the title of the section it is in."""

    section: str
    text: str
    heading: bool = False

    @property
    def leads(self) -> bool:
        """Whether it only makes sense with what follows it."""
        return self.heading or self.text.endswith((":", "："))


def download(into: Path) -> Path:
    """Fetch and unpack the source package; returns the folder it unpacks to."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
    subprocess.run([*pip, "--dest", str(into), f"{PACKAGE}=={VERSION}"], check=True)
    with tarfile.open(into / f"{PACKAGE}-{VERSION}.tar.gz") as archive:
        archive.extractall(into, filter="data")
    return into / f"{PACKAGE}-{VERSION}"


def prose(text: str, change: Callable[[str], str]) -> str:
    """Apply a change to what is not inline code."""
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(part if index % 2 else change(part) for index, part in enumerate(parts))


def plain(text: str) -> str:
    """Markdown prose as text: inline code keeps its backticks, links keep their words."""
    text = re.sub(r"!\[[^\]]*\]\([^)]*\)|\{\.[^}]*\}", "", re.sub(r"<br\s*/?>", " ", text))
    text = prose(text, lambda part: html.unescape(TAG.sub("", part)))
    text = re.sub(r"\[([^\]]+)\]\([^)\s]*\)", r"\1", text)
    text = prose(text, lambda part: EMOJI.sub("", part.replace("**", "")))
    text = EMPHASIS.sub(r"\1", text)
    return re.sub(r"[ \t]+$", "", re.sub(r"(?<=\S) {2,}", " ", text))


def highlighted(listing: list[str], spans: str) -> list[str]:
    """The lines that `hl_lines` names ("1  3-5"), with a mark where lines are left out."""
    picked: list[str] = []
    for span in spans.split():
        first, _, last = span.partition("-")
        chosen = listing[int(first) - 1 : int(last or first)]
        picked += ["# ...", *chosen] if picked else chosen
    return picked


def indented(lines: list[str], start: int) -> tuple[list[str], int]:
    """The lines under an admonition or tab, dedented, and the index after them."""
    end = start
    while end < len(lines) and (not lines[end].strip() or lines[end].startswith("    ")):
        end += 1
    return [line[4:] for line in lines[start:end]], end


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads one page's Markdown; `seen` holds the code files it has shown."""

    lang: str
    root: Path
    seen: set[str] = field(default_factory=set)

    def blocks(self, lines: list[str]) -> Iterator[Block]:
        """The page's blocks, or those of a part of it, in order."""
        index, in_tabs = 0, False
        while index < len(lines):
            line = lines[index].rstrip()
            index += 1
            end = index
            if fence := FENCE.match(line):
                while end < len(lines) and lines[end].rstrip() != fence[1]:
                    end += 1
                yield from self.code(lines[index:end], fence[2], fence[3])
                end += 1
            elif tab := TAB.match(line):
                body, end = indented(lines, index)
                # Of one example for several Pythons the first is the newest; the rest repeat it.
                if not (in_tabs and tab[1].startswith("Python ")):
                    yield from self.tab(tab[1], body)
                in_tabs = True
            elif note := ADMONITION.match(line):
                body, end = indented(lines, index)
                yield from self.note(note[1].lower(), note[2], body)
            elif heading := HEADING.match(line):
                yield Block(plain(heading[2]).strip(), level=len(heading[1]))
            elif line.strip() and not MARKS.match(line):
                while end < len(lines) and lines[end].strip() and not FENCE.match(lines[end]):
                    end += 1
                text = plain("\n".join(lines[index - 1 : end])).strip("\n")
                yield from [Block(text)] if text.strip() else []
            in_tabs = in_tabs and (not line or bool(TAB.match(line)))
            index = end

    def tab(self, name: str, body: list[str]) -> Iterator[Block]:
        """A tab's blocks, under its name where that is not a version of Python."""
        if not name.startswith("Python "):
            yield Block(f"{plain(name)}:")
        yield from self.blocks(body)

    def note(self, kind: str, name: str | None, body: list[str]) -> Iterator[Block]:
        """An admonition's blocks, the first one led by its name ("Tip: ...")."""
        blocks = list(self.blocks(body))
        if blocks and not blocks[0].code:
            chinese = self.lang == "zh"
            lead = plain(name or (KINDS_ZH.get(kind, kind) if chinese else kind.capitalize()))
            blocks[0] = Block(f"{lead}{'：' if chinese else ': '}{blocks[0].text}")
        yield from blocks

    def code(self, body: list[str], language: str, info: str) -> Iterator[Block]:
        """A listing, indented by four spaces; diagrams are left out."""
        lines = [] if language == "mermaid" else self.listing(body, info)
        if any(lines):
            text = "\n".join(f"    {row}".rstrip() for row in lines)
            yield Block(text.strip("\n"), code=True)

    def listing(self, body: list[str], info: str) -> list[str]:
        """A listing's lines: its file, if it names one, whole the first time and in part after."""
        found = next((match for line in body if (match := INCLUDE.match(line.strip()))), None)
        if found is None:
            # Terminal sessions are coloured with HTML here, and show a download's progress.
            shown = (html.unescape(COLOUR.sub("", line)) for line in body)
            return [EMOJI.sub("", line).rstrip() for line in shown if "---> 100%" not in line]
        file = self.root / found[1]
        lines = file.read_text(encoding="utf-8").rstrip().split("\n")
        first = found[1] not in self.seen
        self.seen.add(found[1])
        if first and file.stat().st_size <= LONGEST_LISTING:
            return lines
        spans = re.search(r'hl_lines="([^"]*)"', info)
        return highlighted(lines, spans[1]) if spans else lines if first else []


def cut(text: str, longest: int) -> list[str]:
    """Cut a long block between its lines, or a single line between its sentences."""
    if len(text) <= longest:
        return [text]
    parts = re.split(r"(?<=\n)" if "\n" in text else r"(?<=[.!?] )|(?<=[。！？])", text)
    cuts = [""]
    for part in parts:
        if cuts[-1] and len(cuts[-1]) + len(part) > longest:
            cuts.append("")
        cuts[-1] += part
    return [piece.strip("\n") for piece in cuts if piece.strip()]


def pieces(blocks: list[Block], lang: str) -> Iterator[Piece]:
    """A page's blocks below its title, none longer than a passage may be."""
    section = ""
    for block in blocks:
        if block.level > 1:
            section = block.text
            yield Piece(section, section, heading=True)
        elif not block.level:
            yield from (Piece(section, text) for text in cut(block.text, LONGEST_PIECE[lang]))


def passages(blocks: list[Block], lang: str) -> Iterator[tuple[str, str]]:
    """Titles and texts: short sections joined, long ones divided, what leads kept with the rest.

    What is left at a page's end is dropped when it is shorter than a passage.
    """
    page = next(block.text for block in blocks if block.level == 1)
    held: list[Piece] = []
    for piece in pieces(blocks, lang):
        size = len(joined(held))
        full = size + 2 + len(piece.text) > LONGEST[lang]
        if size >= SHORTEST[lang] and (piece.heading or full):
            end = len(held)
            while end > 1 and held[end - 1].leads:
                end -= 1
            if len(joined(held[:end])) < SHORTEST[lang] or piece.heading:
                end = len(held)
            yield titled(page, held[:end])
            held = held[end:]
        held.append(piece)
    if len(joined(held)) >= SHORTEST[lang]:
        yield titled(page, held)


def joined(held: list[Piece]) -> str:
    """A passage's text; its own heading is left to the title."""
    return "\n\n".join(piece.text for piece in held[bool(held) and held[0].heading :])


def titled(page: str, held: list[Piece]) -> tuple[str, str]:
    """A passage's title ("page > section") and text."""
    section = held[0].section
    return f"{page} > {section}" if section else page, joined(held)


def corpus(root: Path) -> Iterator[dict[str, str]]:
    """Every passage of both languages, numbered per language."""
    for lang, pages in PAGES.items():
        number = 0
        for page in pages:
            path = PurePosixPath("docs", lang, "docs", f"{page}.md")
            markdown = (root / path).read_text(encoding="utf-8").replace("\u00a0", " ")
            lines = markdown.split("\n")
            for title, text in passages(list(Reader(lang, root).blocks(lines)), lang):
                number += 1
                source = f"{PACKAGE}-{VERSION}:{path}"
                key = {"id": f"{lang}-{number:04}", "lang": lang}
                yield key | {"title": title, "text": text, "source": source}


def notice(licence: str) -> str:
    """The NOTICE.md that goes with the passages, with the licence they are under."""
    return f"""# Where the demo's text comes from

`passages.jsonl` holds parts of the documentation of FastAPI, in English and in its Chinese
translation, cut into passages and freed of markup by `scripts/make_corpus.py`.

| source | version | licence | copyright |
| --- | --- | --- | --- |
| `{PACKAGE}`, the source package on PyPI: `docs/en/docs`, `docs/zh/docs`, `docs_src` | {VERSION} \
| MIT | 2018 Sebastián Ramírez; the translations are by FastAPI's contributors |

Each passage names the file it is from. `picture.png` is drawn by the same script, and
`questions.yaml` was written for this project.

## FastAPI's licence

{licence.strip()}
"""


# A 5 by 7 font: a glyph's seven rows from the top, each five pixels as one base-32 digit.
FONT = """
    A ehhvhhh B uhhuhhu C ehggghe D uhhhhhu E vgguggv F vgguggg G ehgnhhf H hhhvhhh I e44444e
    K hikokih L ggggggv M hrllhhh N hhpljhh O ehhhhhe P uhhuggg Q ehhhlid R uhhukih S fgge11u
    T v444444 U hhhhhhe V hhhhha4 W hhhllla Y hha4444 0 ehjlphe 1 4c4444e 2 eh1248v 3 v2421he
    4 26aiv22 5 vgu11he 6 68guhhe 7 v124888 8 ehhehhe 9 ehhf12c . 00000cc - 000v000 , 0000c48
"""
GLYPHS = dict(zip(FONT.split()[::2], FONT.split()[1::2], strict=True))
# Output prices as published for May 2026, of eight of the catalog's models.
BARS = {
    "QWEN3-8B": "0.01",
    "DEEPSEEK V4 FLASH": "0.25",
    "QWEN3-32B": "0.28",
    "GPT-4O-MINI": "0.60",
    "DEEPSEEK V4 PRO": "0.78",
    "GLM-5": "1.92",
    "DEEPSEEK R1": "2.50",
    "KIMI K2.5": "3.00",
}
WIDTH, HEIGHT = 640, 300
PAPER, INK, BAR, LINE = range(4)
PALETTE = bytes.fromhex("ffffff 222222 2f6fb0 bbbbbb")


def write(pixels: list[bytearray], x: int, y: int, text: str) -> None:
    """Write text at twice the font's size; a character takes 12 pixels."""
    for character in text:
        for row, digit in enumerate(GLYPHS.get(character, "0000000")):
            for column in range(5):
                if int(digit, 32) >> (4 - column) & 1:
                    fill(pixels, x + 2 * column, y + 2 * row, 2, 2, INK)
        x += 12


def fill(pixels: list[bytearray], x: int, y: int, width: int, height: int, colour: int) -> None:
    """Fill a rectangle."""
    for row in pixels[y : y + height]:
        row[x : x + width] = bytes([colour]) * width


def picture() -> bytes:
    """A bar chart of output prices as a PNG: four colours, two bits a pixel."""
    pixels = [bytearray(WIDTH) for _ in range(HEIGHT)]
    write(pixels, 20, 14, "OUTPUT PRICE, USD PER MILLION TOKENS, MAY 2026")
    fill(pixels, 234, 44, 2, HEIGHT - 56, LINE)
    for index, (model, price) in enumerate(BARS.items()):
        top = 52 + 30 * index
        length = max(1, round(float(price) * 110))
        write(pixels, 224 - 12 * len(model), top + 3, model)
        fill(pixels, 236, top, length, 20, BAR)
        write(pixels, 244 + length, top + 3, price)
    rows = (
        bytes(sum(row[x + i] << (6 - 2 * i) for i in range(4)) for x in range(0, WIDTH, 4))
        for row in pixels
    )
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 2, 3, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row for row in rows), 9)
    chunks = {b"IHDR": header, b"PLTE": PALETTE, b"IDAT": data, b"IEND": b""}
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks.items()
    )


def main() -> None:
    """Download the source and write passages.jsonl, NOTICE.md and picture.png."""
    OUT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        root = download(Path(folder))
        lines = [json.dumps(passage, ensure_ascii=False) for passage in corpus(root)]
        licence = (root / "LICENSE").read_text(encoding="utf-8")
    (OUT / "passages.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
    (OUT / "NOTICE.md").write_text(notice(licence), encoding="utf-8", newline="\n")
    (OUT / "picture.png").write_bytes(picture())
    print(f"{len(lines)} passages of {PACKAGE} {VERSION} in {OUT}")


if __name__ == "__main__":
    main()
