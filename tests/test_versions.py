import platform

import numpy as np

from fer import versions


def test_versions_are_those_of_the_installed_packages():
    found = versions.of("numpy", "no-such-package")
    assert found == {"python": platform.python_version(), "numpy": np.__version__}
    assert versions.of("numpy", "no-such-package") == found
