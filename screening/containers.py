"""The containers a recording may come in: what a browser may say, and what we say of it.

A script policy of *our own origin only* trusts every byte that we serve. So no word of a browser's
ever becomes a header: a type that is not in this list is refused when the upload is created, what
is stored is the type as written here, and what is served is ours again.
"""

from django.utils.http import parse_header_parameters

from screening.errors import UnknownContainer

#: Type as stored and served → the end of the file's name.
CONTAINERS = {
    "video/webm": ".webm",
    "video/mp4": ".mp4",
    "video/x-matroska": ".mkv",
    "video/quicktime": ".mov",
}
#: Other names of the same containers. Matroska got its registered name in 2024 (RFC 9559).
ALIASES = {"video/matroska": "video/x-matroska", "video/x-m4v": "video/mp4"}
#: A recorder or a command that named none. Its file is measured, and leaves as an attachment only.
NOT_SAID = ""
LONGEST = 200


def normalised(said: str) -> str:
    """The container that ``said`` names, without its parameters (``video/webm; codecs="vp8"`` is
    ``video/webm``); ``NOT_SAID`` for nothing said. Raises UnknownContainer."""
    if not said.strip():
        return NOT_SAID
    if len(said) > LONGEST:
        raise UnknownContainer
    try:
        kind, _ = parse_header_parameters(said)
    except (ValueError, LookupError, TypeError) as unreadable:
        raise UnknownContainer from unreadable
    kind = ALIASES.get(kind, kind)
    if kind not in CONTAINERS:
        raise UnknownContainer
    return kind


def suffix(kind: str) -> str:
    """How the name of a file of this kind ends."""
    return CONTAINERS.get(kind, ".bin")
