"""Keys stay below the root on every platform."""

import ntpath
import posixpath
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alexflow import LocalStorage
from alexflow.errors import InvalidKey
from alexflow.storage import check_key


@pytest.mark.parametrize(
    "key",
    [
        *["", ".", "..", "/", "/a", "//a", "a/", "a//b", "./a", "a/.", "a/./b", "../a", "a/..", "a/../b", "a/b/../.."],
        *["\\a", "a\\b", "..\\a", "\\\\server\\share", "a\0", "\0", "C:", "C:a", "C:/a", "c:\\a", "1:b"],
        *[".alexflow", ".alexflow/staging/a", ".alexflow-tmp-1", ".AlexFlow/a"],
        *["x" * 256, "x" * 300, "a/" + "x" * 300 + "/b", "é" * 128, "🐍" * 64],
    ],
)
def test_refused(key):
    with pytest.raises(InvalidKey) as caught:
        check_key(key)
    assert repr(key) in str(caught.value)


@pytest.mark.parametrize(
    "key",
    [
        "a",
        "a/b",
        "...",
        "..a",
        "a..",
        ".a",
        "a b",
        " ",
        ":b",
        "ab:c",
        "%2e%2e/x",
        "x" * 255,
        "é" * 127,
        "~",
        "a/~",
        "a/.alexflow",
    ],
)
def test_accepted(key):
    assert check_key(key) is key


@given(st.text(st.sampled_from("./\\\0:a~" + string.ascii_uppercase[:2]), max_size=8))
def test_what_is_accepted_stays_below_the_root(key):
    try:
        check_key(key)
    except InvalidKey:
        return
    assert posixpath.normpath(posixpath.join("/root", key)) == f"/root/{key}"
    assert not ntpath.isabs(key)
    assert ntpath.splitdrive(key)[0] == ""
    assert ntpath.normpath(key).split("\\")[0] != ".."


@pytest.mark.parametrize("prefix", ["../", "../../etc/", "a/../../", "/etc/", "a//"])
def test_a_listing_stays_below_the_root_too(tmp_path, prefix):
    (tmp_path / "secret").touch()
    storage = LocalStorage(tmp_path / "storage")
    storage.prepare()
    with pytest.raises(InvalidKey):
        list(storage.list(prefix))
