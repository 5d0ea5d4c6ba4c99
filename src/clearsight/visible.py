"""Text of strangers made safe to show: control characters, which reorder, hide or break text, are made visible."""

import unicodedata


def visible(text: str) -> str:
    """The text with every control, formatting and unpaired character spelled out, as in "[U+202E]".

    Line breaks and tabs become spaces. Joiners that emoji and several scripts need are kept.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(_shown(character) for character in text)


def _shown(character: str) -> str:
    if character in "\n\r\t":
        return " "
    if character in "\u200c\u200d\u00ad":
        return "" if character == "\u00ad" else character
    if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"):
        return f"[U+{ord(character):04X}]"
    return character
