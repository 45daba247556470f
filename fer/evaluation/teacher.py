"""A teacher's answers for the faces of train (Hinton et al., "Distilling the Knowledge in a Neural Network", 2015)."""

from fer import artifacts, models, paths
from fer.config import Params
from fer.evaluation import ensemble
from fer.evaluation.predict import predict_train
from fer.evaluation.predictions import Predictions


def on_train(name: str, params: Params) -> Predictions:
    """What a trained model or an ensemble answers for every face of train.

    Args:
        name: of the teacher.
        params: as `predict_train` uses them.

    Raises:
        FerError: a model is not trained, or the ensemble's weights are missing.
    """
    if name in models.MODELS:
        return predict_train(name, params)
    file = paths.ONNX / f"{name}.json"
    with artifacts.validating(file):
        weights = {str(member): float(weight) for member, weight in artifacts.read_json(file)["members"].items()}
    members = {member: predict_train(member, params) for member in weights}
    return ensemble.average(members, weights) if len(members) > 1 else next(iter(members.values()))
