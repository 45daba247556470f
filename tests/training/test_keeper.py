import pytest

from fer.errors import FerError


@pytest.mark.parametrize("rate", [1e300, 1e38])
def test_a_learning_rate_that_no_weight_can_hold(train, rate):
    with pytest.raises(FerError, match=rf"The learning rate {rate:g}".replace("+", r"\+")):
        train(lr=rate)


def test_a_weight_decay_that_no_weight_can_hold(train):
    with pytest.raises(FerError, match="The training diverged in epoch 1"):
        train(weight_decay=1e300)
