"""Numbers and units as words, in English and Portuguese. *One* is left out: it is an article as well."""

from __future__ import annotations

from typing import Final

NUMBER_WORDS: Final = {
    "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11,
    "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16, "seventeen": 17, "eighteen": 18,
    "nineteen": 19, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80,
    "ninety": 90, "hundred": 100, "dois": 2, "duas": 2, "três": 3, "tres": 3, "quatro": 4, "cinco": 5, "seis": 6,
    "sete": 7, "oito": 8, "nove": 9, "dez": 10, "onze": 11, "doze": 12, "treze": 13, "quatorze": 14, "catorze": 14,
    "quinze": 15, "dezesseis": 16, "dezessete": 17, "dezoito": 18, "dezenove": 19, "vinte": 20, "trinta": 30,
    "quarenta": 40, "cinquenta": 50, "sessenta": 60, "setenta": 70, "oitenta": 80, "noventa": 90, "cem": 100,
}  # fmt: skip
UNITS: Final = {
    word: unit
    for unit, words in {
        "second": "second seconds segundo segundos",
        "minute": "minute minutes min minuto minutos",
        "hour": "hour hours hora horas h",
        "day": "day days dia dias",
        "week": "week weeks semana semanas",
        "month": "month months mês mes meses",
        "year": "year years ano anos",
        "kg": "kg kgs kilo kilos kilogram kilograms quilo quilos",
        "g": "g gram grams grama gramas",
        "km": "km kms",
        "m": "m metre metres meter meters metro metros",
        "cm": "cm",
        "mm": "mm",
        "l": "l litre litres liter liters litro litros",
        "ml": "ml",
        "instalment": "x instalment instalments installment installments parcela parcelas vez vezes times",
        "unit": "unit units unidade unidades piece pieces peça peças item items itens",
    }.items()
    for word in words.split()
}
