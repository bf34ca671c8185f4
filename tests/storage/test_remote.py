"""Remote storages beside what all storages keep to: opening, secrets, event loops, what they ask of the server."""

import asyncio
import gc
import logging
import pickle
import subprocess
import sys
from dataclasses import dataclass

import pytest

import alexflow
from alexflow import JSONOutput, LocalStorage, MemoryStorage, RemoteStorage, Storage, Task, open_storage
from alexflow.errors import StorageDenied, StorageError, UnknownStorage
from alexflow.storage.remote.address import Address
from alexflow.storage.remote.connection import MAX_SINGLE_QUESTIONS, group_by_prefix
from alexflow.storage.remote.multipart import MAX_BYTES_IN_MEMORY
from alexflow.storage.remote.retry import MIN_BYTES_PER_SECOND, Deadline, RequestAttempt
from tests.kit.servers.proxy import proxy
from tests.kit.servers.s3 import SECRET
from tests.storage.tasks import Number

PASSWORD = "pass-word-1"


@dataclass(frozen=True)
class Holder(Task):
    where: Storage

    def output(self):
        return self.build_output(JSONOutput[int], key="x.json")


@pytest.fixture
def s3(server):
    return server("moto")


def opened(server, **more):
    return open_storage(server.url(), **server.options, **more)


# -- opening


def test_what_a_url_opens(tmp_path):
    assert isinstance(open_storage("s3://bucket/prefix"), RemoteStorage)
    assert open_storage("s3://bucket/prefix/", anon=True).url == "s3://bucket/prefix"
    assert open_storage("S3://bucket") == RemoteStorage("s3://bucket", deadline=5)
    assert isinstance(open_storage(f"file://{tmp_path}"), LocalStorage)
    assert isinstance(open_storage("memory://"), MemoryStorage)
    storage = LocalStorage(tmp_path)
    assert open_storage(storage) is storage
    for taken in (storage, str(tmp_path), f"file://{tmp_path}", "memory://"):
        with pytest.raises(UnknownStorage, match="takes no options, such as key"):
            open_storage(taken, key="x")
    strict = open_storage(tmp_path, check="strict", fsync=True)
    assert isinstance(strict, LocalStorage)
    assert (strict.check, strict.fsync) == ("strict", True)


@pytest.mark.parametrize("name", ["deadline", "concurrency"])
@pytest.mark.parametrize("value", [0, -1, "10", True, None])
def test_settings_are_numbers(name, value):
    with pytest.raises(UnknownStorage, match=f"{name} of s3://bucket must be a number above 0"):
        open_storage("s3://bucket", **{name: value})


@pytest.mark.parametrize(
    ("url", "extra"), [("s3://b", "s3"), ("gs://b", "gcs"), ("az://b", "azure"), ("dav://h", "webdav")]
)
def test_a_missing_back_end_says_what_to_install(url, extra):
    code = f"""if True:
        import sys
        for module in ("s3fs", "gcsfs", "adlfs", "webdav4", "webdav4.fsspec"):
            sys.modules[module] = None
        import alexflow
        try:
            alexflow.open_storage({url!r}).prepare()
        except alexflow.errors.UnknownStorage as error:
            print(error)
    """
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert f'pip install "alexflow[{extra}]"' in told


def test_a_bucket_that_is_not_there(s3):
    storage = open_storage("s3://no-such-bucket/x", **s3.options)
    with pytest.raises(UnknownStorage, match="no such bucket"):
        storage.write("key", b"")
    with pytest.raises(UnknownStorage, match="no such bucket"):
        alexflow.run(Number(1), storage=storage)


def test_importing_alexflow_brings_no_back_end():
    code = "import alexflow, sys; alexflow.LocalStorage, alexflow.open_storage('x')\n"
    code += "assert not {'fsspec', 's3fs', 'aiobotocore'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


# -- secrets


def test_secrets_are_shown_nowhere():
    storage = open_storage(f"sftp://user:{PASSWORD}@host/path", client_secret=PASSWORD, headers={"X": PASSWORD})
    assert repr(storage) == "RemoteStorage('sftp://user@host/path', client_secret=…, headers=…)"
    assert PASSWORD not in f"{storage} {storage.url} {vars(storage)}"
    again = pickle.loads(pickle.dumps(storage))
    assert again == storage
    assert repr(again) == repr(storage)


@pytest.mark.parametrize(
    "said",
    [
        f"cannot reach sftp://user:{PASSWORD}@host/path",
        f"bad key {PASSWORD}!",
        "https://account/blob?se=2026&sig=abc%2Fdef&x=1",
        "https://bucket?X-Amz-Signature=abc%2Fdef",
        "sftp://user:abc%2Fdef@elsewhere",
    ],
)
def test_secrets_are_taken_out_of_what_others_say(said):
    told = Address(f"sftp://user:{PASSWORD}@host/path", {"sas": "sig=x", "more": [{"key": PASSWORD}]}).redact(said)
    assert PASSWORD not in told
    assert "abc%2Fdef" not in told


def test_a_wrong_secret_is_not_told(server, caplog):
    seaweedfs = server("seaweedfs")
    storage = open_storage(seaweedfs.url(), **{**seaweedfs.options, "secret": "the-wrong-secret"})
    with pytest.raises(StorageDenied, match="403") as caught:
        storage.write("key", b"")
    assert "the-wrong-secret" not in f"{caught.value!r} {caplog.text}"
    assert caught.value.__cause__ is None


def test_no_secret_is_in_a_document_or_an_id():
    one, other = (Holder(open_storage("s3://bucket/x", key=key, secret=SECRET)) for key in ("some-key", "other-key"))
    assert one.task_id == other.task_id
    document = str(one.serialize())
    assert "s3://bucket/x" in document
    assert SECRET not in document
    assert "some-key" not in document


# -- event loops and processes


def test_one_event_loop_after_the_other(s3):
    storage = opened(s3)
    for number in range(3):
        assert alexflow.run(Number(number), storage=storage).output.load() == number
        assert asyncio.run(storage.aexists_many([Number(number).output().key]))


def test_the_description_of_s3_is_read_once(s3, monkeypatch):
    from botocore.loaders import JSONFileLoader  # deferred: where there is moto, there is botocore

    storage, read = opened(s3), []
    load_file = JSONFileLoader.load_file
    monkeypatch.setattr(JSONFileLoader, "load_file", lambda *told: (read.append(told[1:]), load_file(*told))[1])
    for key in ("a", "b"):  # botocore reads it in each session, unless told otherwise
        asyncio.run(storage.awrite(key, b""))
    assert sorted(set(read)) == sorted(read)


def test_nothing_is_left_open(s3, recwarn):
    async def use():
        storage = opened(s3)
        await storage.awrite("key", b"value")

    asyncio.run(use())
    asyncio.run(use())
    gc.collect()
    assert [str(warning.message) for warning in recwarn if "Unclosed" in str(warning.message)] == []


@pytest.mark.parametrize("kind", ["moto", "azurite", "fake-gcs"])
def test_the_interpreter_ends_without_a_word(server, kind):
    behind = server(kind)
    code = f"""if True:
        import asyncio
        import alexflow
        storage = alexflow.open_storage({behind.url()!r}, **{behind.options!r})
        asyncio.run(storage.awrite("key", b"value"))
        async def use_and_close():
            print(await storage.aread("key"))
            await storage.aclose()
        asyncio.run(use_and_close())
        print(storage.read("key"))
    """
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("b'value'\nb'value'\n", "", 0)


def test_a_storage_goes_just_before_the_interpreter(server):
    """It is being closed when everything is closed."""
    seaweedfs = server("seaweedfs")
    code = f"""if True:
        import alexflow
        def main():
            storage = alexflow.open_storage({seaweedfs.url()!r}, **{seaweedfs.options!r})
            storage.write("key", b"value")
        main()
    """
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stderr == ""


@pytest.mark.anyio
async def test_closed_it_opens_anew(s3):
    storage = opened(s3)
    for _ in range(2):
        await storage.awrite("key", b"value")
        assert await storage.aexists_many([f"{n}" for n in range(2 * MAX_SINGLE_QUESTIONS)] + ["key"]) == {"key"}
        await storage.aclose()
    await storage.aclose()


# -- what is asked of the server


def test_a_server_that_keeps_no_condition_is_found_out(server, caplog):
    storage = opened(server("rclone-s3"))
    with caplog.at_level(logging.WARNING, "alexflow.storage"):
        assert storage.write("key", b"first") is True
    assert "does not enforce If-None-Match" in caplog.text
    assert storage.write("key", b"other") is False
    assert storage.read("key") == b"first"
    assert caplog.text.count("does not enforce") == 1


@pytest.mark.anyio
async def test_a_server_that_keeps_it_is_asked_once(s3, caplog):
    with proxy(s3.port) as before:
        storage = open_storage(s3.url(), **{**s3.options, "endpoint_url": f"http://127.0.0.1:{before.port}"})
        await asyncio.gather(*(storage.awrite(str(n), b"") for n in range(10)))
        assert before.count("PUT", "/.alexflow/probe/") == 2
        assert sorted([key async for key in storage.alist()]) == [str(n) for n in range(10)]
        await storage.aclose()
    assert caplog.text == ""


@pytest.mark.anyio
async def test_many_keys_are_looked_for_by_listing(s3):
    with proxy(s3.port) as before:
        storage = open_storage(s3.url(), **{**s3.options, "endpoint_url": f"http://127.0.0.1:{before.port}"})
        keys = [f"module.Task.{n:040x}.json" for n in range(200)]
        await asyncio.gather(*(storage.awrite(key, b"") for key in keys))
        before.requests.clear()
        assert await storage.aexists_many(keys[:MAX_SINGLE_QUESTIONS]) == set(keys[:MAX_SINGLE_QUESTIONS])
        assert (before.count("HEAD"), before.count("GET")) == (MAX_SINGLE_QUESTIONS, 0)
        before.requests.clear()
        assert await storage.aexists_many([*keys, "module.Task." + "f" * 40]) == set(keys)
        assert (before.count("HEAD"), before.count("GET")) == (0, 1)
        await storage.aremove_many(keys)
        assert before.count("POST") == 1
        await storage.aclose()


@pytest.mark.anyio
async def test_what_is_wanted_of_all_requests_of_s3(s3):
    wanted = {"s3_additional_kwargs": {"StorageClass": "STANDARD_IA"}, "requester_pays": True}
    with proxy(s3.port) as before:
        storage = open_storage(s3.url(), **{**s3.options, "endpoint_url": f"http://127.0.0.1:{before.port}"}, **wanted)
        small, large = b"small", bytes(MAX_BYTES_IN_MEMORY + 1)
        await storage.awrite("small", small)
        await storage.awrite("large", large)
        assert [await storage.aread("small"), await storage.aread("large")] == [small, large]
        assert await storage.aexists_many(["small"]) == {"small"}
        await storage.aremove_many(["small", "large"])
        await storage.aclose()
    assert {request.headers.get("x-amz-request-payer") for request in before.requests} == {"requester"}
    created = [request for request in before.requests if request.method == "PUT" and "partNumber" not in request.path]
    created += [request for request in before.requests if request.path.endswith("large?uploads")]
    assert len(created) >= 2
    assert {request.headers.get("x-amz-storage-class") for request in created} == {"STANDARD_IA"}


def test_keys_that_lie_together():
    digest = "0123456789abcdef" * 2
    assert group_by_prefix([f"m.A.{digest}.x", f"m.B.{digest}", f"m.A.{digest[::-1]}", "dir/x", "x"]) == {
        "m.A.": {f"m.A.{digest}.x", f"m.A.{digest[::-1]}"},
        "m.B.": {f"m.B.{digest}"},
        "dir/": {"dir/x"},
        "": {"x"},
    }


# -- keys


@pytest.mark.parametrize("key", ["a b", "a+b", "a%20b", "a%2Fb", "a#b", "a?b=c", "a*[b]", "日本/🐍", "a&b<c>", '"a"'])
def test_odd_keys_come_back(s3, key):
    storage = opened(s3)
    storage.write(key, key.encode())
    assert storage.read(key) == key.encode()
    assert list(storage.list()) == [key]
    assert storage.exists_many([key, *(f"{key}{n}" for n in range(2 * MAX_SINGLE_QUESTIONS))]) == {key}


def test_long_keys(server):
    storage = opened(server("seaweedfs"))
    key = "/".join(["x" * 224] * 4)
    storage.write(key, b"value")
    assert storage.read(key) == b"value"
    assert list(storage.list()) == [key]


def test_a_key_that_the_server_refuses(server):
    with pytest.raises(StorageError, match=r"cannot publish 'xxx.*TooLong"):
        opened(server("seaweedfs")).write("/".join(["x" * 250] * 5), b"value")


# -- deadlines


@pytest.mark.anyio
async def test_what_is_large_is_not_given_its_time_anew_with_each_attempt():
    deadline = Deadline(3600)
    for _ in range(3):
        attempt = RequestAttempt(deadline)
        for _ in range(2):
            attempt.allow(20 * MIN_BYTES_PER_SECOND)
    assert 3600 < deadline.left <= 3640
