"""How English answers decline: the words, in lower case and with straight apostrophes."""

from __future__ import annotations

import re

from globalapi_core.refusals.words import any_of, spread

_ADVERBS = any_of(
    *spread("really simply just also currently genuinely personally therefore absolutely still"),
    *spread("unfortunately actually directly ethically knowingly legally respectfully definitely"),
    *("in good conscience,?", "ever", "be able to", "and will not", "and won't", "or will not"),
)
_ADVERBS = f"(?:{_ADVERBS} )*"

_VERBS = any_of(
    r"help(?! (?:but|feeling|noticing|wondering|thinking|laughing|smiling))",
    *spread("assist aid provide give create generate produce compose draft share comply support"),
    *spread("engage participate discuss answer respond reply offer proceed facilitate promote"),
    *spread("disclose reveal continue advise teach describe pretend comment opine speculate"),
    *spread("satisfy accommodate perform access browse predict encourage endorse enable"),
    *spread("instruct impersonate diagnose prescribe express search send place book say"),
    *spread("verify hack bypass"),
    r"be \w+ing",
    *("fulfill?", "honou?r", "role-?play", "write(?! to)", "take part", "carry out", "go along"),
    r"do (?:that|this|so|it|what|anything)",
    r"complete (?:this|that|the|your)",
    r"be (?:part|involved|of)",
    r"recommend(?! (?:\w+ ){1,4}enough)",
    *("explain how", "show you", "talk about", "walk you", "guide you", "form opinions"),
    r"tell (?:you|jokes|stories)(?! (?:how|whether|if|which|apart))",
    r"speak (?:on|about|to)",
    r"make (?:that|this|jokes|up|content|such|fun|a prediction|predictions)",
    r"(?:process|handle) (?:this|that|your)",
    r"translate (?:this|that)",
    r"reproduce (?:the (?:full|lyrics|text|entire|book|song)|copyright|lyrics|song)",
    r"take (?:sides|a (?:position|stance))",
    r"look (?:up|into)",
    r"have (?:an? |this )?(?:personal )?(?:opinions?|views?|conversation)",
    "in good conscience",
)
_VERBS = rf"{_VERBS}\b"

_NOT = any_of(
    *("can't", "cannot", "can not", "couldn't", "could not", "won't", "will not"),
    *("shouldn't", "should not", "must not"),
)
_NOT_ABLE = any_of(
    *spread("able going permitted allowed equipped designed programmed willing here built trained"),
    *("authori[sz]ed", "in a position"),
)
_RULES = any_of(
    *spread("guidelines programming instructions policy policies purpose design training role"),
    *("principles", "rules"),
)
_FORBID = any_of(
    *spread("prevent prohibit don't doesn't won't forbid restrict"),
    *("do not", "does not", "not allow"),
)

DECLINES = re.compile(
    any_of(
        rf"(?:but |and )?i {_ADVERBS}{_NOT} {_ADVERBS}{_VERBS}",
        rf"i(?:'m| am) {_ADVERBS}(?:not {_NOT_ABLE}|unable|prohibited|forbidden|restricted) "
        rf"(?:to|from) {_ADVERBS}(?:{_VERBS}|\w+ing\b)",
        r"i(?:'m| am) (?:really )?(?:not|un) ?comfortable\b",
        r"i (?:do not|don't) feel (?:comfortable|able|right)\b",
        r"(?:that's|this is|that is) (?:a|one) [^.,]{0,20}i (?:have to|must|need to|will) "
        r"(?:decline|refuse|turn down|pass on)",
        r"i(?:'ll| will| must| have| need|'m going| am going|'m afraid i)? (?:have )?(?:to )?"
        r"(?:have to )?(?:(?:respectfully|politely|firmly|kindly|also) )*"
        r"(?:decline|refuse|refrain|abstain)\b"
        r"(?! (?:the|your|an|this) (?:offer|invitation|meeting|role|job|position))",
        r"i(?:'d| would) (?:rather|prefer) (?:not|to not)\b",
        r"i (?:do not|don't) think i (?:should|can)",
        r"i (?:do not|don't) think (?:that's|this is|that is|it's) something i\b",
        r"i (?:do not|don't) think it(?:'s| is| would be) (?:appropriate|right|ethical)",
        r"i (?:do not|don't) have (?:the (?:ability|capability|capacity|means)|access to|"
        r"permission|personal (?:opinions|views|beliefs))",
        r"i (?:do not|don't) (?:provide|create|generate|produce|assist|engage|support|"
        r"participate|offer|share|help|condone|promote)\b",
        r"(?:that|this|it)(?:'s| is) (?:really )?not (?:something|a (?:topic|subject|request|"
        r"question)) (?:that )?i\b",
        r"[^.:,]{3,80} (?:is not|isn't) something i (?:can|could|am able|'m able|will|would)\b",
        r"(?:that|this|it) isn't (?:something|a (?:topic|request|question)) (?:that )?i\b",
        r"(?:that|this|it)(?:'s| is) something (?:that )?i (?:can't|cannot|won't|will not|am not)",
        r"(?:that|this|it)(?:'s| is) something i'm not",
        r"[^.]{0,70}(?:\bviolates?|\bgoes against|\bis against|'s against|\bconflicts with|"
        r"\bbreach(?:es)?|would violate) (?:\w+ ){0,2}?"
        r"(?:my|our|openai(?:'s)?|content|usage|safety|ethical|community)\b",
        r"(?:(?:that|this|it|your (?:request|question)|the request)"
        r"(?:'s| is| falls| goes| would be)?|'s) (?:beyond|outside) (?:of )?"
        r"(?:my|the scope of (?:my|what i))",
        rf"(?:my|our) (?:\w+ ){{0,2}}{_RULES}\b[^.]{{0,30}}{_FORBID}",
        r"it(?:'s| is| would be| wouldn't be| isn't| is not) (?:not )?"
        r"(?:inappropriate|unethical|irresponsible|appropriate|right|ethical|possible) for me to",
        r"i(?:'m| am| can)? only (?:able to )?(?:help|assist|answer|discuss|respond)",
    )
)
"""The words that decline."""

_TRIED = any_of(
    *spread("find see locate identify detect determine read parse reproduce recall remember tell"),
    *spread("imagine believe wait agree guarantee attend come join connect compile confirm be"),
    *spread("stress emphasi[sz]e thank blame speak"),
    *("make it", "say (?:for|with)", "help (?:but|feeling|noticing|wondering|thinking)"),
)
DECLINES_LED = re.compile(
    rf"(?:but )?i(?: {_ADVERBS}{_NOT}|(?:'m| am) {_ADVERBS}(?:unable to|not able to)) {_ADVERBS}"
    rf"(?!{_TRIED}\b)\w+"
)
"""The same after an apology, or after "as an AI": any verb but those of a failed search."""

LEADS = any_of(
    r"(?:i'm|i am|we're) (?:(?:so|very|really|truly|deeply|genuinely|terribly) )*"
    r"(?:sorry|afraid)(?: (?:to|for|about|if|that you)\b[^,.;:!]*)?",
    r"(?:i (?:do )?)?(?:sincerely )?apologi[sz]e(?: for\b[^,.;]*)?",
    r"(?:my (?:sincere )?)?apologies(?: for\b[^,.;]*)?",
    *("sorry(?: about that)?", r"that(?= i\b)", "ok(?:ay)?"),
    *spread("unfortunately regrettably sadly however but and so thus therefore nope no"),
    *spread("currently well hello hmm look"),
    *("at this time", "at the moment", "hi there", "hi"),
    r"thank(?:s| you) for\b[^,.;!]*",
    r"(?:i|while i|although i|though i) (?:(?:can|do|fully|completely|really) )*"
    r"(?:understand|appreciate|see|hear|reali[sz]e|recognize|know|get)\b[^,.;]*",
    r"(?:as|being) an? [^,.;]*?(?=,| i\b)",
    r"i(?:'m| am) (?:just |only )?an? [^,.;]*?(?=[,.;]| (?:and|but|so) i\b)",
    r"(?:for|due to|given|because of|in (?:accordance|line|keeping) with|per|under) [^,.;]{3,90}"
    r"(?=,)",
    r"to be (?:honest|clear|direct|transparent)",
    *(r"with (?:all )?(?:due )?respect", "in good conscience", "(?:having|with)? ?that said"),
)
"""What stands before them: an apology, who speaks, what was understood."""

MANNERS = r"sorry|afraid|apolog|unfortunately|regret|\b(?:as|being|i'm|i am) (?:just )?an? "
"""Which of these make a refusal of more that follows."""

CLAUSE_BEFORE = re.compile(
    r"(?!.*\b(?:say|says|said|saying|repl(?:y|ies|ied)|respond(?:s|ed)?|answer(?:s|ed)|message|"
    r"error|when|if|tells?|told|phrase|write|means?|refus\w+|declin\w+|translat\w+|model|bot|"
    r"assistant)\b)[^:\n]{8,130}?"
    r"(?:, (?:and |so |but |therefore )?|; (?:therefore,? |so )?|[—–] ?|, which is why )"
    r"(?=i(?:'m| am| can| won| will| must| have| do| need)\b)"
)
"""A clause that gives the reason first: "that is illegal, so"."""

IN_CONTEXT = any_of(
    r"(?:based on|from|in|within|with|by|using) (?:(?:any of )?(?:the|this|these) )?"
    r"(?:(?:provided|given|available|supplied|above|retrieved|current) )*"
    r"(?:context|documents?|passages?|texts?|sources?|excerpts?|materials?|article|snippets?|"
    r"report|files?|knowledge base|data (?:provided|given)|information (?:provided|given|available|"
    r"i have))",
    r"(?:without|until) (?:more|further|additional|your|any|seeing|knowing|having|you)\b",
    r"(?:without|until) the (?:context|full|exact|file|code|image|attachment|text|data|table)",
)
"""What is missing is not the will but the text to answer from."""

OFFERS = any_of(
    r"\bwhat i can",
    r"\bi(?:'m| am|'d| would| can|'ll| could| will)? (?:(?:also|still|certainly|instead) )*(?:be )?"
    r"(?:happy|glad|able|here|more than happy|help|assist|offer|provide|suggest|share|discuss|"
    r"explain|try|always|encourage|recommend|strongly|urge|do my best|answer|point you|talk|write|"
    r"understand|want)",
    r"\b(?:let me know|feel free|please|if you|would you like|is there|can i|what else|happy to)",
    r"\bhow (?:else )?(?:can|may) i",
    r"\b(?:consult|contact|reach out|let's|thank you|thanks|sorry)",
    r"\bthere(?:'s| is) (?:help|support)",
    r"\byou(?:'re| are) not alone",
    r"\byou (?:may|might|can|could|should) (?:want|wish|consider|contact|reach|try|check|consult|"
    r"visit|seek|find|ask|also|refer|look|see|speak|talk)",
    r"\bmy (?:purpose|goal|aim|role)",
    r"\bi(?:'m| am) (?:designed|programmed|built|trained|an ai|committed)",
)
"""What follows a refusal and is no answer: other help, an address, good wishes."""

BUT = any_of(
    *spread("but however though although instead still nevertheless generally typically roughly"),
    *("that said", "in general", "yet"),
)

HINTS = (
    *(
        "can't",
        "cannot",
        "can not",
        "couldn't",
        "could not",
        "won't",
        "will not",
        "don't",
        "do not",
    ),
    *("unable", "shouldn't", "should not", "must not", "not able", "not allowed", "not permitted"),
    *("not willing", "comfortable", "not authori", "not going", "not something", "isn't something"),
    *("something i", "isn't a ", "not a ", "not programmed", "not designed", "not equipped"),
    *("not built", "not trained", "not here", "not appropriate", "inappropriate", "unethical"),
    *("not right", "not ethical", "irresponsible", "decline", "refuse", "refrain", "abstain"),
    *(
        "turn down",
        "not in a",
        "rather not",
        "prefer not",
        "prefer to not",
        "only able",
        "can only",
        "i only",
        "am only",
    ),
    *("beyond my", "beyond the scope", "outside my", "outside of my", "outside the scope"),
    *("against", "violat", "conflicts with", "breach", "prevent", "prohibit", "forbid", "restrict"),
)
"""Without one of these no answer declines."""
