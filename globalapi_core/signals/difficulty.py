"""How hard a question is, 0 to 1, by its task and by what makes a task harder.

Every cue is given in English and in Chinese, and nothing else counts, so that a proof asked
in Chinese is as hard as its English twin. Tasks that are easily taken for one another begin
near one another.
"""

from __future__ import annotations

import re

from globalapi_core.signals.rules import Text, rule

_BASE = {
    "chat": 0.15,
    "extraction": 0.15,
    "translation": 0.2,
    "summarising": 0.2,
    "knowledge": 0.2,
    "code": 0.35,
    "math": 0.35,
    "reasoning": 0.55,
}
"""What a task of this kind asks at least."""
_EXPLANATION = rule(
    "an explanation",
    "knowledge",
    r"\b(?:explain|compare|why|causes?|how (?:do(?:es)?|is|are|did)|theory|difference"
    r"|mechanism|statute|relativity)\b(?! (?:i|we|you)\b)",
    "explain compare why cause causes how theory difference mechanism statute relativity",
    r"解释|讲解|比较(?=.{0,12}和)|为什么|为何|原因|怎[么样](?=[^我你。]{0,14}的[？?])|如何(?!办)|理论|区别|有什么不同"
    r"|有何不同|机制|时效|相对论",
)
# (task it counts in, how much it adds, rule)
_CUES = (
    (
        "math",
        0.35,
        rule(
            "a proof",
            "math",
            r"\b(?:prov(?:e|ing)|proof|deriv(?:e|ing|ation)|show that|induction|unbiased"
            r"|(?:wave|heat|field) equation|equations? of motion)\b",
            "prove proving proof derive deriving derivation show induction unbiased equation "
            "equations",
            r"证明|證明|求证|推导|推導|归纳法|无偏|波动方程|运动方程|热传导方程"
            r"|导出(?=[^。？！\n]{0,16}(?:公式|方程|定理|定律|表达式|关系式))",
        ),
    ),
    (
        "math",
        0.15,
        rule(
            "higher mathematics",
            "math",
            r"\b(?:integrals?|integrate|derivative|eigenvalues?|theorem|converges?|diverges"
            r"|polynomial|modulo|remainder|probability|triangle|complex|matrix|cyclic|integers n"
            r"|estimator|likelihood|likely|distribution|variance|posterior|bayes|specificity|lagrangian"
            r"|inequality|differential|permutations?|combinatorics)\b"
            r"|\\(?:frac|int|sum|sqrt|binom|cdot)|\$[^$\n]*\$",
            "integral integrals integrate derivative eigenvalue eigenvalues theorem "
            "converge converges diverges polynomial modulo remainder probability triangle "
            "complex matrix cyclic integers frac int sum sqrt binom cdot estimator likelihood "
            "likely distribution variance posterior bayes specificity lagrangian inequality "
            "differential permutation permutations combinatorics",
            r"积分|导数|求导|特征值|定理|收敛|发散|多项式|余数|概率|可能性|几率|三角形|复数|矩阵"
            r"|循环群|整数 ?n"
            r"|估计量?|似然|分布|方差|后验|贝叶斯|特异[度性]|拉格朗日|不等式|微分|排列组合",
        ),
    ),
    (
        "code",
        0.2,
        rule(
            "hard code",
            "code",
            r"\b(?:thread[- ]safe|concurren\w+|race conditions?|deadlock|distributed|optimi[sz]e"
            r"|algorithm|complexity|running time|memory leak|dynamic programming|compiler|o\(1\)"
            r"|o\(n|10\^\d|lru cache|longest common|shortest paths?|rate limiter|trade-offs?"
            r"|binary heap|without recursion|downtime|isolation level|(?:constant|linear) time)",
            "thread concurrent concurrency race deadlock distributed optimise optimize "
            "algorithm complexity running memory dynamic compiler o lru longest shortest rate "
            "trade binary without downtime isolation constant linear",
            r"线程安全|并发|竞态|死锁|分布式|优化|算法|复杂度|运行时间|内存泄漏|动态规划|编译器|最长公共"
            r"|最短路径|限流器|取舍|二叉堆|不用递归|不停机|隔离级别|常[数性]时间|线[数性]时间",
        ),
    ),
    (
        "reasoning",
        0.15,
        rule(
            "many conditions",
            "reasoning",
            r"\b(?:every|all) possible\b|\bclues?\b|\beach of a different\b|\balways\b"
            r"|\b(?:satisf(?:y|ies) all|all (?:the )?constraints)\b",
            "every all clue clues each always satisfy satisfies",
            r"所有可能|线索|各不相同|颜色不同|总说|满足所有|所有约束",
        ),
    ),
    ("knowledge", 0.15, _EXPLANATION),
    ("chat", 0.15, _EXPLANATION),
)
_LISTED = re.compile(r"^\s*(?:\d+[.)、]|[-*•]|[(（]\d+[)）])\s", re.MULTILINE)
_LONG = 600
"""Length past which a question holds more than one condition; a Han character counts as 2.5."""
_OF_LENGTH, _OF_LISTS = 0.1, 0.05
"""What many conditions add."""


def of(question: Text, task: str) -> float:
    """How hard *question* is, given its *task*."""
    hard = _BASE.get(task, 0.2)
    hard += sum(add for each, add, cue in _CUES if each == task and cue.start(question) is not None)
    text = question.text
    size = len(text) if question.ascii else len(text.encode("utf-8", "replace")) * 0.85
    if hard >= _BASE["code"]:
        listed = text.count("\n") > 1 and len(_LISTED.findall(text)) > 2
        hard += _OF_LENGTH * (size > _LONG) + _OF_LISTS * listed
    return round(min(hard, 1.0), 2)


def bounds(task: str) -> tuple[float, float]:
    """The least and the greatest difficulty that a question of *task* may have."""
    least = _BASE[task]
    most = least + sum(add for each, add, _ in _CUES if each == task)
    most += _OF_LENGTH + _OF_LISTS if most >= _BASE["code"] else 0
    return least, min(1.0, round(most, 2))
