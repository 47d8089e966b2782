"""Signatures and secrets of deliveries (`spec/plugins-review` §1.2, §1.3)."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prow.github.errors import InvalidWebhook
from prow.github.webhook import HmacSecrets, Origin, Verifier, origin_of, sign, verify

BODY = msgspec.json.encode(
    {
        "action": "created",
        "sender": {"login": "alice"},
        "organization": {"login": "org"},
        "repository": {"name": "repo", "full_name": "org/repo", "owner": {"login": "org"}},
    }
)
ROTATING = b"""
"*":
- value: everyone
  created_at: 2020-01-02T15:00:00Z
org:
- value: for-org
  created_at: 2020-01-02T15:00:00Z
org/repo:
- value: older
  created_at: "2020-01-02T15:00:00Z"
- value: newer
  created_at: 2021-01-02T15:00:00.5+02:00
"""


def reason(body: bytes, signature: str, secrets: HmacSecrets) -> str:
    with pytest.raises(InvalidWebhook) as caught:
        verify(body, signature, secrets)
    return caught.value.reason


def test_the_origin_is_known_before_the_signature_is_proved() -> None:
    assert origin_of(BODY) == Origin(sender="alice", org="org", repo="repo", key="org/repo")


def test_an_event_of_an_organisation_is_keyed_by_its_login() -> None:
    assert origin_of(b'{"organization":{"login":"org"},"repository":null}').key == "org"


def test_an_event_without_repository_and_organisation_has_an_empty_key() -> None:
    assert origin_of(b'{"zen":"x"}') == Origin(sender="", org="", repo="", key="")
    assert not origin_of(b"null").key


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'"x"', b'{"sender": 5}', b'{"repository":{"full_name":[]}}', b"\xff"]
)
def test_a_body_that_is_not_such_json_is_an_invalid_payload(body: bytes) -> None:
    assert reason(body, sign(body, b"k"), HmacSecrets.parse(b"k")) == "invalid payload"


def test_json_nested_deeper_than_the_stack_is_an_invalid_payload() -> None:
    body = b'{"x":' + b"[" * 200_000 + b"]" * 200_000 + b"}"
    assert reason(body, sign(body, b"k"), HmacSecrets.parse(b"k")) == "invalid payload"


@pytest.mark.parametrize("signature", ["", "sha1=00", "00ff", "sha256=xyz", "sha256=abc", "sha256=00 ff", "sha256=ü0"])
def test_a_signature_of_another_form_is_invalid(signature: str) -> None:
    assert reason(BODY, signature, HmacSecrets.parse(b"k")) == "invalid signature"


def test_a_wrong_signature_names_the_repository_whose_secret_to_look_at() -> None:
    expected = "misconfigured webhook secret from organization/repo: org/repo"
    assert reason(BODY, sign(BODY, b"other"), HmacSecrets.parse(b"k")) == expected
    assert reason(BODY, "sha256=", HmacSecrets.parse(b"k")) == expected
    assert reason(BODY + b" ", sign(BODY, b"k"), HmacSecrets.parse(b"k")) == expected


def test_a_plain_file_is_one_key_for_everyone_without_the_white_space_around_it() -> None:
    assert verify(BODY, sign(BODY, b"a key"), HmacSecrets.parse(b"\n a key \n")).sender == "alice"


def test_upper_case_hex_is_accepted() -> None:
    assert verify(BODY, "sha256=" + sign(BODY, b"k")[7:].upper(), HmacSecrets.parse(b"k"))


@pytest.mark.parametrize("key", [b"older", b"newer"])
def test_every_key_of_the_most_specific_name_is_tried(key: bytes) -> None:
    assert verify(BODY, sign(BODY, key), HmacSecrets.parse(ROTATING))


@pytest.mark.parametrize("key", [b"for-org", b"everyone"])
def test_there_is_no_fall_through_from_a_present_name(key: bytes) -> None:
    assert "misconfigured" in reason(BODY, sign(BODY, key), HmacSecrets.parse(ROTATING))


def test_the_lookup_goes_from_repository_to_organisation_to_everyone() -> None:
    secrets = HmacSecrets.parse(ROTATING)
    assert secrets.lookup("org/other") == (b"for-org",)
    assert secrets.lookup("elsewhere/repo") == (b"everyone",)
    assert secrets.lookup("") == (b"everyone",)


def test_without_a_key_for_everyone_a_strange_repository_has_no_secret() -> None:
    secrets = HmacSecrets.parse(b"org:\n- value: k\n")
    assert secrets.lookup("elsewhere/repo") is None
    body = b'{"repository":{"full_name":"elsewhere/repo"}}'
    assert reason(body, sign(body, b"k"), secrets) == "failed to get an appropriate hmac secret"


@pytest.mark.parametrize("content", [b"", b"  \n", b"{}", b"# nothing"])
def test_an_empty_file_refuses_everything(content: bytes) -> None:
    assert reason(BODY, sign(BODY, content), HmacSecrets.parse(content)) == "failed to get an appropriate hmac secret"


@pytest.mark.parametrize(
    "content",
    [
        b"org: key",
        b"- a\n- b",
        b"org:\n- just text",
        b"org:\n- value: k\n  created_at: yesterday",
        b"org:\n- value: k\n  created_at: 2020-13-45T00:00:00Z",
        b"org:\n- value: [a]",
        b"a: b: c",
        b"\xff\xfe\x00",
        b"%wrong",
    ],
)
def test_what_is_not_the_map_of_lists_is_one_key(content: bytes) -> None:
    assert HmacSecrets.parse(content).by_name == {"*": (content,)}


def test_a_value_that_looks_like_a_number_or_a_truth_is_text() -> None:
    assert HmacSecrets.parse(b"o:\n- value: 123\n- value: yes\n- value: 1.5\n").lookup("o") == (b"123", b"true", b"1.5")


def test_an_empty_value_is_no_key_for_anyone_could_sign_with_it() -> None:
    secrets = HmacSecrets.parse(b"org:\n- value: ''\n- {}\n-\n")
    assert "misconfigured" in reason(BODY, sign(BODY, b""), secrets)


def test_secrets_do_not_show_when_printed() -> None:
    assert "older" not in repr(HmacSecrets.parse(ROTATING))


def test_a_changed_secret_file_is_in_force_at_once() -> None:
    class File:
        value = b"first"

    file = File()
    verifier = Verifier(file)
    assert verifier.verify(BODY, sign(BODY, b"first"))
    file.value = b"second"
    assert verifier.verify(BODY, sign(BODY, b"second"))
    with pytest.raises(InvalidWebhook):
        verifier.verify(BODY, sign(BODY, b"first"))


@given(st.binary(max_size=200))
def test_no_content_of_a_secret_file_is_an_error(content: bytes) -> None:
    HmacSecrets.parse(content)


@given(st.binary(max_size=200), st.text(max_size=80))
def test_no_delivery_passes_by_accident(body: bytes, signature: str) -> None:
    with pytest.raises(InvalidWebhook):
        verify(body, signature, HmacSecrets.parse(b"a secret"))
