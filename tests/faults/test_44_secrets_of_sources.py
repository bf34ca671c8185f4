"""44: a source with a password, a signature, options: they are in no document, text of an object, error or record."""

from __future__ import annotations

import base64
import http.server
import io
import json
import logging
import pickle
import threading
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import fsspec
import pytest

import alexflow
from alexflow import JSONOutput, RunFailed, Task, deserialize, serialize, source
from alexflow.errors import AlexflowError, SourceNotFound, StorageError, UnknownStorage
from alexflow.sources import Source

PASSWORD, SIGNATURE, OPTION = "hunter2password", "abcdef0123456789", "SECRETKEY123456"
SECRETS = (PASSWORD, SIGNATURE, OPTION, "a%2Bb%2Fpassword", "a+b/password", "AKIAIDENTIFIER00")


@dataclass(frozen=True)
class Length(Task):
    data: Any

    def input(self) -> Any:
        return self.data

    def output(self) -> Any:
        return self.build_output(JSONOutput[int], key="length.json")

    def run(self, input: Any, output: Any) -> None:
        output.store(len(input.load()))


class Handler(http.server.BaseHTTPRequestHandler):
    """Gives an object to those who know the password, or the signature; and repeats to others what they asked for."""

    status = 200

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        user = "Basic " + base64.b64encode(f"user:{PASSWORD}".encode()).decode()
        known = self.headers["Authorization"] == user or SIGNATURE in urlsplit(self.path).query
        status = type(self).status if known else 403
        body = b"x" * 10 if status == 200 else self.path.encode()
        self.send_response(status, None if status == 200 else f"no {self.path}")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", '"1"')
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    pytest.importorskip("aiohttp")
    Handler.status = 200
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{made.server_port}"
        made.shutdown()


def urls(server: str) -> list[str]:
    return [
        f"http://user:{PASSWORD}@{server}/x.csv",
        f"http://{server}/x.csv?id=7&X-Amz-Credential=AKIAIDENTIFIER00&X-Amz-Signature={SIGNATURE}",
        f"http://{server}/x.csv?token={SIGNATURE}",
        f"http://{server}/x.csv?AWSAccessKeyId=AKIAIDENTIFIER00&Signature={SIGNATURE}&Expires=1",
        f"http://{server}/x.csv?sv=2024&sig={SIGNATURE}",
    ]


def silent(text: str) -> bool:
    return not [secret for secret in SECRETS if secret in text]


def everything(error: BaseException | None) -> str:
    """Return the text of an error, and of all errors behind it."""
    if error is None:
        return ""
    told = f"{error} {error!r} {error.args} {vars(error)} " + "".join(traceback.format_exception(error))
    return told + everything(error.__cause__) + everything(error.__context__)


def test_it_is_read_and_nothing_tells_how(server, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    for number, url in enumerate(urls(server)):
        made = source(url, client_kwargs={"headers": {"X-Key": OPTION}})
        assert made.load() == b"x" * 10
        assert pickle.loads(pickle.dumps(made)).load() == b"x" * 10
        place = str(tmp_path / str(number))
        how = {"workers": 1} if number < 2 else {"executor": "thread"}
        result = alexflow.run(Length(made), storage=place, echo=False, **how)
        assert (result.ran, result.output.load()) == (1, 10)
        assert silent(repr(made) + str(made) + repr(Length(made)) + made.url + made.key + Length(made).task_id)
        assert silent(json.dumps(serialize(made)) + json.dumps(serialize(Length(made))) + repr(made.bound_storage))
    assert silent(caplog.text)
    written = [path.read_bytes().decode("latin-1") for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) > len(urls(server))
    assert silent("".join(written))


@pytest.mark.parametrize("status", [403, 404, 503])
def test_errors_do_not_tell(server, tmp_path, status):
    for number, url in enumerate(urls(server)):
        Handler.status = 200
        made = source(url, client_kwargs={"headers": {"X-Key": OPTION}})
        Handler.status = status
        for read in (made.load, lambda made=made: made.open().read(), lambda made=made: made.path().__enter__()):
            with pytest.raises(AlexflowError) as caught:
                read()
            assert silent(everything(caught.value))
            assert "/x.csv" in str(caught.value)
        with pytest.raises(AlexflowError) as caught:
            source(url, client_kwargs={"headers": {"X-Key": OPTION}})
        assert silent(everything(caught.value))
        how = {"workers": 1} if number == 0 else {"executor": "thread"}
        with pytest.raises(RunFailed) as failed:
            alexflow.run(Length(made), storage=str(tmp_path / "r"), echo=False, **how)
        assert silent(everything(failed.value) + str(failed.value.report))
        record = [path.read_bytes().decode("latin-1") for path in tmp_path.rglob(".alexflow/record/*.segment")]
        assert record
        assert silent("".join(record))


def test_a_server_that_is_not_there(tmp_path):
    for url in (*urls("127.0.0.1:1"), f"nowhere://user:{PASSWORD}@h/x", f"http://user:{PASSWORD}@h:port/x"):
        with pytest.raises(StorageError) as caught:
            source(url, headers={"key": OPTION})
        assert silent(everything(caught.value))


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (f"https://user:{PASSWORD}@host/x.csv", "https://host/x.csv"),
        (f"https://{OPTION}@host/x.csv", "https://host/x.csv"),
        ("https://user:a%2Bb%2Fpassword@host:8080/x", "https://host:8080/x"),
        ("https://user:a+b/password@host/x", "https://host/x"),
        (f"https://host/x?id=7&sig={SIGNATURE}&page=2", "https://host/x?id=7&page=2"),
        (f"https://host/x?X-Amz-Signature={SIGNATURE}&x-id=GetObject", "https://host/x?x-id=GetObject"),
        (f"https://host/x?X-Goog-Signature={SIGNATURE}", "https://host/x"),
        (f"https://host/x?%73ig={SIGNATURE}#access_token={SIGNATURE}", "https://host/x"),
        (f"https://host/x?Key-Pair-Id=AKIAIDENTIFIER00&Policy={SIGNATURE}", "https://host/x"),
        (f"https://host/x?api_key={SIGNATURE};password={PASSWORD}", "https://host/x"),
        (f"zip://a.csv::https://user:{PASSWORD}@host/x.zip?token={SIGNATURE}", "zip://a.csv::https://host/x.zip"),
        ("s3://bucket/a:b@c.csv?versionId=5", "s3://bucket/a:b@c.csv?versionId=5"),
        ("abfs://container@account.dfs.core.windows.net/x", "abfs://container@account.dfs.core.windows.net/x"),
        ("github://org:repo@main/x.csv", "github://org:repo@main/x.csv"),
        ("/data/a?token=1.csv", "/data/a?token=1.csv"),
    ],
)
def test_what_of_a_url_is_shown(url, shown):
    known = source(__file__)
    made = Source(src_task=known.src_task, key=known.key, url=url, options={"secret": OPTION})
    assert made.url == shown
    assert silent(repr(made) + json.dumps(serialize(made)))
    again = deserialize(serialize(made))
    assert (again, again.url, again.options) == (made, shown, {})


def test_options_are_not_shown_by_any_file_system(tmp_path):
    fsspec.filesystem("memory").pipe("/secrets/x.csv", b"1")
    made = source("memory://secrets/x.csv", secret=OPTION, nested={"deep": [OPTION]})
    assert silent(json.dumps(serialize(Length(made))) + repr(made) + repr(Length(made)))
    assert deserialize(serialize(made)).load() == b"1"
    fsspec.filesystem("memory").rm("/secrets/x.csv")
    with pytest.raises(SourceNotFound) as caught:
        made.load()
    assert silent(everything(caught.value))


def test_a_storage_whose_url_is_signed():
    with pytest.raises(UnknownStorage) as caught:
        alexflow.open_storage(f"https://127.0.0.1:1/x?sig={SIGNATURE}")
    assert silent(everything(caught.value))


def test_digests_of_one_place_with_two_signatures_are_not_mixed_up(server, tmp_path: Path):
    """The cache of digests goes by the whole URL; its file has no secret."""
    first = source(f"http://{server}/x.csv?token={SIGNATURE}")
    with pytest.raises(StorageError):
        source(f"http://{server}/x.csv?token=another")
    assert io.BytesIO(first.load()).read() == b"x" * 10
