"""What imported from alexflow 1.1.4 imports from this one, and says where it has gone."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

FORMER = {
    "alexflow": [
        "AbstractTask", "BinaryOutput", "Dir", "DynamicTask", "File", "H5FileOutput", "InOut", "JSONOutput",
        "NoDefaultVar", "Output", "ResourceSpec", "SerializableOutput", "Storage", "Task", "Workflow", "WrapperTask",
        "no_default",
    ],
    "alexflow.adapters.executor.alexflow": ["Termination", "run_job", "run_workflow"],
    "alexflow.adapters.output.h5store": ["H5FileOutput"],
    "alexflow.adapters.storage.composite_storage": ["CompositeStorage", "ReadOnlyAccess"],
    "alexflow.adapters.storage.core": ["Dir", "File", "NotFound", "Storage", "StorageError", "copy_file"],
    "alexflow.adapters.storage.local_storage": ["LocalStorage"],
    "alexflow.core": [
        "AbstractTask", "BinaryOutput", "Dir", "DynamicTask", "File", "InOut", "JSONOutput", "NoDefaultVar",
        "NotFound", "Output", "ResourceSpec", "Serializable", "SerializableOutput", "Storage", "StorageError", "Task",
        "Workflow", "WrapperTask", "deserialize", "no_default",
    ],
    "alexflow.coreml": [
        "Bias", "BinaryDatasetOutput", "BinaryPredictionOutput", "BuildDatasetOp", "BuildDatasetOpOutput",
        "ClassProb", "Coefficients", "ConfidenceInterval", "Contributions", "Dataset", "DatasetOutput", "Importances",
        "PredictOp", "PredictOpOutput", "Prediction", "PredictionOutput", "PredictionSamples", "PredictionSet",
        "PredictionValue", "ReconstructionLoss", "TValues",
    ],
    "alexflow.coreml.dataset": ["BinaryDatasetOutput", "Dataset", "DatasetOutput"],
    "alexflow.coreml.prediction": [
        "BinaryPredictionOutput", "Prediction", "PredictionOutput", "PredictionSet", "PredictionValue",
    ],
    "alexflow.coreml.tasks": ["BuildDatasetOp", "PredictOp"],
    "alexflow.helper": [
        "assign_storage_to_output", "exists_output", "flatten", "generate_task", "is_completed", "load_output",
        "remove_output", "run_task", "workflow_to_task_map",
    ],
    "alexflow.misc.gjson": ["dump", "load"],
    "alexflow.testing.tasks": ["DynamicTask1", "Task1", "Task2", "WriteValue"],
}  # fmt: skip


@pytest.mark.parametrize("module", FORMER)
def test_the_names_of_1_1_4_are_there(module):
    imported = importlib.import_module(module)
    assert [name for name in FORMER[module] if not hasattr(imported, name)] == []


def test_who_imports_an_old_path_is_told_the_new_one():
    script = "from alexflow.core import Task"
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stderr
    assert "<string>:1: DeprecationWarning: alexflow.core is an import path of alexflow 1.x; import from" in told


def test_nothing_else_imports_an_old_path():
    script = (
        "import alexflow, alexflow.engine, alexflow.legacy; alexflow.run; alexflow.legacy.Task, alexflow.legacy.run_job"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", script], check=True)
