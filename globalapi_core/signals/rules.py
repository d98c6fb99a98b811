"""The rules by which a task shows in so many words, in English and in Chinese."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Text:
    """A text with its words and its characters, found once for all rules."""

    text: str
    words: frozenset[str] = field(init=False)
    characters: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        words = frozenset(_WORD.findall(self.text.lower()))
        characters = frozenset() if self.text.isascii() else frozenset(self.text)
        object.__setattr__(self, "words", words)
        object.__setattr__(self, "characters", characters)


@dataclass(frozen=True, slots=True)
class Rule:
    """A pattern, looked for where one of its words or characters is there at all.

    A pattern of many alternatives is slow to fail; sets are quick to have nothing in common.
    """

    name: str
    task: str
    words: frozenset[str]
    characters: frozenset[str]
    pattern: re.Pattern[str]

    def search(self, text: Text) -> re.Match[str] | None:
        """The first match in *text*."""
        if self.words.isdisjoint(text.words) and self.characters.isdisjoint(text.characters):
            return None
        return self.pattern.search(text.text)


_WORD = re.compile(r"[a-z]+")


def rule(name: str, task: str, pattern: str, words: str, characters: str = "") -> Rule:
    """A rule that some of *words*, separated by spaces, or of *characters* must announce."""
    flags = re.IGNORECASE | re.MULTILINE
    return Rule(
        name,
        task,
        frozenset(words.split()),
        frozenset(characters),
        re.compile(pattern, flags),
    )


def first(rules: Iterable[Rule], text: Text) -> Rule | None:
    """The first of *rules* that finds anything in *text*."""
    return next((each for each in rules if each.search(text)), None)


_LANGUAGES = (
    r"python|javascript|typescript|java|rust|golang|go|c\+\+|c#|kotlin|swift|php|ruby|sql|bash|"
    r"shell|html|css|regex|regexp"
)
_TOOLS = (
    r"git|docker(?:file)?|kubernetes|react|vue|pandas|numpy|pytest|fastapi|django|flask|nginx|npm|"
    r"webpack|postgres(?:ql)?|mysql|jsonb|redis|linux|flexbox|rest api|api|node\.js|spring boot|"
    r"useeffect|pull request|stack trace|regular expression|unit tests?|quicksort|merge sort|"
    r"hash map|binary tree|linked list|time complexity"
)
_CODE = {
    "a fenced code block": r"```",
    "a stack trace": (
        r"Traceback \(most recent call last\)|^[ \t]+at [\w.$<>]+\(|^[ \t]*File \"[^\"]+\", line"
    ),
    "a diff": r"^(?:diff --git|@@ -\d|\+\+\+ |--- a/)",
    # The function f(x) of mathematics is none.
    "program text": (
        r"\bdef\s+\w+\s*\(|\b(?:func|fn|function)\s+\w+\s*\([^)\n]*\)[^\n]*\{|\bclass\s+\w+\s*[:({]"
        r"|^[ \t]*(?:from[ \t]+[\w.]+[ \t]+)?import[ \t]+\w|#include\s*<"
        r"|\bconsole\.log\(|\bSELECT\b[^\n]{1,120}\bFROM\b|\breturn\s+\w+\s*;|=>\s*\{"
    ),
    "a request for code": (
        r"\b(?:write|implement|create|give me|generate|refactor|debug|fix|review|optimi[sz]e"
        r"|port|convert|design|complete)\b[^.?!\n]{0,60}\b(?:code|function|script|class|method"
        rf"|unit tests?|program|query|crawler|algorithm|cache|endpoint|{_LANGUAGES}|{_TOOLS})\b"
    ),
    "a request for code, in Chinese": (
        r"(?<![写寫])(?:写|编写|實作|实现|生成|重构|调试|修复|优化|审查|撰寫|寫|设计|移植)[^。？！\n]{0,30}"
        rf"(?:代码|程式碼|函数|函式|脚本|类(?!似)|程序|单元测试|正则|查询|爬虫|算法|缓存|堆栈"
        rf"|{_LANGUAGES}|{_TOOLS})"
    ),
    "an error to explain": (
        r"\b\w+(?:Error|Exception)\b\s*:|\b(?:segfault|stack trace|code review)\b"
    ),
    "code in Chinese words": (
        r"代码审查|这段代码|這段程式碼|下面的代码|报错信息|堆栈|快速排序|时间复杂度"
    ),
    "a tool of programmers": rf"(?<![\w-])(?:{_TOOLS})(?![\w-])|\bin (?:{_LANGUAGES})\b",
}
_REASONING = {
    # "How does it prove to the server who it is", 怎样证明域名是我的: no proofs.
    "a proof": (
        r"\bprove\b(?=\s+(?:that|by|or|the|this|every|any|there|if|for)\b)"
        r"|\bshow that\b|\b(?:proof|disprove|theorem|lemma)\b"
        r"|(?:^|[，。：；、\s请試试])(?:求证|证明|證明)(?!书|文件|材料|書)"
        r"|(?:证明|證明)[^。？！\n]{0,30}(?:数|定理|不等式|三角|收敛|连续|无穷|恒成立|可逆|數)|求证|定理"
    ),
    "a derivation": r"\b(?:derive|derivation|deduce)\b|推导|推導|演绎",
    "steps": r"\bstep[- ]by[- ]step\b|一步一步|逐步推理|分步骤|请推理",
    "mathematics": (
        r"\b(?:integral|derivative|eigenvalues?|probability that|modulo|permutations?"
        r"|combinatorics)\b|积分|导数|概率是|概率为|排列组合|求解方程|微分方程|特征值"
    ),
    "a logic puzzle": r"\b(?:logic puzzle|knights and knaves)\b|逻辑推理|逻辑题",
}
# (name, task, pattern): the one that matches first in the text wins.
_REQUESTS = (
    (
        "a translation asked for",
        "translation",
        r"\btranslat(?:e|ed|ion)\b(?![^.\n]{0,40}\b(?:python|java|rust|go|typescript|kotlin)\b)"
        r"|\b(?:english|chinese|french|german|japanese) version of\b|\brender in\b"
        r"|\bhow (?:do|would) (?:you|i) say\b|\bput this sentence into\b|\brender (?:this|the)\b"
        r"|\b(?:the|in) (?:english|chinese|french|german|japanese) for\b"
        r"|翻译(?!官)|翻譯|英译中|中译英|译成|用[^，。用]{1,4}[语文](?:怎么|如何)?说|怎么翻",
        "translate translated translation say sentence render english chinese french german "
        "japanese",
        "翻译英中译用",
    ),
    (
        "a summary asked for",
        "summarising",
        r"\bsummari[sz]e\b|\b(?:summary|abstract|overview|tl;?dr|synopsis|recap|gist)"
        r" (?:of|for|on)\b"
        r"|\btl;?dr\b"
        r"|\b(?:condense|shorten|boil|sum up|short version)\b|\bkey (?:takeaways|points|findings)\b"
        r"|\bexecutive summary\b|\bmain points\b"
        r"|总结|總結|概括|概述|摘要|归纳|浓缩|精简版|缩写(?:到|成)|要点|提炼",
        "summarize summarise summary abstract overview tl tldr synopsis recap gist "
        "condense shorten boil sum version key executive main",
        "总總概摘归浓缩精要提",
    ),
    (
        "data asked for",
        "extraction",
        r"\b(?:extract|classify|categori[sz]e)\b|^\W*(?:please )?(?:label|tag) (?:the|this|each)\b"
        r"|\b(?:which|what) category\b|\bsentiment\b|\b(?:detect|determine|identify) the intent\b"
        r"|\bpull (?:out|the)\b|\blist (?:every|all|each)\b[^.\n]{0,50}\b(?:in|from|mentioned)\b"
        r"|\b(?:as|into|to) (?:json|csv|a table)\b|\bparse\b[^.\n]{0,30}\b(?:json|fields)\b"
        r"|\bis (?:this|the) (?:message|email|comment) (?:spam|toxic)\b|\bsort these\b"
        r"|\bfind (?:the|all)\b[^.\n]{0,40}\bin (?:this|the) (?:message|text|email)\b"
        r"|\bdoes the text mention\b"
        r"|提取|抽取|分类|分為|分为|归类|属于哪一?类|情感|意图|识别|打上|找出(?:这|下|所有)[^。\n]{0,20}"
        r"|列出(?:这|下)[^。\n]{0,12}(?:中|里)|(?:整理|解析|转换|转)成|垃圾(?:信息|邮件)|文中提到|标签",
        "extract classify categorize categorise label tag category sentiment detect "
        "determine identify pull list json csv table parse spam toxic sort find mention",
        "提抽分归属情意识打找列整解转垃文标",
    ),
    (
        "something to be written",
        "chat",
        r"\b(?:write|compose|draft|create|tell me)\b[^.\n]{0,24}\b(?:poem|story|song|joke|email"
        r"|letter|speech|essay|haiku|message|slogan|dialogue|tweet|blog post|limerick"
        r"|description)\b"
        r"|(?:写|创作|讲|描写|起草|寫)(?:给)?[^。，\n]{0,14}(?:诗|故事|歌|笑话|信|邮件|作文|致辞|演讲|俳句|对话"
        r"|祝福|广告语|产品介绍|俳句|詩)",
        "write compose draft create tell",
        "写创讲描起寫",
    ),
    (
        "a proof or a calculation asked for",
        "math",
        r"^\W*(?:please )?(?:prove|derive|differentiate|integrate|factor|simplify \W?[\d(]"
        r"|show that|solve the equation)\b|^\W*(?:compute|calculate|evaluate|find) the (?:integral"
        r"|derivative|sum|eigenvalues|remainder|area|value)\b|\bprobability that\b"
        r"|\bharmonic series\b"
        r"|^\W*(?:请)?(?:证明|證明|求证|推导(?!出)|用[^，。]{1,6}推导|用数学归纳法|解方程|化简|计算|求(?:导|积分|矩阵|极限))"
        r"|的概率(?:是|为)",
        "prove derive differentiate integrate factor simplify show solve compute "
        "calculate evaluate find probability harmonic",
        "证證求推用解化计的",
    ),
    (
        "a puzzle of logic",
        "reasoning",
        r"\blogic puzzle\b|\bknaves?\b|\balways (?:lies?|tells? the truth)\b"
        r"|\bwho tells the truth\b|\bthink step by step\b|\bdeduce\b|\bfollows? logically\b"
        r"|\bacross a (?:river|bridge)\b"
        r"|\bcross a bridge\b|\bwhat comes next\b|\bfake\b[^.]{0,40}\bweigh"
        r"|逻辑|(?:总|都)说(?:真话|谎话|假话)|谁(?:说真话|在说谎)|推理|过河|过桥|找规律|用天平",
        "logic knave knaves always truth think deduce follow follows river bridge next fake",
        "逻总都谁推过找用",
    ),
)


_CODE_WORDS = {
    "a request for code": (
        "write implement create give generate refactor debug fix review optimize optimise port "
        "convert design complete"
    ),
    "an error to explain": "segfault stack code",
    "a tool of programmers": (
        "git docker dockerfile kubernetes react vue pandas numpy pytest fastapi django flask nginx "
        "npm webpack postgres postgresql mysql jsonb redis linux flexbox rest api node spring "
        "useeffect pull stack regular unit quicksort merge hash binary linked "
        + _LANGUAGES.replace("|", " ")
    ),
}
_CODE_CHARACTERS = {
    "a request for code, in Chinese": "写编實实生重调修优审撰寫设移",
    "code in Chinese words": "代這这下报堆快时",
}
_REASONING_WORDS = {
    "a proof": "prove show proof disprove theorem lemma",
    "a derivation": "derive derivation deduce",
    "steps": "step",
    "mathematics": (
        "integral derivative eigenvalue eigenvalues probability modulo permutation permutations "
        "combinatorics"
    ),
    "a logic puzzle": "logic knights",
}
_REASONING_CHARACTERS = {
    "a proof": "证證定",
    "a derivation": "推演",
    "steps": "步逐请",
    "mathematics": "积导概排求微特",
    "a logic puzzle": "逻",
}
FACT = re.compile(
    r"^(?!.*\b(?:i|my|me|we|you|better|should|follows|valid|reasonable|good|fair)\b)[^.?!]{0,80}"
    r"\b(?:who|whom|whose|in (?:what|which)|(?:for|from|by|on) (?:what|which)|which|what"
    r"|give|name|when did|where (?:is|was|in))\b[^?]{8,}\?\W*$"
    r"|^[^。？！]{0,60}(?:是谁|谁(?:发明|写|发现|提出)|哪(?:一|个|位|座|国|年|条|颗)|什么时候|有多少(?:个|种))"
    r"[^。？！]{0,40}？?\W*$",
    re.IGNORECASE | re.DOTALL,
)
"""A question of one sentence for a name, a place or a time."""


_ANNOUNCED = {
    "a fenced code block": ("```",),
    "a stack trace": ("Traceback", "at ", 'File "'),
    "a diff": ("diff --git", "@@ -", "+++ ", "--- a/"),
    "program text": (
        *("def ", "func", "fn ", "class ", "import ", "#include", "console.log"),
        *("SELECT", "select", "Select", "return ", "=>"),
    ),
}
_PROGRAM = [
    (name, each, re.compile(_CODE[name], re.IGNORECASE | re.MULTILINE))
    for name, each in _ANNOUNCED.items()
]


def program(text: str) -> str | None:
    """What program text *text* holds, whatever is said about it, or `None`."""
    for name, announced, pattern in _PROGRAM:
        if any(each in text for each in announced) and pattern.search(text):
            return name
    return None


CODE = [
    rule(name, "code", pattern, _CODE_WORDS.get(name, ""), _CODE_CHARACTERS.get(name, ""))
    for name, pattern in list(_CODE.items())[4:]
]
REASONING = [
    rule(name, "", pattern, _REASONING_WORDS[name], _REASONING_CHARACTERS[name])
    for name, pattern in _REASONING.items()
]
REQUESTS = [rule(*each) for each in _REQUESTS]
