# SPDX-License-Identifier: GPL-3.0-or-later
"""Text without the secrets that are known by their form, or by the name before them. Pure.

A log is read by more people than may know a password. What is written with care names no secret; a URL in the message
of somebody else's library does, and so does what a person types.
"""

import re

#: What stands for what is not kept.
HIDDEN = "(hidden)"

#: How services write their keys, and Ganglion its own: enrol keys, keys of leaves, API and refresh tokens, the secrets
#: of webhooks (Standard Webhooks). Nothing is asked of what is before them but that they begin there.
TOKEN = re.compile(
    r"(?<![A-Za-z0-9])(?:(?i:gk1_|lf1_)[A-Za-z0-9]{12,}|(?:gt|gr)_[\w-]{20,}|whsec_[\w+/=-]{6,}"
    r"|sk-[\w-]{20,}|gh[oprsu]_\w{30,}|github_pat_\w{20,}|glpat-[\w-]{20,}|xox[abeoprs]-[\w-]{10,}"
    r"|AKIA[0-9A-Z]{16}|AIza[\w-]{35}|eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,})"
)
_BEGIN = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")
_END = re.compile(r"-----END [A-Z ]*PRIVATE KEY-----")
#: A private key in letters, to its end or that of the text.
KEY = re.compile(rf"{_BEGIN.pattern}.*?(?:{_END.pattern}|\Z)", re.DOTALL)
#: A line that a key in letters may have.
_BODY = re.compile(r"[\w+/=:, -]*")

#: The last part of a name of a secret; with what is before it in the name.
_WORD = r"(?:password|passphrase|passwd|secret|token|credentials?|(?:api|access|private|secret)[_-]?key|psk|pwd|wpa)\d*"
_NAME = rf"(?<![\w.-])[\w.-]*?{_WORD}(?!\w)"
_IS = r"\\?[\"']?\s*(?:[=:]+>?|->)\s*"
#: A value: in quotes, which may not end, or up to a space; the mark of a sentence after it is none of its letters.
_VALUE = (
    r"(?:\(hidden\)(?=[,;)\]}]*(?:\s|\Z))|(?:\"(?:[^\"\\]|\\.)*(?:\"|\Z)|'(?:[^'\\]|\\.)*(?:'|\Z)|\\+\"[^\"]*(?:\"|\Z))"
    r"[^\s,;)\]}]*|(?:(?:bearer|basic)\s+)?\S+?(?=[,;)\]}]*(?:\s|\Z)))"
)
_NAMED = re.compile(rf"(?i)({_NAME}{_IS}){_VALUE}", re.DOTALL)
_SPOKEN = re.compile(rf"(?i)({_NAME}[\"']?(?:{_IS}|\s+(?:is\s+)?)){_VALUE}", re.DOTALL)
#: What leaves a secret to the next line: quotes that do not end there, a name, and a word that is joined.
_OPEN = re.compile(rf"(?i){_NAME}[\"']?(?:{_IS}|\s+(?:is\s+)?)([\"'])(?:(?!\1).)*\Z")
_GOES_ON = re.compile(rf"(?i)\S\\\Z|{_NAME}(?:{_IS}\\?|\s+(?:is\s+)?\\)\Z")
_CUT = re.compile(r"\S*\\\Z")
_FIRST = re.compile(r"\s*\S*")
_FULL_NAME = re.compile(
    rf"(?i)\W*(?:[\w. -]*?{_WORD}|(?:[\w. -]*[_. -])?(?:pin|pass|passcode|auth)|(?!public)[\w-]+[_. -]key|key_material"
    r"|(?:proxy-)?authorization)\W*"
)
#: The account that a command of a shell is given: `curl -u name:password`, `mysql -ppassword`, `redis-cli -a password`.
_ACCOUNT = re.compile(r"(?<!\S)(-u\s*|--(?:proxy-)?user[\s=]+)([^\s:]+):\S+")
_DATABASE = re.compile(r"((?<![\w-])(?:mysql|mariadb)[\w-]{0,20}\s(?:[^\n]{0,200}?\s)??-p)\S+")
_PASSED = re.compile(
    r"((?<![\w-])(?:sshpass\s(?:[^\n]{0,200}?\s)??-p|redis-cli\s(?:[^\n]{0,200}?\s)??(?:-a|--pass))\s*)\S+"
)
#: `user:password@` of a URL; what is shown to a server.
_URL = re.compile(r"(?<=://)([^\s/:@]*):[^\s/]+@")
_AUTHORIZATION = re.compile(r"(?i)\b(bearer|basic|apikey)\s+[\w.~+/=-]{8,}")
_SHOWN = re.compile(r"(?i)\b((?:proxy-)?authorization\s*[=:]\s*(?:(?:bearer|basic|token|apikey|digest)\s+)?)\S+")


def redacted(text: str) -> str:
    """A text of a program, with `HIDDEN` in place of each secret: a name needs `=` or `:` behind it to be one's."""
    return _with(_NAMED, text)


def is_name(word: str) -> bool:
    """Whether a word is a name under which secrets are kept, as `wifi_password`, `--token` or `pin:`."""
    return _FULL_NAME.fullmatch(word) is not None


def _with(named: re.Pattern[str], text: str) -> str:
    text = KEY.sub(HIDDEN, text)
    text = named.sub(rf"\1{HIDDEN}", text)
    text = _SHOWN.sub(rf"\1{HIDDEN}", text)
    text = _AUTHORIZATION.sub(rf"\1 {HIDDEN}", text)
    text = _URL.sub(rf"\1:{HIDDEN}@", text)
    return TOKEN.sub(HIDDEN, text)


def spoken(text: str) -> str:
    """A text of a person, with `HIDDEN` in place of each secret: also the word after a name is one, as in
    `password x`.
    """
    text = _PASSED.sub(rf"\1{HIDDEN}", text)
    text = _DATABASE.sub(rf"\1{HIDDEN}", _ACCOUNT.sub(rf"\1\2:{HIDDEN}", text))
    return _with(_SPOKEN, text)


class Entered:
    """The lines that a person enters into one program, one after the other, each without its secrets.

    What begins in one and goes on in the next is found, too: a private key, a text in quotes behind a name, and a word
    at the end of a line that `\\` joins with the next.
    """

    def __init__(self) -> None:
        self._in_key = self._goes_on = False
        self._quote = ""

    def line(self, text: str) -> str:
        """The next line as it may be kept."""
        if self._in_key:
            self._in_key = not _END.search(text) and _BODY.fullmatch(text) is not None
            if self._in_key or _END.search(text):
                return HIDDEN
        before = ""
        if self._quote or self._goes_on:
            end = text.find(self._quote) if self._quote else _FIRST.match(text).end()  # type: ignore[union-attr]
            if end < 0:
                return HIDDEN
            before, text = HIDDEN, text[end:]
        self._in_key = _BEGIN.search(text) is not None and not _END.search(text)
        self._quote = next((found[1] for found in _OPEN.finditer(text) if found.end() == len(text)), "")
        self._goes_on = _GOES_ON.search(text) is not None or (bool(before) and text in ("", "\\"))
        kept = spoken(text)
        return before + (_CUT.sub(HIDDEN, kept) if self._goes_on else kept)
