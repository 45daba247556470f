"""A `python` that has loaded the libraries already: `python -m <module>` runs in a fork of one process.

Loading Lightning takes longer than training a tiny network, and a pipeline has forty stages. So the demo and the tests
run their commands this way, on Linux.

    python preloaded.py serve SOCKET            the number of a listening socket: a fork for each request
    python preloaded.py call ADDRESS -m ...     the `python` that `started` puts in a folder
"""

import atexit
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import warnings
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

LIBRARIES = (
    "cv2", "dvc.cli", "dvc.repo", "lightning", "matplotlib.pyplot", "onnx", "onnxruntime", "pandas", "psutil",
    "pyarrow.parquet", "pydantic", "safetensors.torch", "scipy.stats", "timm", "torch._dynamo", "torch.onnx",
    "torch_geometric.nn", "torchvision", "yaml",
)  # fmt: skip

_status: int | None = None


@contextmanager
def started(environment: dict[str, str]) -> Iterator[str]:
    """Start the process that loads the libraries; gives a folder with a `python` for the front of a PATH."""
    with tempfile.TemporaryDirectory(prefix="fer-") as folder:
        address, python = f"{folder}/socket", Path(folder, "python")
        python.write_text(f'#!/bin/sh\nexec "{sys.executable}" -IS "{__file__}" call "{address}" "$@"\n')
        python.chmod(0o755)
        with new_socket() as listening:
            listening.bind(address)
            listening.listen()
            number = listening.fileno()
            command = [sys.executable, __file__, "serve", str(number)]
            process = subprocess.Popen(command, env=environment, pass_fds=[number], stdin=subprocess.PIPE)
        with process:
            yield folder  # at the end its stdin is closed


def new_socket() -> socket.socket:
    return socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)


@contextmanager
def quick_dvc() -> Iterator[None]:
    """Let DVC read its YAML files by libyaml, and write dvc.lock by it, in the same bytes, during a block.

    DVC reads dvc.lock three times a stage, writes it once and reads params.yaml once, by a library in Python that can
    keep comments. Where dvc.lock has forty stages, that takes about 2 s for each stage.
    """
    import yaml
    from dvc.utils import strictyaml
    from dvc.utils.serialize import _yaml
    from ruamel.yaml.resolver import implicit_resolvers

    class Loader(yaml.CSafeLoader):
        pass

    class Dumper(yaml.CSafeDumper):
        def ignore_aliases(self, _: Any) -> bool:
            return True

    Loader.yaml_implicit_resolvers, Dumper.yaml_implicit_resolvers = {}, {}
    for versions, tag, pattern, first in implicit_resolvers:
        if (1, 2) in versions:  # DVC's; libyaml's own is 1.1, in which "off" is a truth value and "1e-5" is text
            Loader.add_implicit_resolver(tag, pattern, first)
            Dumper.add_implicit_resolver(tag, pattern, first)
    Dumper.add_representer(OrderedDict, lambda dumper, values: dumper.represent_dict(values.items()))
    Dumper.add_representer(type(None), lambda dumper, _: dumper.represent_scalar("tag:yaml.org,2002:null", ""))
    Dumper.add_representer(float, lambda dumper, value: dumper.represent_scalar("tag:yaml.org,2002:float", repr(value)))
    read, write = _yaml.parse_yaml, _yaml._dump

    def read_quickly(text: str, path: str, typ: str = "safe") -> Any:
        if typ != "safe" and not path.endswith("dvc.lock"):  # such text is changed, and keeps its comments
            return read(text, path, typ)
        try:
            return yaml.load(text, Loader) or {}
        except yaml.YAMLError as error:
            raise _yaml.YAMLFileCorruptedError(path) from error

    def write_quickly(data: Any, stream: TextIO) -> None:
        if type(data) is dict:  # what DVC reads to be changed has a type of its own
            yaml.dump(data, stream, Dumper, default_flow_style=False, sort_keys=False, allow_unicode=True)
        else:
            write(data, stream)

    _yaml.parse_yaml = strictyaml.parse_yaml = read_quickly
    _yaml._dump = write_quickly
    try:
        yield
    finally:
        _yaml.parse_yaml = strictyaml.parse_yaml = read
        _yaml._dump = write


def serve(listening: socket.socket) -> None:
    """Load the libraries and wait for requests; returns in a fork, with the arguments of its command in `sys.argv`."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*torch.jit.script.*")  # torch-geometric's, not the user's, affair
        for name in LIBRARIES:
            importlib.import_module(name)
    gc.freeze()  # else each fork's garbage collection goes through all of the libraries, and copies them
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the forks
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the commands
    while sys.stdin not in select.select([listening, sys.stdin], [], [])[0]:  # it is closed at the end
        connection, _ = listening.accept()
        with connection:
            if os.fork() == 0:
                listening.close()
                become(connection)
                return
    os._exit(0)  # to free the libraries takes seconds


def become(connection: socket.socket) -> None:
    """In a fork, begin the command of a request; in the process between, tell its number and at its end its status."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    request, streams, *_ = socket.recv_fds(connection, 2**20, 3)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    if command := os.fork():
        connection.send(str(command).encode())
        status = os.waitstatus_to_exitcode(os.waitpid(command, 0)[1])
        connection.send(bytes([status % 256]))
        os._exit(0)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.stdin, sys.stdout = os.fdopen(0), os.fdopen(1, "w")
    sys.stderr = os.fdopen(2, "w", buffering=1, errors="backslashreplace")
    arguments, folder, environment = json.loads(request)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.path[0], sys.argv = folder, arguments


def run_module(name: str) -> None:
    """`python -m name`, and note the status with which it ends."""
    global _status
    _status = 1
    try:
        runpy.run_module(name, run_name="__main__", alter_sys=True)
        _status = 0
    except SystemExit as ended:
        _status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        raise


def end() -> None:
    """End a fork at once: to free the libraries that it shares takes three seconds."""
    if _status is not None:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(_status)


def request(
    address: str, arguments: Sequence[str], folder: str, environment: Mapping[str, str], streams: Sequence[int]
) -> socket.socket:
    """Have `python -m` run with some arguments, a folder, an environment, and stdin, stdout and stderr.

    Returns:
        A socket, to be closed, on which the number of the command's process comes, and at its end its status, a byte.
    """
    connection = new_socket()
    connection.connect(address)
    words = json.dumps([list(arguments), folder, dict(environment)])
    socket.send_fds(connection, [words.encode()], list(streams))
    return connection


def call(address: str, arguments: list[str]) -> int:
    """Have a command run with this process's streams, folder and environment; returns its status."""
    signal.signal(signal.SIGINT, lambda *_: None)  # the command has got it too, and ends with its status
    with request(address, arguments, os.getcwd(), os.environ, (0, 1, 2)) as connection:
        connection.recv(16)  # the number of the process
        return connection.recv(1)[0]


if __name__ == "__main__":
    what, where, *words = sys.argv[1:]
    if what == "call" and words[:1] == ["-m"]:
        sys.exit(call(where, words[1:]))
    if what == "call":
        os.execv(sys.executable, [sys.executable, *words])
    atexit.register(end)  # before the libraries', so that it is called after theirs
    with quick_dvc():
        serve(socket.socket(fileno=int(where)))
        run_module(sys.argv[0])
