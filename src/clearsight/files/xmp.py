"""XMP of generated files: a packet that says that a model made the file, and which, and how to read it again.

``DigitalSourceType`` is IPTC's, for every reader of metadata; what is known besides stands as JSON in one of ours.
"""

import json
from collections.abc import Mapping
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
DUBLIN_CORE = "http://purl.org/dc/elements/1.1/"
OURS = "urn:clearsight:xmp:1"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"


def packet(words: str, code: str, about: Mapping[str, Any]) -> str:
    """A packet of a sentence, IPTC's code of how the file came about, and what is known of it."""
    known = json.dumps(dict(about), sort_keys=True)  # in ASCII: XML has no place for some characters
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{RDF}">'
        f'<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="{IPTC}" xmlns:clearsight="{OURS}" '
        f"Iptc4xmpExt:DigitalSourceType={quoteattr(code)} clearsight:generated={quoteattr(known)}>"
        f'<dc:description xmlns:dc="{DUBLIN_CORE}"><rdf:Alt><rdf:li xml:lang="x-default">{escape(words)}</rdf:li>'
        "</rdf:Alt></dc:description></rdf:Description></rdf:RDF></x:xmpmeta>"
        '<?xpacket end="w"?>'
    )


def read(content: bytes) -> tuple[str, Mapping[str, Any]]:
    """IPTC's code and what is known of the file, of a packet; "" and nothing where it does not say them.

    Raises ValueError where it is no XML, or XML that would make its reader load or multiply something.
    """
    try:
        root = fromstring(content.strip(b"\0 \r\n\t"), forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise ValueError("its XMP is damaged, or no XMP.") from error
    code, about = "", ""
    for one in root.iter(f"{{{RDF}}}Description"):
        code = code or one.get(f"{{{IPTC}}}DigitalSourceType") or one.findtext(f"{{{IPTC}}}DigitalSourceType") or ""
        about = about or one.get(f"{{{OURS}}}generated") or ""
    return code, json_of(about)


def json_of(text: str) -> Mapping[str, Any]:
    """A JSON object; nothing where the text is none."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
