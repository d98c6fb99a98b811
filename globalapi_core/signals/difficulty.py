"""How hard a question is, 0 to 1, by its task and by what makes a task harder.

Every cue is given in English and in Chinese, and nothing else counts, so that a proof asked
in Chinese is as hard as its English twin.
"""

from __future__ import annotations

import re

from globalapi_core.signals.rules import Text, rule

_BASE = {
    "chat": 0.1,
    "extraction": 0.15,
    "translation": 0.2,
    "summarising": 0.2,
    "knowledge": 0.25,
    "code": 0.35,
    "math": 0.4,
    "reasoning": 0.55,
}
"""What a task of this kind asks at least."""
# (task it counts in, how much it adds, pattern, words and characters that announce it)
_CUES = (
    (
        "math",
        0.35,
        r"\b(?:prov(?:e|ing)|proof|deriv(?:e|ing|ation)|show that|induction)\b"
        r"|证明|證明|求证|推导|推導|归纳法",
        "prove proving proof derive deriving derivation show induction",
        "证證求推归",
    ),
    (
        "math",
        0.15,
        r"\b(?:integrals?|integrate|derivative|eigenvalues?|theorem|converges?|diverges"
        r"|polynomial|modulo|remainder|probability|triangle|complex|matrix|cyclic|integers n)\b"
        r"|积分|导数|求导|特征值|定理|收敛|发散|多项式|余数|概率|三角形|复数|矩阵|循环群|整数 ?n"
        r"|\\(?:frac|int|sum|sqrt|binom|cdot)|\$",
        "integral integrals integrate derivative eigenvalue eigenvalues theorem "
        "converge converges diverges polynomial modulo remainder probability triangle "
        "complex matrix cyclic integers frac int sum sqrt binom cdot",
        "积导求特定收发多余概三复矩循整",
    ),
    (
        "code",
        0.2,
        r"\b(?:thread[- ]safe|concurren\w+|race conditions?|deadlock|distributed|optimi[sz]e"
        r"|algorithm|complexity|memory leak|dynamic programming|compiler|o\(1\)|o\(n|10\^\d"
        r"|lru cache|longest common|rate limiter|trade-offs?|binary heap|without recursion)"
        r"|线程安全|并发|竞态|死锁|分布式|优化|算法|复杂度|内存泄漏|动态规划|编译器|最长公共|限流器|取舍"
        r"|二叉堆|不用递归",
        "thread concurrent concurrency race deadlock distributed optimise optimize "
        "algorithm complexity memory dynamic compiler o lru longest rate trade binary "
        "without",
        "线并竞死分优算复内动编最限取二不",
    ),
    (
        "reasoning",
        0.15,
        r"\b(?:every|all) possible\b|\bclues?\b|\beach of a different\b|\balways\b"
        r"|所有可能|线索|各不相同|颜色不同|总说",
        "every all clue clues each always",
        "所线各颜总",
    ),
    (
        "knowledge",
        0.15,
        r"\b(?:explain|compare|why|causes?|how do(?:es)?|theory|difference|statute|relativity)\b"
        r"|解释|比较|为什么|原因|怎[么样]|如何|理论|区别|时效|相对论",
        "explain compare why cause causes how theory difference statute relativity",
        "解比为原怎如理区时相",
    ),
)
_RULES = [(task, add, rule(task, task, *announced)) for task, add, *announced in _CUES]
_LISTED = re.compile(r"^\s*(?:\d+[.)、]|[-*•]|[(（]\d+[)）])\s", re.MULTILINE)
_LONG = 600
"""Length past which a question holds more than one condition; a Han character counts as 2.5."""


def of(question: Text, task: str) -> float:
    """How hard *question* is, given its *task*."""
    hard = _BASE.get(task, 0.2)
    hard += sum(add for each, add, cue in _RULES if each == task and cue.search(question))
    text = question.text
    size = len(text) if text.isascii() else len(text.encode("utf-8", "replace")) * 0.85
    if hard >= _BASE["code"]:
        hard += 0.1 * (size > _LONG) + 0.05 * (len(_LISTED.findall(text)) > 2)
    return round(min(hard, 1.0), 2)
