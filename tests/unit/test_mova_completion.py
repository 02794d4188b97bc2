# SPDX-License-Identifier: GPL-3.0-or-later
"""A streamed answer of a language model, cut anywhere and damaged."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganglion.mova.completion import MAX_ANSWER, Completion, EventStream, StreamError


def chunk(content: str = "", finish: str | None = None, **more: object) -> str:
    return json.dumps({"model": "m", "choices": [{"delta": {"content": content}, "finish_reason": finish}], **more})


def sse(*data: str, end: str = "\n") -> bytes:
    return "".join(f"data: {one}{end}{end}" for one in data).encode()


def feed(stream: EventStream, data: bytes, cuts: list[int]) -> list[str]:
    found = []
    for start, stop in zip([0, *cuts], [*cuts, len(data)], strict=True):
        found += stream.feed(data[start:stop])
    return found


@given(
    st.lists(st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), min_size=1), max_size=5),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.data(),
)
def test_events_are_the_same_however_their_bytes_are_cut(texts: list[str], end: str, data: st.DataObject) -> None:
    wire = b": a comment" + 2 * end.encode() + sse(*texts, end=end) + (b"\n" if end == "\r" else b"")
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=8)))
    assert feed(EventStream(), wire, cuts) == texts


def test_several_data_lines_are_one_event() -> None:
    assert EventStream().feed(b"event: x\ndata: {\ndata: }\nid: 1\n\n") == ["{\n}"]


def test_an_event_that_does_not_end_is_given_up() -> None:
    stream = EventStream()
    for _ in range(MAX_ANSWER // 1024):
        stream.feed(b"x" * 1024)
    with pytest.raises(StreamError, match="over"):
        stream.feed(b"x")


def answer(*data: str) -> Completion:
    completion = Completion()
    for one in data:
        completion.take_event(one)
    completion.close()
    return completion


def test_pieces_become_one_text_with_tokens_and_model() -> None:
    usage = {"prompt_tokens": 7, "completion_tokens": 2}
    got = answer(chunk("Do"), chunk("or"), chunk(finish="stop"), chunk(usage=usage, choices=[]), "[DONE]")
    assert (got.text, got.finish, got.done, got.model) == ("Door", "stop", True, "m")
    assert (got.prompt_tokens, got.completion_tokens) == (7, 2)


def test_an_answer_in_one_piece_is_taken_too() -> None:
    completion = Completion()
    completion.take_document(json.dumps({"choices": [{"message": {"content": "Door"}, "finish_reason": "stop"}]}))
    assert (completion.text, completion.done, completion.prompt_tokens) == ("Door", True, None)


@pytest.mark.parametrize("data", ["", "{", "[]", "1", "null", '{"error": {"message": "overloaded"}}', '{"error": "x"}'])
def test_what_is_no_chunk_is_refused(data: str) -> None:
    with pytest.raises(StreamError):
        Completion().take_event(data)


@pytest.mark.parametrize("data", ["{}", '{"choices": []}', '{"choices": [{"message": 1}]}', '{"choices": 3}'])
def test_what_is_no_completion_is_refused(data: str) -> None:
    with pytest.raises(StreamError):
        Completion().take_document(data)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["choices", "delta", "content", "usage", "model", "finish_reason", "error"]), inner
            )
        ),
        max_leaves=12,
    )
)
def test_any_json_is_a_chunk_or_is_refused(document: object) -> None:
    for take in (Completion().take_event, Completion().take_document):
        try:
            take(json.dumps(document))
        except StreamError:
            continue


def test_an_answer_without_end_is_cut_off() -> None:
    completion = Completion()
    for _ in range(MAX_ANSWER // 1024):
        completion.take_event(chunk("x" * 1024))
    with pytest.raises(StreamError, match="over"):
        completion.take_event(chunk("x"))
