"""Cedar that people write: what its parser can be given without harm to the process."""

import re

MOST_CHARACTERS = 10_000  # of one policy, as AWS has it; longer chains of operators overflow the parser's stack
MOST_BRACKETS = 200  # within one another, between 500 and 1,000 end the process
MOST_DOTS = 500  # `has a.b.c…` takes time as the cube of its length: half a minute for 5,000

_TOKENS = re.compile(r'"(?:\\.|[^"\\])*"|//[^\n\r]*|[;.(\[{]', re.DOTALL)


def excess(policies: str) -> str | None:
    """Why these policies are too much for the parser, which recurses; None when they are not."""
    brackets = dots = start = 0
    for token in _TOKENS.finditer(policies):
        match token.group():
            case ";":
                if token.end() - start > MOST_CHARACTERS:
                    break
                brackets, dots, start = 0, 0, token.end()
            case ".":
                dots += 1
            case "(" | "[" | "{":
                brackets += 1
        if brackets > MOST_BRACKETS:
            return f"A policy has at most {MOST_BRACKETS} opening brackets."
        if dots > MOST_DOTS:
            return f"A policy has at most {MOST_DOTS} dots."
    return f"A policy has at most {MOST_CHARACTERS} characters." if len(policies) - start > MOST_CHARACTERS else None
