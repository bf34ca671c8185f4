"""``client="obstore"``: how it is asked for, what it is told, and that it and s3fs's own client see the same bucket."""

import asyncio
import pickle
import subprocess
import sys

import pytest

import alexflow
from alexflow import open_storage
from alexflow.errors import StorageDenied, StorageError, UnknownStorage
from alexflow.storage.remote.address import Address
from alexflow.storage.remote.backends.s3_obstore import place_of
from alexflow.storage.remote.opening import provide
from tests.kit.servers.s3 import SECRET, environment
from tests.storage.tasks import Number, NumberInWorker

pytest.importorskip("obstore")


@pytest.fixture
def seaweedfs(server):
    return server("seaweedfs")


def opened(server, url=None, **more):
    return open_storage(url or server.url(), client="obstore", **{**server.options, **more})


# -- asked for


def test_it_is_shown_and_travels_without_secrets():
    storage = open_storage("s3://bucket/x", client="obstore", secret=SECRET)
    assert repr(storage) == "RemoteStorage('s3://bucket/x', secret=…, client='obstore')"
    assert repr(pickle.loads(pickle.dumps(storage))) == repr(storage)
    assert storage == open_storage("s3://bucket/x")


@pytest.mark.parametrize(
    ("url", "options", "told"),
    [
        ("gs://bucket", {}, "is for s3:// and not for gs://bucket"),
        ("s3://bucket", {"default_block_size": 1}, "has no counterpart of default_block_size;"),
        ("s3://bucket", {"client_kwargs": {"api_version": "x"}}, "has no counterpart of api_version in client_kwargs"),
        (
            "s3://bucket",
            {"config_kwargs": {"proxies": {"http": SECRET}}},
            "has no counterpart of proxies in config_kwargs",
        ),
    ],
)
def test_what_it_cannot_be_told_is_refused(url, options, told):
    with pytest.raises(UnknownStorage, match=told) as caught:
        open_storage(url, client="obstore", **options)
    assert SECRET not in str(caught.value)


def test_there_is_no_other():
    with pytest.raises(UnknownStorage, match="may be 'obstore', and not 'boto3'"):
        open_storage("s3://bucket", client="boto3")


def test_where_it_is_missing_it_says_what_to_install():
    code = """if True:
        import sys
        sys.modules["obstore"] = None
        import alexflow
        try:
            alexflow.open_storage("s3://bucket", client="obstore").prepare()
        except alexflow.errors.UnknownStorage as error:
            print(error)
    """
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert 'pip install "alexflow[obstore]"' in told


# -- told


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("options", "place"),
    [
        ({"client_kwargs": {"region_name": "eu-west-1"}}, "https://bucket.s3.eu-west-1.amazonaws.com"),
        ({"client_kwargs": {"region_name": "us-east-1"}}, "https://bucket.s3.us-east-1.amazonaws.com"),
        ({"config_kwargs": {"s3": {"addressing_style": "path"}}}, "https://s3.us-east-1.amazonaws.com/bucket"),
        ({"endpoint_url": "http://localhost:1/s3"}, "http://localhost:1/s3/bucket"),
    ],
)
async def test_where_the_bucket_is(options, place):
    pytest.importorskip("s3fs")
    options = {"key": "k", "secret": "s", "client_kwargs": {"region_name": "us-east-1"}} | options
    fs, _ = provide(Address("s3://bucket", options), asynchronous=True, loop=asyncio.get_running_loop())
    client = await fs.set_session()
    assert await place_of(client, "bucket") == place
    await client.close()


def test_credentials_of_the_environment(seaweedfs, monkeypatch):
    for name, value in environment(seaweedfs.port).items():
        monkeypatch.setenv(name, value)
    storage = open_storage(seaweedfs.url(), client="obstore")
    assert storage.write("key", b"value") is True
    assert storage.read("key") == b"value"


def test_a_wrong_secret_is_not_told(seaweedfs, caplog):
    storage = opened(seaweedfs, secret="the-wrong-secret")
    with pytest.raises(StorageDenied, match=r"403.*SignatureDoesNotMatch") as caught:
        storage.write("key", b"")
    assert "the-wrong-secret" not in f"{caught.value!r} {caplog.text}"
    assert caught.value.__cause__ is None


def test_a_bucket_that_is_not_there(server):
    with pytest.raises(UnknownStorage, match="no such bucket"):
        opened(server("moto"), "s3://no-such-bucket/x").write("key", b"")


# -- one bucket


@pytest.mark.parametrize("key", ["a b", "a+b", "a%2Fb", "a#b?c", "日本/🐍", "line\nbreak", "\x01", 'a&b<c>"', "~^`{|}"])
def test_both_clients_see_the_same(seaweedfs, key):
    url = seaweedfs.url()
    one, other = opened(seaweedfs, url), open_storage(url, **seaweedfs.options)
    for storage, another, name in ((one, other, key), (other, one, f"{key}2")):
        assert storage.write(name, name.encode()) is True
        assert another.write(name, b"other") is False
        assert another.read(name) == name.encode()
        assert another.version(name) == storage.version(name)
    assert sorted(one.list()) == sorted(other.list()) == sorted([key, f"{key}2"])


def test_a_key_that_the_server_refuses(seaweedfs):
    with pytest.raises(StorageError, match=r"cannot publish 'xxx.*TooLong"):
        opened(seaweedfs).write("/".join(["x" * 250] * 5), b"value")


# -- event loops and processes


def test_one_event_loop_after_the_other(seaweedfs):
    storage = opened(seaweedfs)
    for number in range(3):
        assert alexflow.run(Number(number), storage=storage).output.load() == number
        assert asyncio.run(storage.aexists_many([Number(number).output().key]))


def test_worker_processes(seaweedfs):
    storage = opened(seaweedfs)
    tasks = [NumberInWorker(number) for number in range(4)]
    assert alexflow.run(tasks, storage=storage, workers=2).ran == 4
    assert alexflow.run(tasks, storage=storage, workers=2).ran == 0


def test_a_forked_process(seaweedfs):
    """Has none of obstore's threads."""
    code = f"""if True:
        import os
        import warnings
        import alexflow
        storage = alexflow.open_storage({seaweedfs.url()!r}, client="obstore", **{seaweedfs.options!r})
        storage.write("before", b"value")
        warnings.simplefilter("ignore")  # that there are threads
        child = os.fork()
        if child == 0:
            done = storage.read("before") == b"value" and storage.write("in the child", b"value")
            os._exit(0 if done else 1)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 0
        assert storage.read("in the child") == b"value"
    """
    program = [sys.executable, "-X", "faulthandler", "-c", code]
    ended = subprocess.run(program, timeout=60, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
