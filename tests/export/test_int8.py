"""Weights of eight bits."""

import numpy as np
import onnxruntime

from fer.export import int8
from fer.inference.network import Network


def test_rounding_is_by_channel_and_within_half_a_step():
    values = np.random.default_rng(0).normal(size=(6, 5, 3, 3)) * np.logspace(-3, 3, 6).reshape(-1, 1, 1, 1)
    values[2] = 0
    levels, scale = int8.rounded(values.astype(np.float32), 0)
    assert levels.dtype == np.int8
    assert scale.shape == (6, 1, 1, 1)
    assert (np.abs(levels * scale - values) <= 0.5001 * scale).all()
    assert (np.abs(levels).reshape(6, -1).max(axis=1) == [127, 127, 0, 127, 127, 127]).all()


def test_a_file_is_smaller_and_answers_alike(networks, tmp_path):
    folder, _, faces = networks
    small = tmp_path / "small.onnx"
    int8.write(folder / "small.onnx", small)
    assert small.stat().st_size < (folder / "small.onnx").stat().st_size
    found, expected = Network(small), Network(folder / "small.onnx")
    assert found.about.precision == "int8"
    assert found.about.weights == expected.about.weights
    for views in (1, 4):
        difference = np.abs(
            found.probabilities({"pixels": faces}, views) - expected.probabilities({"pixels": faces}, views)
        )
        assert 0 < difference.max() < 0.02


def test_what_is_rounded_is_worked_out_when_the_file_is_loaded(networks, tmp_path):
    small, loaded = tmp_path / "small.onnx", tmp_path / "loaded.onnx"
    int8.write(networks[0] / "small.onnx", small)
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(loaded)
    onnxruntime.InferenceSession(small, options, providers=["CPUExecutionProvider"])
    assert b"_int8" in small.read_bytes()
    assert b"_int8" not in loaded.read_bytes()
