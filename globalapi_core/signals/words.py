"""Words by which a sentence of Latin letters shows whose grammar holds it."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


PERSONS = _words(
    "i i'm i've i'd i'll me my mine we we're we've our us you your you're it its it's they their "
    "he she his her him them this that these those there please pls thanks sorry"
)
"""Who speaks or is spoken to: with one of them, some words are a sentence."""
QUESTIONS = _words("how what why when where which who whose what's how's where's who's")
AUXILIARIES = _words(
    "am is are was were be been do does did don't doesn't didn't isn't aren't wasn't can could "
    "can't couldn't should would will won't shall may might must have has had let's"
)
ARTICLES = _words("a an the there this that")
ORDERS = _words(
    "translate explain write give show tell make find fix summarize summarise use rewrite correct "
    "classify label extract convert turn proofread review set add list create draft describe "
    "compare check build generate book recommend help proofread sort pretend list"
)
"""Verbs that an English request may begin with."""
ENGLISH = (
    PERSONS
    | QUESTIONS
    | AUXILIARIES
    | ARTICLES
    | ORDERS
    | _words(
        "into to of in on for from with by at as and or not but if than then so because about "
        "after before between over up out off just still only also very need want get "
        "think know like love hope see no any some"
    )
)
FOREIGN = _words(
    # Spanish, Portuguese, Italian, Catalan
    "el la los las un una unos de del que qué y en por para con como cómo es está son mi tu su "
    "quiero puedo cuánto dónde cuando hola gracias favor buenos buenas o os um uma não com meu "
    "minha eu você como faço para obrigado il lo gli della di che è sono qual quale come dove "
    "ciao grazie voglio posso ho mio mia "
    # French
    "le les des du et est sont je j'ai tu il elle nous vous mon ma mes votre notre voudrais "
    "bonjour merci où pourquoi comment quel quelle cette ce qu'est-ce c'est pour dans avec pas "
    # German, Dutch, the North
    "der die das den dem ein eine einen und ist sind ich du er sie bedeutet wir ihr mein meine "
    "nicht wie wo "
    "was warum bitte können kann danke guten über für mit auf von zu het een ik jij hij wij mijn "
    "niet hoe waar heb hebben over och är jag du hur vad mitt inte og er jeg det hvad "
    # Polish, Czech, Romanian, Hungarian, Turkish
    "jak co gdzie jest nie się mogę moje proszę dziękuję kde je jsem mám děkuji cum este sunt unde "
    "cât nu și vreau bir ve bu ne nasıl nerede değil için istiyorum hogyan hol egy és nem "
    # Japanese in Latin letters
    "arigatou arigato gozaimasu konnichiwa konbanwa ohayou sayonara sumimasen gomen gomennasai "
    "desu deshita masu masen kudasai onegaishimasu watashi anata boku wa wo doko nani genki ikura "
    "itsu nihongo daijoubu hai iie "
    # Indonesian, Vietnamese, Tagalog
    "saya ingin ini itu yang dan tidak apa bagaimana di dengan untuk terima kasih tôi không của "
    "là có muốn làm ang ng ako mga po"
)
