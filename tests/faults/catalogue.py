"""The catalogue: what can go wrong in a call, and what its caller expects then.

Each row is either scripted (`scripts.CASES`), tested at another place, or decided otherwise, with
the reason. `docs/faults.md` is made of it.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.faults import pointers
from tests.faults.case import Case
from tests.faults.scripts import CASES


@dataclass(frozen=True, slots=True)
class Row:
    """One fault."""

    number: int
    title: str
    expected: str
    elsewhere: tuple[str, ...] = ()
    """Tests that hold it, as `file::function`, beside those of `CASES`."""
    decided: str = ""
    """Why it cannot apply, or is decided otherwise."""
    not_yet: str = ""
    """What of it is not kept yet."""

    @property
    def cases(self) -> tuple[Case, ...]:
        """Its scripted faults."""
        return tuple(case for case in CASES if case.row == self.number)

    @property
    def lacks(self) -> tuple[str, ...]:
        """What is not kept yet, of the row and of its cases."""
        of_cases = dict.fromkeys(case.not_yet for case in self.cases if case.not_yet)
        return tuple(filter(None, (self.not_yet, *of_cases)))

    @property
    def verdict(self) -> str:
        """right, not yet, or decided otherwise."""
        if self.lacks:
            return "not yet"
        return "decided otherwise" if self.decided else "right"


_TITLES = {
    "Connections": (
        (1, "connection refused", "a few tries, then an error that says where; cause kept"),
        (2, "host not known", "as 1; names the host, never the key"),
        (3, "TLS fails", "an error at once that says so; never without TLS"),
        (4, "no answer to connecting", "a short timer of its own"),
        (5, "reset or closed before a byte", "tried again, then elsewhere"),
        (6, "idle connection was closed", "a fresh one, without a word"),
        (7, "cut inside the headers", "tried again, then elsewhere"),
        (8, "not HTTP", "an error that says so; no storm"),
        (9, "header of 200 kB", "an error; bounded memory"),
        (10, "body shorter than announced", "at most one retry: it may have been billed"),
        (11, "silence, not streamed", "at most one retry; a deadline for all of it"),
        (12, "connection pool exhausted", "a local wait, no fault of the model"),
        (13, "proxies", "those of the environment; NO_PROXY obeyed; failures typed"),
        (14, "plain http to another machine", "refused before anything is sent"),
        (15, "redirect that keeps the method", "not followed: neither key nor prompt leaves"),
        (16, "redirect that changes the method", "not followed"),
        (17, "very large answer", "a limit, then an error"),
        (18, "compression bomb", "a limit on what it inflates to"),
    ),
    "Streams": (
        (19, "no first byte", "a timer for the first delta; tried again, then elsewhere"),
        (20, "stall in the middle", "an error with what came; before the first word tried again"),
        (21, "keep-alives for ever", "the timers count deltas, not bytes"),
        (22, "slow drip", "a deadline for the whole call"),
        (23, "closed after the head", "tried again, then elsewhere"),
        (24, "ended without an event", "an empty answer is none: tried again, then elsewhere"),
        (25, "[DONE] and nothing else", "as 24"),
        (26, "broken off in the text", "an error with what came; never another model's text"),
        (27, "cleanly ended in the text", "as 26: only a finish reason ends an answer"),
        (28, "[DONE] in the text", "as 27"),
        (29, "ended inside an event", "as 27"),
        (30, "ended inside a character", "as 27; no mangled text"),
        (31, "broken off after the finish reason", "a whole answer"),
        (32, "no [DONE]", "a whole answer"),
        (33, "last event without its blank line", "a whole answer"),
        (34, "comments", "passed over"),
        (35, "CRLF, CR, a byte at a time", "the same answer"),
        (36, "characters split anywhere", "the same answer"),
        (37, "every form the specification allows", "the same answer"),
        (38, "byte order mark", "passed over"),
        (39, "event that is not JSON", "tried again before the first word; after it an error"),
        (40, "line of plain text", "passed over; the reason, where the end lacks"),
        (41, "error object as first event", "the class its code says"),
        (42, "error object after text", "a typed error with what came"),
        (43, "error as a text", "its words kept"),
        (44, "finish reason and error object", "an error"),
        (45, "finish reason error alone", "an error"),
        (46, "vLLM's error object", "an error"),
        (47, "SiliconFlow's error object", "an error"),
        (48, "event named error", "an error; an overload may pass"),
        (49, "no choices in the middle", "passed over"),
        (50, "choices null", "passed over"),
        (51, "last event without a delta", "its finish reason kept"),
        (52, "content null", "no text"),
        (53, "finish reason twice", "said once"),
        (54, "finish reason empty", "none"),
        (55, "a vendor's own finish reason", "read as what it means; kept if it is not known"),
        (56, "usage in an event of its own", "counted once"),
        (57, "usage that grows", "counted once, not summed"),
        (58, "usage absent or null", "unknown, not 0"),
        (59, "answer not streamed", "taken as it is"),
        (60, "error not streamed, status 200", "an error with the server's words"),
        (61, "page or nothing, status 200", "tried again, then elsewhere"),
        (62, "event twice", "passed on: it cannot be told from a repeated word"),
        (63, "id or model changes", "tolerated"),
        (64, "reasoning in its variants", "kept, apart from the answer"),
        (65, "very long event", "works, in linear time"),
    ),
    "Tool calls": (
        (66, "index missing", "one call stays one"),
        (67, "index missing, two calls", "two calls stay two"),
        (68, "one index, two ids", "two calls"),
        (69, "id missing", "one is made"),
        (70, "id and name in every piece", "one name"),
        (71, "arguments that are no JSON", "never runnable"),
        (72, "cut with the stream", "an error; never runnable"),
        (73, "arguments as an object", "accepted"),
        (74, "no arguments", "{} only where the tool needs none"),
        (75, "finish stop or length", "runnable after stop, not after length"),
        (76, "tool never offered", "flagged, not runnable"),
        (77, "forced choice that a model refuses", "adapted before it is sent"),
    ),
    "Whole answers": (
        (78, "page with status 200", "tried again, then elsewhere"),
        (79, "page of a gateway", "what its status says"),
        (80, "empty or cut JSON", "tried again, then elsewhere"),
        (81, "choices empty", "as 80"),
        (82, "choices null or missing", "as 80"),
        (83, "message null or missing", "as 80"),
        (84, "error object, status 200", "the class its code says"),
        (85, "SiliconFlow's error", "the class its code says"),
        (86, "JSON that is no object", "an error"),
        (87, "empty content", "an answer; none, where JSON was asked for"),
        (88, "content in parts", "joined"),
        (89, "content type, byte order mark, blank lines", "accepted; the deadline runs"),
        (90, "finish reason null", "half an answer"),
        (91, "half characters, control characters", "accepted"),
    ),
    "Statuses": (
        (92, "context overflow in ten wordings", "typed; only a larger window is tried"),
        (93, "bad parameter", "an error at once"),
        (94, "content policy", "an error at once, typed"),
        (95, "401", "an error at once; no other model with the same key"),
        (96, "balance empty, in any disguise", "an error at once, typed"),
        (97, "403 in its meanings", "told apart by the body"),
        (98, "404", "the next model; a wrong path is said to be one"),
        (99, "405, 415, 431", "an error at once"),
        (100, "408", "tried again"),
        (101, "409", "tried again"),
        (102, "413", "an error at once"),
        (103, "422", "an error at once"),
        (104, "425", "tried again"),
        (105, "429", "tried again, then elsewhere"),
        (106, "Retry-After", "waited for, in each of its forms"),
        (107, "absurd Retry-After", "bounded; nonsense counts as not said"),
        (108, "quota used up", "an error at once, typed"),
        (109, "451", "an error at once"),
        (110, "500, 502, 503, 504", "tried again, then elsewhere"),
        (111, "501, 505", "an error at once"),
        (112, "Cloudflare's 520 to 526", "tried again; 524 once at most, it may be billed"),
        (113, "529, overloaded", "tried again, then elsewhere"),
        (114, "no channel for the model", "the next model at once"),
        (115, "x-should-retry", "false is obeyed; true does not make a wrong request right"),
        (116, "unknown statuses", "by their hundreds"),
    ),
    "Secrets": (
        (117, "key in reprs and dumps", "never"),
        (118, "key in errors and pickles", "never, at any depth"),
        (119, "key echoed by the server", "masked"),
        (120, "key or prompt in logs and traces", "never the key"),
        (121, "key with a line break or a space", "stripped, or an error that names the variable"),
        (122, "prompt in addresses and headers", "never"),
    ),
    "Processes": (
        (123, "one event loop after another", "works"),
        (124, "twenty threads", "works"),
        (125, "fork with warm connections", "the child opens its own"),
        (126, "pickle and deepcopy", "work, without connections and without the key"),
        (127, "cancelled in a stream", "at once; connection closed, nothing tried again"),
        (128, "stream left alone", "its connection is closed"),
        (129, "many streams at once", "all end, none mixes"),
        (130, "wall clock jumps", "cooldowns and deadlines do not notice"),
        (131, "interpreter ends", "no noise, no hang"),
        (132, "sync call inside a running loop", "works"),
    ),
    "Router and configuration": (
        (133, "file that cannot be read", "an error with file, line and key"),
        (134, "unknown key", "an error that suggests one"),
        (135, "unknown model in a route", "an error when it is read"),
        (136, "fallbacks in a circle", "cannot be written"),
        (137, "route named twice", "an error"),
        (138, "negative, endless, huge numbers", "an error"),
        (139, "variables in the file", "an error names the variable alone"),
        (140, "broken file while running", "the old one stays"),
        (141, "file changed while calls run", "they end as they began"),
        (142, "budget overrun by concurrent calls", "reserved before, settled after"),
        (143, "failed or cancelled attempt", "charged by its usage, else estimated and marked"),
        (144, "everybody back at once", "one probe; the rest wait or go elsewhere"),
        (145, "all models cooling down", "fails fast, or tries the least bad"),
        (146, "all models fail", "one error with every attempt"),
        (147, "key or endpoint down", "all that share it are left out together"),
        (148, "request error and circuits", "opens none"),
        (149, "retries that multiply", "one loop; never more than declared"),
        (150, "chain longer than the deadline", "one deadline; nothing hopeless is begun"),
        (151, "fallback to a model that cannot", "left out before the call, with a reason"),
        (152, "history of another family", "translated or dropped"),
        (153, "answer of another model", "the caller can see whose"),
        (154, "shared state is down", "local state; no failed call"),
    ),
}

SECTIONS: dict[str, tuple[Row, ...]] = {
    section: tuple(
        Row(
            number,
            title,
            expected,
            pointers.ELSEWHERE.get(number, ()),
            pointers.DECIDED.get(number, ""),
            pointers.NOT_YET.get(number, ""),
        )
        for number, title, expected in rows
    )
    for section, rows in _TITLES.items()
}
ROWS: tuple[Row, ...] = tuple(row for rows in SECTIONS.values() for row in rows)
