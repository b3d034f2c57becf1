"""``scalor weights``: what the package brings along."""

import json

from jsonargparse import Namespace

from scalor.cli.parser import Parser

LONG = ("config", "validation", "check")
"""Parts of a card that only machines read."""

HELP = "list the packaged weights with their cards"


def parser() -> Parser:
    made = Parser(description="Print the name and the card of every packaged set of weights.")
    made.add_argument("--json", action="store_true", help="print one JSON object, with every setting")
    return made


def run(args: Namespace) -> None:
    from scalor import pretrained

    cards = {name: pretrained.card(name) for name in pretrained.names()}
    if args.json:
        print(json.dumps(cards, indent=2))
        return
    for name, card in cards.items():
        print(name)
        for key, value in card.items():
            if key in LONG:
                continue
            print(f"    {key}: {value if isinstance(value, str) else json.dumps(value)}")
