"""Support for code and results of alexflow 1.x: tasks with the ids of 1.x, its documents, formats and storages."""

from typing import TYPE_CHECKING

from alexflow.lazy import lazy_names

if TYPE_CHECKING:
    from alexflow.legacy.adoption import Adoption as Adoption
    from alexflow.legacy.adoption import adopt as adopt
    from alexflow.legacy.dataset import BinaryDatasetOutput as BinaryDatasetOutput
    from alexflow.legacy.dataset import Dataset as Dataset
    from alexflow.legacy.dataset import DatasetOutput as DatasetOutput
    from alexflow.legacy.documents import deserialize as deserialize
    from alexflow.legacy.documents import serialize as serialize
    from alexflow.legacy.outputs import BinaryOutput as BinaryOutput
    from alexflow.legacy.outputs import JSONOutput as JSONOutput
    from alexflow.legacy.outputs import Output as Output
    from alexflow.legacy.outputs import SerializableOutput as SerializableOutput
    from alexflow.legacy.prediction import Bias as Bias
    from alexflow.legacy.prediction import BinaryPredictionOutput as BinaryPredictionOutput
    from alexflow.legacy.prediction import ClassProb as ClassProb
    from alexflow.legacy.prediction import Coefficients as Coefficients
    from alexflow.legacy.prediction import ConfidenceInterval as ConfidenceInterval
    from alexflow.legacy.prediction import Contributions as Contributions
    from alexflow.legacy.prediction import Importances as Importances
    from alexflow.legacy.prediction import Prediction as Prediction
    from alexflow.legacy.prediction import PredictionOutput as PredictionOutput
    from alexflow.legacy.prediction import PredictionSamples as PredictionSamples
    from alexflow.legacy.prediction import PredictionSet as PredictionSet
    from alexflow.legacy.prediction import PredictionValue as PredictionValue
    from alexflow.legacy.prediction import ReconstructionLoss as ReconstructionLoss
    from alexflow.legacy.prediction import TValues as TValues
    from alexflow.legacy.running import Termination as Termination
    from alexflow.legacy.running import run_job as run_job
    from alexflow.legacy.running import run_workflow as run_workflow
    from alexflow.legacy.serializable import Serializable as Serializable
    from alexflow.legacy.serializable import partial as partial
    from alexflow.legacy.storage import CompositeStorage as CompositeStorage
    from alexflow.legacy.storage import LocalStorage as LocalStorage
    from alexflow.legacy.tasks import AbstractTask as AbstractTask
    from alexflow.legacy.tasks import DynamicTask as DynamicTask
    from alexflow.legacy.tasks import FormerIds as FormerIds
    from alexflow.legacy.tasks import ResourceSpec as ResourceSpec
    from alexflow.legacy.tasks import Task as Task
    from alexflow.legacy.tasks import WrapperTask as WrapperTask
    from alexflow.legacy.workflow import Workflow as Workflow

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "adoption": "Adoption adopt",
        "dataset": "BinaryDatasetOutput Dataset DatasetOutput",
        "documents": "deserialize serialize",
        "outputs": "BinaryOutput JSONOutput Output SerializableOutput",
        "prediction": (
            "Bias BinaryPredictionOutput ClassProb Coefficients ConfidenceInterval Contributions Importances "
            "Prediction PredictionOutput PredictionSamples PredictionSet PredictionValue ReconstructionLoss "
            "TValues"
        ),
        "running": "Termination run_job run_workflow",
        "serializable": "Serializable partial",
        "storage": "CompositeStorage LocalStorage",
        "tasks": "AbstractTask DynamicTask FormerIds ResourceSpec Task WrapperTask",
        "workflow": "Workflow",
    },
)
