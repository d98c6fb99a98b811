"""What is asked for in so many words: the rules, in English and in Chinese.

English patterns are tried where one of the words after them occurs. In Chinese ones each
alternative begins with a character.
"""

from __future__ import annotations

import re

from globalapi_core.signals.rules import rule, together

_LANGUAGES = (
    r"python|javascript|typescript|java|rust|golang|go|c\+\+|c#|kotlin|swift|php|ruby|sql|bash|"
    r"shell|html|css|regex|regexp"
)
_TOOLS = (
    r"git|docker(?:file)?|kubernetes|k8s|react|vue|pandas|numpy|pytest|fastapi|django|flask|nginx|"
    r"npm|webpack|postgres(?:ql)?|mysql|sqlite|jsonb|redis|kafka|terraform|linux|flexbox|rest api|"
    r"api|node\.js|spring boot|useeffect|pull request|stack trace|regular expression|unit tests?|"
    r"quicksort|merge sort|hash (?:map|table)|binary (?:tree|search)|linked list|bloom filter|"
    r"time complexity|data structures?|(?:depth|breadth)-first search|dynamic programming|"
    r"(?:left|right|inner|outer|cross|full) join|group by|subquery|window function|cte|"
    r"foreign key|isolation level|stored procedure|cron(?:tab)?|localhost|load balancer|stdout"
)
_TOOLS_IN_CHINESE = (
    "快速排序|归并排序|时间复杂度|布隆过滤器|数据结构|哈希表|二叉树|链表|子查询|窗口函数|隔离级别|存储过程|外键"
    "|负载均衡|深度优先|广度优先|动态规划"
)
_TOOL_WORDS = (
    "git docker dockerfile kubernetes k react vue pandas numpy pytest fastapi django flask nginx "
    "npm webpack postgres postgresql mysql sqlite jsonb redis kafka terraform linux flexbox rest "
    "api node spring useeffect pull stack regular unit quicksort merge hash binary linked bloom "
    "time data depth breadth dynamic join group subquery window cte foreign isolation stored cron "
    "crontab localhost load stdout "
) + _LANGUAGES.replace("|", " ")
_SPOKEN = (
    "english|chinese|mandarin|cantonese|french|german|japanese|korean|spanish|italian|portuguese"
    "|russian|arabic|hindi|thai|vietnamese|latin"
)

_CLAIM = r"(?=\s+(?:that|by|or|the|this|every|any|there|if|for)\b)"
"""What follows a proof asked for: not "prove your identity"."""
_PROOF = (
    r"明(?<=[证證].)(?<![^，。：；、\s请請试試么麼何样樣并來来]..)"
    r"(?![书書]|[^。？！\n]{0,8}(?:身份|是我的|清白|材料|文件|所有权|有效期))"
)
"""A proof asked for in Chinese, where the same word is a certificate."""

CODE = together(
    rule(
        "a request for code",
        "code",
        r"\b(?:write|implement|create|give me|generate|refactor|rewrite|debug|fix|review"
        r"|optimi[sz]e|port|convert|design|complete)\b[^.?!\n]{0,60}\b(?:code|function|script"
        r"|class|method|unit tests?|program|query|crawler|algorithm|cache|endpoint|subquery|index"
        r"|rate limiter|thread pool|merge sort|workflow|decorator|middleware|parser"
        rf"|data structure|{_LANGUAGES}|{_TOOLS})\b",
        "write implement create give generate refactor rewrite debug fix review optimize optimise "
        "port convert design complete",
    ),
    rule(
        "a request for code, in Chinese",
        "code",
        r"(?!)",
        "",
        r"(?:写(?<![写寫改缩]写)|改写|寫|编写|實作|实现|生成|重构|调试|修复|优化|审查|撰|设计|移植|给我|建)"
        r"[^。？！\n]{0,30}"
        r"(?:代码|程式碼|函数|函式|脚本|类(?!似|型)|程序|单元测试|正则|查询|爬虫|算法|缓存|堆栈|数据结构|索引"
        r"|限流器|线程池|工作流|装饰器|中间件|解析器|接口"
        rf"|{_LANGUAGES}|{_TOOLS}|{_TOOLS_IN_CHINESE})",
    ),
    rule(
        "an error to explain",
        "code",
        r"\b(?:segfault|stack trace|code review)\b",
        "segfault stack code",
    ),
    rule(
        "code at hand",
        "code",
        r"\b(?:this|following) (?:code|function|script|snippet)\b|\bmy code\b"
        r"|\bcode (?:below|above|review)\b|\bthis stack trace\b",
        "code function script snippet stack",
        r"代码审查|这段代码|這段程式碼|下面的代码|以下代码|我的代码|这个函数|这个脚本|报错信息|堆栈",
    ),
    rule(
        "a tool of programmers",
        "code",
        rf"(?<![\w-])(?:{_TOOLS})(?![\w-])|\bin (?:{_LANGUAGES})\b",
        _TOOL_WORDS,
        _TOOLS_IN_CHINESE,
    ),
)
REASONING = together(
    # "How does it prove to the server who it is", 怎样证明域名是我的: no proofs.
    rule(
        "a proof",
        "",
        rf"\bprove\b{_CLAIM}|\bshow that\b|\b(?:disprove|theorem|lemma)\b"
        r"|\bproof\b(?! of (?:purchase|address|payment|identity|delivery|concept|residence|income"
        r"|insurance|employment|ownership|life)\b)",
        "prove show proof disprove theorem lemma",
        rf"{_PROOF}"
        r"|明(?<=[证證].)(?=[^。？！\n]{0,30}"
        r"(?:数|定理|不等式|三角|收敛|连续|无穷|恒成立|可逆|正确性|數))"
        r"|求证|定理|给出证明",
    ),
    rule(
        "a derivation",
        "",
        r"\b(?:derive|derivation|deduce)\b",
        "derive derivation deduce",
        r"推导|推導|演绎|导出(?=[^。？！\n]{0,16}(?:公式|方程|定理|定律|表达式|关系式))",
    ),
    rule(
        "steps",
        "",
        r"\bstep[- ]by[- ]step\b",
        "step",
        r"一步一步|逐步推理|分步骤|请推理",
    ),
    rule(
        "mathematics",
        "",
        r"\b(?:integral|derivative|eigenvalues?|probability that|modulo|permutations?"
        r"|combinatorics|maximum likelihood)\b"
        r"|\bsolve\b[^.?!\n]{0,40}(?:=|\bequations?\b)",
        "integral derivative eigenvalue eigenvalues probability modulo permutation permutations "
        "combinatorics likelihood solve",
        r"积分|导数|概率是|概率为|排列组合|求方程|解方程|解[^。？！\n]{0,20}=|微分方程|特征值|最大似然",
    ),
    rule(
        "a logic puzzle",
        "",
        r"\b(?:logic puzzle|knights and knaves)\b",
        "logic knights",
        r"逻辑推理|逻辑题",
    ),
)
REQUESTS = together(
    rule(
        "a translation asked for",
        "translation",
        r"\btranslat(?:e|ed|ion)\b(?![^.\n]{0,40}\b(?:python|java|rust|go|typescript|kotlin)\b)"
        rf"|\b(?:{_SPOKEN}) version of\b|\brender in\b|\bhow (?:do|would) (?:you|i) say\b"
        r"|\bput this sentence into\b|\brender (?:this|the)\b|\b(?:the|in) (?:"
        rf"{_SPOKEN}) for\b|^what(?:'s| is| does)[^?\n]{{1,60}}\bin (?:{_SPOKEN})\?",
        "translate translated translation say sentence render " + _SPOKEN.replace("|", " "),
        r"翻(?:译(?!官)|譯|成|一下(?=[^。\n]{0,6}[：:]))|英译中|中译英|译成|译为|用[^，。用]{1,4}[语文](?:应?该)?(?:怎么|如何)?(?:说|表达)|怎么翻",
    ),
    rule(
        "a summary asked for",
        "summarising",
        r"\bsummari[sz]e\b|\b(?:summary|abstract|overview|tl;?dr|synopsis|recap|gist)"
        r" (?:of|for|on)\b|\btl;?dr\b"
        r"|\b(?:condense|shorten|boil|sum up|short version)\b|\bkey (?:takeaways|points|findings)\b"
        r"|\bexecutive summary\b|\bmain points\b|\bin a nutshell\b",
        "summarize summarise summary abstract overview tl tldr synopsis recap gist "
        "condense shorten boil sum version key executive main nutshell",
        r"总结|總結|概括|概述|摘要|归纳(?!法)|浓缩|精简版|缩写(?:到|成)|要点|提炼",
    ),
    rule(
        "data asked for",
        "extraction",
        r"\b(?:extract|classify|categori[sz]e)\b|^\W*(?:please )?(?:label|tag) (?:the|this|each)\b"
        r"|\b(?:which|what) category\b|\bsentiment\b|\b(?:detect|determine|identify) the intent\b"
        r"|\bpull (?:out|the)\b|\blist (?:every|all|each)\b[^.\n]{0,50}\b(?:in|from|mentioned)\b"
        r"|\b(?:as|into|to) (?:json|csv|a table)\b|\bparse\b[^.\n]{0,30}\b(?:json|fields)\b"
        r"|\bis (?:this|the) (?:message|email|comment) (?:spam|toxic)\b|\bsort these\b"
        r"|\bfind (?:the|all)\b[^.\n]{0,40}\bin (?:this|the) (?:message|text|email)\b"
        r"|\bdoes the text mention\b",
        "extract classify categorize categorise label tag category sentiment detect "
        "determine identify pull list json csv table parse spam toxic sort find mention",
        r"提取|抽取|分类|分為|分为|归类|属于哪一?类|情感|意图|识别|打上"
        r"|找出(?:这|下|所有)[^。\n]{0,20}|列出(?:这|下)[^。\n]{0,12}(?:中|里)"
        r"|列出[^。，\n]{0,24}(?:提到|出现)"
        rf"|整理成|解析成|转换?成(?! ?(?:{_LANGUAGES}))|垃圾(?:信息|邮件)|文中提到|标签",
    ),
    rule(
        "something to be written",
        "chat",
        r"\b(?:write|compose|draft|create|tell me)\b[^.\n]{0,24}\b(?:poem|story|song|joke|e?-?mail"
        r"|letter|speech|essay|haiku|message|slogan|dialogue|tweet|blog post|limerick|invitation"
        r"|reminder|announcement|apology|note|notice|incident report|caption|toast|lyrics"
        r"|description)\b",
        "write compose draft create tell",
        r"润色|(?:写|寫|创作|讲|描写|起草|拟|生成)(?:给)?[^。，\n]{0,16}"
        r"(?:诗|故事|歌|笑话|信(?!息)|邮件|作文|致辞|演讲|俳句|对话|祝福|广告语|产品介绍|詩|通知|公告|邀请"
        r"|催款函|请假条|事故说明|留言|文案|标题党|情书)",
    ),
    rule(
        "a proof or a calculation asked for",
        "math",
        rf"\b(?:prove|disprove)\b{_CLAIM}"
        r"|^\W*(?:please )?(?:derive|differentiate|integrate|factor|simplify \W?[\d(]"
        r"|show that|solve (?:the|this|these) (?:\w+ )?equations?)\b"
        r"|^\W*(?:compute|calculate|evaluate|find) the (?:integral"
        r"|derivative|sum|eigenvalues|remainder|area|value|mean|median|variance|expected"
        r"|maximum likelihood)\b|\bprobability that\b|\bharmonic series\b|\bmaximum likelihood\b",
        "prove disprove derive differentiate integrate factor simplify show solve compute "
        "calculate evaluate find probability harmonic likelihood",
        rf"{_PROOF}|^\W*(?:请)?(?:求证|推导(?!出)|用[^，。]{{1,6}}推导|用数学归纳法|求?解[^。？！\n]{{0,4}}方程|化简"
        r"|计算"
        r"|求(?:导|积分|矩阵|极限))"
        r"|的概率(?:是|为)|给出证明|最大似然"
        r"|则(?<![规規原否法守准细]则)[^。，？！\n]{1,16}(?:=|等于)|(?:焦点坐标|离心率|最小正周期|解集)(?:是|为)"
        r"|求[^。，？！\n]{0,12}(?:通项|最[大小]值|极值|定义域|值域|单调)"
        r"|导出[^。？！\n]{0,16}(?:公式|方程|定理|定律|表达式|关系式)",
    ),
    rule(
        "a puzzle of logic",
        "reasoning",
        r"\blogic puzzle\b|\bknaves?\b|\balways (?:lies?|tells? the truth)\b"
        r"|\bwho tells the truth\b|\bthink step by step\b|\bdeduce\b|\bfollows? logically\b"
        r"|\bacross a (?:river|bridge)\b"
        r"|\bcross a bridge\b|\bwhat comes next\b|\bfake\b[^.]{0,40}\bweigh"
        r"|\bsatisf(?:y|ies) all\b|\ball (?:the )?constraints\b",
        "logic knave knaves always truth think deduce follow follows river bridge next fake "
        "satisfy satisfies constraints",
        r"逻辑|总说(?:真话|谎话|假话)|都说(?:真话|谎话|假话)|谁(?:说真话|在说谎)|推理|过河|过桥|找规律|用天平"
        r"|满足(?:所有|全部)|所有约束|能否推出|能推出(?:什么|以下|哪)"
        r"|他们(?:各自|分别)[^。？！\n]{0,6}(?:职业|来自|名次)",
    ),
)
FACT = re.compile(
    r"^(?!.*\b(?:i|my|me|we|you|better|should|follows|valid|reasonable|good|fair)\b)[^.?!]{0,80}"
    r"\b(?:who|whom|whose|in (?:what|which)|(?:for|from|by|on) (?:what|which)|which|what"
    r"|give|name|when did|where (?:is|was|in))\b[^?]{8,}\?\W*$"
    r"|^[^。？！]{0,60}(?:是谁|谁(?:发明|写|发现|提出)|哪(?:一|个|位|座|国|年|条|颗)|什么时候|有多少(?:个|种))"
    r"[^。？！]{0,40}？?\W*$",
    re.DOTALL,
)
"""A question of one sentence for a name, a place or a time, in lower case."""
