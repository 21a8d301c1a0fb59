"""How bodies are read: JSON only, of bounded length, checked for what no database keeps."""

from typing import Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from screening import inputs
from screening.errors import TooLarge

#: What a browser says about a long recording is some kilobytes.
LONGEST = 1024 * 1024


class JSON(BaseParser):
    media_type = "application/json"

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        body = stream.read(LONGEST + 1)
        if len(body) > LONGEST:
            raise TooLarge("This is too long.")
        try:
            return inputs.from_json(body)
        except ValueError as wrong:
            raise ParseError(f"This is not JSON that can be used: {wrong}") from wrong
