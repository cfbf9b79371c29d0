"""Which contact of the company a question asks for: its phone, its address, its CNPJ. The answer to it is knowledge."""

from __future__ import annotations

import re
from typing import Final

# Whoever asks for a person in charge wants to know how to get there: "com quem falo sobre boletos?", "who is your …?"
_WHO: Final = (
    r"(?:com|para|por|pra) quem|quem (?:e|sao|cuida|atende)|(?:a|con) quien|quien(?:es)? (?:es|son|atiende)|"
    r"who (?:is|are|do|does|can|should|must|handles) (?:your|the|in|i|we)|whom"
)
# By the code of the kind of personal data; matched against the plain form of a question (lower case, no accents).
_ASKED: Final = {
    "phones": r"whats ?\w*|zap|wpp|telefones?|fone|celular|phone|numbers? (?:to|for|of|do)|numero|call|hotline|helpline|"
    r"ligar|ligo|contat\w*|contact\w*|telefono|llam\w+|sac|atendimento|atendente|reach|talk to|speak (?:to|with)|falar com|"
    rf"falo com|{_WHO}",
    "emails": r"e ?mails?|correo|contat\w*|contact\w*|write|escrev\w+|escrib\w+|reach|atendimento|falar com|falo com|"
    rf"{_WHO}",
    "addresses": r"onde|aonde|endereco|localiza\w*|fica\w*|where|address|located|location|donde|direccion|ubica\w*|lojas?|tiendas?|sucurs\w+|"
    r"unidades?|filia(?:l|is)|chegar|stores?|shops?|branch\w*|offices?|visit\w*|retirar|retirada|pick ?up|devolv\w+|return\w*",
    "postal_codes": r"cep|zip|postal|onde|endereco|localiza\w*|fica\w*|where|address|located|donde|direccion|loja|chegar|"
    r"devolv\w+|return\w*",
    "cnpj": r"cnpj|razao social|dados d[ae] (?:empresa|loja)|nota fiscal|tax (?:id|number)|registration|company number|pix",
    "bank_accounts": r"pix|conta|banco|bank|iban|account|deposit\w*|transfer\w*|cuenta",
    "cpf": r"pix",
    "names": r"(?:seu|teu|your|tu|su) (?:nome|name|nombre)|quem (?:e|sao) (?:voces?|vc|o|a|os|as)|who (?:are|is|am)|quien|"
    r"(?:se|te) (?:chama\w*|llama\w*)|called|chama|nome d[aeo]|name of|responsavel|dono|owner|founder|fundador\w*",
}
_PATTERNS: Final = {code: re.compile(rf" (?:{pattern})(?= )") for code, pattern in _ASKED.items()}
# A value of the customer, not of the company: "qual e-mail está no meu cadastro", "my phone number".
_OF_CUSTOMER: Final = re.compile(
    r"\b(?:meu|minha|my|mi|dele|dela|his|her|their)\s(?:\w+\s)?"
    r"(?:telefones?|fone|celular|whats ?\w*|e ?mails?|endereco|cep|cpf|cnpj|conta|phone|number|address|zip|account|"
    r"telefono|correo|direccion|cuenta|nome|name|nombre|cadastro|record)\b|\b(?:cadastrad[oa]s?|registered|on file)\b"
)
_LONGEST: Final = 300  # letters: in a longer text something is told, not asked
_NONE: Final = frozenset[str]()


def kinds_asked_for(question: str) -> frozenset[str]:
    """The kinds of personal data that a question asks the company for.

    Args:
        question: its plain form; see :func:`studio.data.text.plain`.

    Returns:
        Codes such as ``phones``; none where the question is about the customer's own.
    """
    if len(question) > _LONGEST or _OF_CUSTOMER.search(question):
        return _NONE
    words = f" {question} "
    return frozenset(code for code, pattern in _PATTERNS.items() if pattern.search(words))
