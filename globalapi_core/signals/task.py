"""Whether a question is about program text, or asks for reasoning in several steps.

Each list pairs a name, which is shown as evidence, with a pattern. Words are matched
whole, so that "a reasonable price" is no reasoning.
"""

from __future__ import annotations

import re

_LANGUAGES = (
    r"python|javascript|typescript|java|rust|golang|go|c\+\+|c#|kotlin|swift|php|ruby|sql|bash|"
    r"shell|html|css|regex|regexp"
)
_CODE = {
    "a fenced code block": r"```",
    "a stack trace": (
        r"Traceback \(most recent call last\)|^[ \t]+at [\w.$<>]+\(|^[ \t]*File \"[^\"]+\", line"
    ),
    "a diff": r"^(?:diff --git|@@ -\d|\+\+\+ |--- a/)",
    "program text": (
        r"\b(?:def|func|fn|function)\s+\w+\s*\(|\bclass\s+\w+\s*[:({]"
        r"|^[ \t]*(?:from[ \t]+[\w.]+[ \t]+)?import[ \t]+\w|#include\s*<"
        r"|\bconsole\.log\(|\bSELECT\b.+\bFROM\b|\breturn\s+\w+\s*;|=>\s*\{"
    ),
    "a request for code": (
        r"\b(?:write|implement|create|give me|generate|refactor|debug|fix|review|optimi[sz]e"
        r"|port)\b[^.?!\n]{0,60}\b(?:code|function|script|class|method|unit tests?|program|query"
        rf"|{_LANGUAGES})\b"
    ),
    "a request for code, in Chinese": (
        r"(?:写|编写|實作|实现|生成|重构|调试|修复|优化|审查|撰寫|寫)[^。？！\n]{0,30}"
        rf"(?:代码|程式碼|函数|函式|脚本|类|程序|单元测试|正则|查询语句|{_LANGUAGES})"
    ),
    "an error to explain": (
        r"\b\w+(?:Error|Exception)\b\s*:|\b(?:segfault|stack trace|code review)\b"
    ),
    "code in Chinese words": r"代码审查|这段代码|這段程式碼|报错信息|堆栈",
}
_REASONING = {
    # "How does it prove to the server who it is", 怎样证明域名是我的: no proofs.
    "a proof": (
        r"\bprove\b(?=\s+(?:that|by|or|the|this|every|any|there|if|for)\b)"
        r"|\b(?:proof|disprove|theorem|lemma)\b|(?:^|[，。：；、\s请试])(?:求证|证明|證明)(?!书|文件|材料|書)"
        r"|(?:证明|證明)[^。？！\n]{0,30}(?:数|定理|不等式|三角|收敛|连续|无穷|恒成立|可逆|數)|求证|定理"
    ),
    "a derivation": r"\b(?:derive|derivation|deduce)\b|推导|推導|演绎",
    "steps": r"\bstep[- ]by[- ]step\b|一步一步|逐步推理|分步骤|请推理",
    "mathematics": (
        r"\b(?:integral|derivative|eigenvalue|probability that|modulo|permutations?"
        r"|combinatorics)\b|积分|导数|概率是|排列组合|求解方程|微分方程"
    ),
    "a logic puzzle": r"\b(?:logic puzzle|knights and knaves|riddle)\b|逻辑推理|逻辑题",
}


def _compiled(patterns: dict[str, str]) -> list[tuple[str, re.Pattern[str]]]:
    flags = re.IGNORECASE | re.MULTILINE
    return [(name, re.compile(pattern, flags)) for name, pattern in patterns.items()]


_CODE_PATTERNS = _compiled(_CODE)
_REASONING_PATTERNS = _compiled(_REASONING)


def code(question: str) -> str | None:
    """What shows that *question* is about program text, or `None`."""
    return _first(_CODE_PATTERNS, question)


def reasoning(question: str) -> str | None:
    """What shows that *question* asks for several steps of reasoning, or `None`."""
    return _first(_REASONING_PATTERNS, question)


def _first(patterns: list[tuple[str, re.Pattern[str]]], question: str) -> str | None:
    return next((name for name, pattern in patterns if pattern.search(question)), None)
