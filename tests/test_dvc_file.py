"""What dvc.yaml names by hand agrees with the table of models."""

import yaml

from fer import config
from tests.known_params import TOP

PIPELINE = yaml.safe_load((TOP / "dvc.yaml").read_text())
VARIABLES = {key: value for entry in PIPELINE["vars"] for key, value in entry.items()}
TEACHERS = set(config.networks()) - set(config.students())


def test_every_model_ensemble_and_student_has_its_entry():
    assert set(VARIABLES["models"]) == set(config.networks())
    assert VARIABLES["ensembles"] == config.ensembles()
    assert VARIABLES["students"] == config.students()


def test_an_ensemble_depends_on_every_model_that_may_be_a_member():
    dependencies = PIPELINE["stages"]["ensemble"]["do"]["deps"]
    assert {f"data/predictions/{name}.parquet" for name in TEACHERS} <= set(dependencies)


def test_soft_labels_depend_on_every_teacher_and_its_code():
    dependencies = PIPELINE["stages"]["soft_labels"]["do"]["deps"]
    models = {f"models/{name}" for name in TEACHERS}
    ensembles = {f"models/onnx/{name}.json" for name in config.ensembles()}
    code = {f"fer/models/{VARIABLES['models'][name]['code']}.py" for name in TEACHERS}
    assert models | ensembles | code <= set(dependencies)


def test_the_error_analysis_depends_on_every_model_and_ensemble():
    dependencies = PIPELINE["stages"]["error_analysis"]["deps"]
    assert {f"data/predictions/{name}.parquet" for name in (*config.networks(), *config.ensembles())} <= set(
        dependencies
    )


def test_the_explanations_depend_on_every_model_and_its_code():
    dependencies = set(PIPELINE["stages"]["explain"]["deps"])
    names = config.networks()
    assert {f"data/predictions/{name}.parquet" for name in names} <= dependencies
    assert {f"models/{name}" for name in names} <= dependencies
    assert {f"fer/models/{VARIABLES['models'][name]['code']}.py" for name in names} <= dependencies
