# SPDX-License-Identifier: GPL-3.0-or-later
"""What a document says of its tools: credentials, secrets and contracts, checked and compiled."""

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.errors import InvalidError, NotFoundError, RefusedError
from ganglion.mova.compile import compile
from ganglion.mova.contract import covers
from ganglion.mova.load import load
from ganglion.mova.secrets import Filling, Secrets, from_environment, from_file
from ganglion.mova.template import parse
from ganglion_micro import plan as p
from ganglion_micro import template as t
from ganglion_micro.secret_text import SecretText
from support.mova import edge, found

CALL = "- {id: x, action: tool_api, tool_api_id: a}"


def flat(rest: str, url: str = "https://api.example.org/v1") -> str:
    return edge(CALL, head=f'tools: [{{id: a, name: a, endpoint: "{url}", {rest}}}]')


def classes(contract: str, url: str = "https://api.example.org/v1/x", tool: str = "") -> str:
    return (
        'version: "2.2"\nclasses:\n  protocol: {name: main, steps: [{id: x, action: tool_api, tool_api_id: a}]}\n'
        f'  tool_api: {{id: a, url: "{url}"{tool}}}\n  contract: {contract}\n'
    )


def tool(text: str) -> list[Any]:
    (made,) = compile(load(text, file="x.yaml")).body[p.TOOLS]
    return list(made)


def said(text: str) -> list[tuple[str, str, str]]:
    return [(each.code, each.path, each.hint) for each in found(text)]


@pytest.mark.parametrize(
    "written",
    ["{type: api_key, key: k, query: q}", "{type: api_key, credentials: {key: k, query: q}}"],
)
def test_credentials_may_stand_beside_their_type_or_apart(written: str) -> None:
    assert tool(flat(f"authentication: {written}"))[p.AUTH] == [t.CONST, {"type": "api_key", "key": "k", "query": "q"}]


@pytest.mark.parametrize("written", ["{}", "{type: none}"])
def test_no_authentication_is_none(written: str) -> None:
    assert tool(flat(f"authentication: {written}"))[p.AUTH] is None


AT = "tools[0].authentication"


@pytest.mark.parametrize(
    ("written", "code", "path", "hint"),
    [
        ("{key: k}", "MV101", AT, "known here: api_key, basic, bearer, none, oauth2"),
        ("{type: oauth, key: k}", "MV104", f"{AT}.type", 'did you mean "oauth2"?'),
        ("{type: bearer}", "MV101", f"{AT}.token", ""),
        ("{type: basic, username: u, password: p, pasword: q}", "MV214", f"{AT}.pasword", 'did you mean "password"?'),
        ("{type: bearer, credentials: {token: x}, token: y}", "MV214", f"{AT}.token", ""),
        ("{type: bearer, credentials: [x]}", "MV102", f"{AT}.credentials", ""),
        ("{type: bearer, token: 12}", "MV102", f"{AT}.token", ""),
        ("{type: bearer, token: ''}", "MV110", f"{AT}.token", ""),
        ("{type: api_key, key: k, header: 'X Y'}", "MV214", f"{AT}.header", ""),
        ("{type: api_key, key: k, header: X, query: y}", "MV113", f"{AT}.query", ""),
    ],
)
def test_credentials_that_make_no_sense_are_named(written: str, code: str, path: str, hint: str) -> None:
    ((got, where, help),) = said(flat(f"authentication: {written}"))
    assert (got, where) == (code, path)
    assert hint in help


@pytest.mark.parametrize(
    ("endpoint", "url", "is_covered"),
    [
        ("https://a.org/v1", "https://a.org/v1", True),
        ("https://a.org/v1", "https://a.org/v1/x?y", True),
        ("https://a.org/v1/", "https://a.org/v1/{x}", True),
        ("https://a.org", "https://A.org:443/{x}", True),
        ("https://a.org/v1", "https://a.org/v1?q={x}", True),
        ("https://a.org/v1", "https://a.org/v10", False),
        ("https://a.org/v1", "https://a.org/v1{x}", False),
        ("https://a.org", "https://a.org{x}", False),
        ("https://a.org", "https://a.org.evil.example/", False),
        ("https://a.org", "https://a.org@evil.example/", False),
        ("https://a.org", "https://a.org:{port}/", False),
        ("https://a.org", "http://a.org/", False),
        ("https://a.org", "https://a.org:8443/", False),
        ("", "https://a.org/", False),
        ("https://a.org", "{url}", False),
        ("https://[::1", "https://[::1/", False),
    ],
)
def test_a_contract_is_for_what_lies_under_its_endpoint(endpoint: str, url: str, is_covered: bool) -> None:
    assert covers(endpoint, url) is is_covered


SCHEMA = "schema: {request: {type: object, required: [q]}, response: {type: array}}"


def test_contracts_add_up_and_the_nearest_gives_the_credentials() -> None:
    whole = "{name: whole, endpoint: 'https://api.example.org', schema: {type: object}, auth: {type: api_key, key: w}}"
    part = f"{{name: part, endpoint: 'https://api.example.org/v1', {SCHEMA}, auth: {{type: api_key, key: p}}}}"
    other = "{name: other, endpoint: 'https://other.example.org', schema: {type: string}}"
    made = tool(classes(f"[{whole}, {part}, {other}]"))
    assert made[p.CONTRACTS] == [
        ["whole", None, {"type": "object"}],
        ["part", {"type": "object", "required": ["q"]}, {"type": "array"}],
    ]
    assert made[p.AUTH] == [t.CONST, {"type": "api_key", "key": "p"}]


@pytest.mark.parametrize(
    ("own", "auth"),
    [
        ("{type: bearer, token: own}", [t.CONST, {"type": "bearer", "token": "own"}]),
        ("{type: none}", None),
    ],
)
def test_what_a_tool_says_of_itself_stands_before_its_contract(own: str, auth: Any) -> None:
    contract = "{name: c, endpoint: 'https://api.example.org', auth: {type: bearer, token: theirs}}"
    assert tool(classes(contract, tool=f", authentication: {own}"))[p.AUTH] == auth


def test_a_contract_that_cannot_be_kept_is_refused_with_its_place() -> None:
    contract = "{name: c, endpoint: 'https://a.org', schema: {request: {$ref: x}, respons: {type: object}}}"
    assert [(code, path) for code, path, _ in said(classes(contract))] == [
        ("MV210", "classes.contract.schema.request.$ref"),
        ("MV210", "classes.contract.schema.respons"),
    ]


@pytest.mark.parametrize(
    ("schema", "where"),
    [
        ("{type: string, pattern: '^a'}", ".pattern"),
        ("{type: object, properties: {b: {$ref: x}}}", ".properties.b.$ref"),
        ("{type: number, minimum: low}", ".minimum"),
    ],
)
def test_a_parameter_that_a_model_could_not_be_held_to_is_refused_where_one_is_offered_it(
    schema: str, where: str
) -> None:
    head = f"tools: [{{id: t, name: T, endpoint: 'https://a.org', parameters: {{a: {schema}}}}}]"
    offered = edge("- {id: x, action: prompt, prompt: a, tools: [t]}", head=head)
    assert [(code, path) for code, path, _ in said(offered)] == [("MV210", f"tools[0].parameters.a{where}")]
    assert said(edge("- {id: x, action: tool_api, tool_api_id: t}", head=head)) == []


@pytest.mark.parametrize(
    "text",
    [
        edge("- {id: x, action: prompt, prompt: '{secret.key}'}"),
        edge("- {id: x, action: publish, topic: a, value: {deep: ['x{secret.key}']}}"),
        edge(head="sessions: [{session_id: s, user_id: u, start_time: now, data: {a: '{secret.k}'}}]"),
        edge(head="presets: {'{secret.k}': {model: m}}"),
        flat("description: 'with {secret.key}'"),
        flat("response_mapping: {a: '{secret.key}'}"),
    ],
)
def test_a_secret_that_would_be_seen_is_refused(text: str) -> None:
    assert [code for code, _, _ in said(text)] == ["MV216"]


def test_a_secret_may_stand_in_every_part_of_a_request() -> None:
    url = "https://{secret.host}/{secret.path}"
    rest = "headers: {A: '{secret.a}'}, parameters: {b: ['{secret.b}']}, body: {c: '{secret.c}'}"
    assert said(flat(f"{rest}, authentication: {{type: bearer, token: '{{secret.d}}'}}", url)) == []
    assert said(classes("{name: c, endpoint: 'https://a.org', auth: {type: bearer, token: '{secret.d}'}}")) == []


@pytest.mark.parametrize("url", ["{url}", "https://{host}/a", "https://a.org{path}", "https://a.org:{port}"])
def test_credentials_go_to_no_host_that_a_value_names(url: str) -> None:
    for rest in ("authentication: {type: bearer, token: x}", "body: [{a: '{secret.x}'}]"):
        assert [code for code, _, _ in said(flat(rest, url))] == ["MV215"]
    assert said(flat("method: POST", url)) == []


_texts = st.text("a{}.secrt_x", max_size=12)


@given(st.lists(st.one_of(_texts, st.sampled_from(["{secret.k}", "{v}", "{event.value}"])), max_size=6), _texts)
def test_only_the_documents_own_text_asks_for_a_secret(parts: list[str], outside: str) -> None:
    """Whatever a value is, the sealed parts are those of the document, and the value stands there as it is."""
    value = outside + "{secret.k}"
    text = "".join(parts)
    made = t.render(parse(text, secrets=True), {"event": {"value": value}}, {"v": value}, [])
    own = t.render(parse(text, secrets=True), {"event": {"value": "V"}}, {"v": "V"}, [])
    assert isinstance(made, SecretText) == isinstance(own, SecretText)
    if isinstance(made, SecretText) and isinstance(own, SecretText):
        assert made.parts[1::2] == own.parts[1::2]
        filled = Filling(Secrets(dict.fromkeys(own.parts[1::2], "s3cret"))).fill(made)
        assert filled.count("s3cret") == len(own.parts[1::2])


def test_elsewhere_a_secret_is_text_like_any_other() -> None:
    assert t.render(parse("{secret.k}"), {}, {}, missing := []) == "{secret.k}"
    assert missing == ["{secret.k}"]


def test_a_sealed_text_shows_what_the_document_has() -> None:
    assert str(SecretText(["a ", "k", ""])) == "a {secret.k}"


def test_a_secret_that_is_missing_is_named_with_the_place_to_put_it() -> None:
    with pytest.raises(InvalidError, match="there is no secret KEY: put it there"):
        Filling(Secrets({}, "put it there")).fill([{"a": SecretText(["", "KEY", ""])}])


def test_secrets_do_not_show_in_what_is_printed_of_them() -> None:
    assert "s3cret" not in repr(Secrets({"KEY": "s3cret"}))


def test_what_was_filled_in_is_taken_out_of_what_comes_back() -> None:
    filling = Filling(Secrets({"A": "s3cret/ x", "B": "s3cret/ x and more", "C": "abc"}))
    assert filling.fill_url(SecretText(["http://h/", "A", "?q=1"])) == "http://h/s3cret%2F%20x?q=1"
    filling.fill(SecretText(["", "B", ""]))
    filling.fill(SecretText(["", "C", ""]))
    back = {"s3cret/ x": ["is s3cret/ x and more", 3, {"u": "s3cret%2F%20x s3cret%2F+x abc"}]}
    assert filling.hide(back) == {
        "{secret.A}": ["is {secret.B}", 3, {"u": "{secret.A} {secret.A} abc"}]
    }  # fmt: skip


def write(path: Path, text: str, mode: int = 0o600) -> Path:
    path.write_text(text)
    os.chmod(path, mode)
    return path


def test_secrets_come_from_a_file_and_from_the_environment(tmp_path: Path) -> None:
    assert from_file(write(tmp_path / "s.toml", 'KEY = "a"\nother = "b"\n')) == {"KEY": "a", "other": "b"}
    assert from_environment({"GANGLION_SECRET_KEY": "a", "HOME": "/"}) == {"KEY": "a"}


@pytest.mark.parametrize(
    ("text", "mode", "error", "says"),
    [
        ('KEY = "s3cret"', 0o644, RefusedError, "others can read these secrets; run chmod 600"),
        ('KEY = "s3cret"', 0o640, RefusedError, "others can read"),
        ("KEY = s3cret", 0o600, InvalidError, r"not TOML \(at line 1, column 7\)"),
        ('a = "x"\n[s3cret]\n', 0o600, InvalidError, "a secret is text in quotes"),
        ("KEY = 3", 0o600, InvalidError, "KEY: a secret is text in quotes"),
    ],
)
def test_a_file_of_secrets_that_is_wrong_is_refused(
    tmp_path: Path, text: str, mode: int, error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says) as caught:
        from_file(write(tmp_path / "s.toml", text, mode))
    assert "= s3cret" not in str(caught.value)
    assert '"s3cret"' not in str(caught.value)


def test_a_file_of_secrets_that_is_not_there_says_what_to_write(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match='write each secret there as NAME = "text"'):
        from_file(tmp_path / "none.toml")
