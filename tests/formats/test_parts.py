"""Datasets, predictions, and what else only one format has."""

import pytest

from alexflow import formats, legacy
from alexflow.errors import EncodingError
from tests.formats.values import Made, array

np = pytest.importorskip("numpy")
pd = pytest.importorskip("pandas")
pytest.importorskip("joblib")

FRAME = pd.DataFrame(array())


def test_a_datasets_index_and_shape():
    for features, shape in (
        (FRAME, (3,)),
        ((FRAME, FRAME[[0]]), [(3,), (1,)]),
        ({"a": FRAME, "b": FRAME[[0]]}, {"a": (3,), "b": (1,)}),
    ):
        dataset = legacy.Dataset(features, FRAME[0])
        assert dataset.input_shape == shape
        assert dataset.index is FRAME.index


def test_the_kinds_of_1x():
    kinds = {
        legacy.ReconstructionLoss: "recon_loss",
        legacy.ClassProb: "class_prob",
        legacy.PredictionSamples: "prediction_samples",
        legacy.PredictionValue: "prediction_value",
        legacy.ConfidenceInterval: "confidence_interval",
        legacy.Contributions: "contributions",
        legacy.Coefficients: "coefficients",
        legacy.TValues: "t_values",
        legacy.Bias: "bias",
        legacy.Importances: "importances",
    }
    assert {cls: cls(1).kind for cls in kinds} == kinds
    assert set(kinds) == set(legacy.Prediction.__subclasses__())


def test_a_set_has_one_of_each_kind():
    predictions = legacy.PredictionSet((legacy.Bias(0), legacy.Prediction(2, "own")))
    assert predictions.get("bias") == 0
    assert predictions.get("own") == 2
    assert predictions.get("t_values") is None
    with pytest.raises(ValueError, match="one prediction of each kind, not several of bias"):
        legacy.PredictionSet((legacy.Bias(1), legacy.Bias(2), legacy.TValues(1)))


def test_joblib_compresses(storage):
    sizes = {}
    for compress in (0, 9):
        output = Made("JoblibOutput").build_output(formats.JoblibOutput, "value", compress=compress)
        output = output.assign_storage(storage)
        output.store(np.zeros(100_000))
        assert output.load().sum() == 0
        sizes[compress] = storage.size(output.key)
        output.remove()
    assert sizes[9] < sizes[0] / 10


def test_text_in_another_encoding(storage):
    output = Made("TextOutput").build_output(formats.TextOutput, "text", encoding="latin-1").assign_storage(storage)
    output.store("é")
    assert storage.read(output.key) == b"\xe9"
    assert output.load() == "é"
    with pytest.raises(EncodingError):
        output.store("€")


@pytest.mark.parametrize("value", [b"1", bytearray(b"1"), memoryview(b"1")])
def test_bytes_of_all_sorts(storage, value):
    output = Made("BytesOutput").output().assign_storage(storage)
    output.store(value)
    assert output.load() == b"1"


def test_text_as_a_stream(storage):
    output = Made("TextOutput").output().assign_storage(storage)
    with output.open("wb") as file:
        file.write("é".encode())
    assert output.load() == "é"
    with output.open() as file:
        assert file.read() == "é".encode()


@pytest.mark.parametrize("use", ["open", "aopen"])
def test_opened_in_a_wrong_mode(storage, use):
    output = Made("TextOutput").output().assign_storage(storage)
    with pytest.raises(ValueError, match="for reading, 'rb', or for writing, 'wb', not 'a'"):
        getattr(output, use)("a")
