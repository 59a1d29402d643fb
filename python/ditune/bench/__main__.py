# SPDX-License-Identifier: Apache-2.0
"""python -m ditune.bench MODEL [OPTIONS]"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import os
import pathlib
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NoReturn

from ditune.errors import DituneError, NoDeviceError, UsageError

if TYPE_CHECKING:
    from ditune.bench.measure import Options
    from ditune.bench.models import Model, Size

_DONE, _BAD, _WRONG, _FAILED = range(4)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (see python -m ditune.bench --help)")


def _parser() -> argparse.ArgumentParser:
    from ditune.bench.models import MODELS
    from ditune.bench.routes import ROUTES

    parser = _Parser(
        prog="python -m ditune.bench",
        description="One denoising step of a diffusers transformer by several routes, in one run and interleaved: "
        "milliseconds, host time, first call, peak memory, watts, error to bf16.",
        allow_abbrev=False,
    )
    parser.add_argument("model", metavar="MODEL", help=", ".join(MODELS))
    parser.add_argument(
        "--resolution", metavar="WIDTHxHEIGHT", help="pixels, like 1280x720; left out: what the model is for"
    )
    parser.add_argument("--frames", type=_counted(1), metavar="N", help="of a video")
    parser.add_argument("--text", type=_counted(1), metavar="N", help="tokens of text")
    parser.add_argument("--routes", metavar="NAME,...", help=f"left out: all of {', '.join(ROUTES)}")
    parser.add_argument("--layers", type=_counted(1), metavar="N", help="at most, of each list of blocks")
    parser.add_argument("--weights", metavar="FOLDER", help="the transformer's; left out: random weights")
    either = argparse.BooleanOptionalAction
    parser.add_argument(
        "--mask", action=either, default=True, help="--no-mask leaves out those of attention that are all true"
    )
    parser.add_argument(
        "--compile", action=either, default=True, help="--no-compile leaves out the routes under torch.compile"
    )
    parser.add_argument("--tune", type=_counted(0), nargs="?", const=0, metavar="SECONDS",
                        help="has ditune tune its models first; after so long no operation of one begins")  # fmt: skip
    parser.add_argument("--rounds", type=_counted(1), default=10, metavar="N", help="steps of each route (10)")
    parser.add_argument("--steps", type=_counted(0), default=4, metavar="N",
                        help="denoising steps to the latent whose PSNR is told; 0: none (4)")  # fmt: skip
    parser.add_argument("--sustained", type=_seconds, default=2.0, metavar="SECONDS",
                        help="steps without a pause, for the watts; 0: none (2)")  # fmt: skip
    parser.add_argument("--kernels", action="store_true", help="a step of each route by kernel, too")
    parser.add_argument("--device", default="cuda", help="cuda, cuda:N, or cpu (cuda)")
    parser.add_argument("--json", metavar="FILE", help="writes all of it, too")
    return parser


def _counted(least: int) -> Callable[[str], int]:
    def counted(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text!r} is no number from {least} on")
        return int(text)

    return counted


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds")
    return value


# ---- the command line's options


def _model(name: str, models: Mapping[str, Model]) -> Model:
    if name not in models:
        raise UsageError(f"the model {name!r} is not known (give one of {', '.join(models)})")
    return models[name]


def _size(arguments: argparse.Namespace, size: Size) -> Size:
    if arguments.resolution is not None:
        found = re.fullmatch(r"(\d+)x(\d+)", arguments.resolution)
        if found is None:
            raise UsageError(f"--resolution {arguments.resolution} is not WIDTHxHEIGHT (like 1280x720)")
        size = size._replace(width=int(found[1]), height=int(found[2]))
    return size._replace(frames=arguments.frames or size.frames, text=arguments.text or size.text)


def _routes(arguments: argparse.Namespace) -> tuple[str, ...]:
    from ditune.bench.routes import ROUTES

    names = tuple(dict.fromkeys(arguments.routes.split(","))) if arguments.routes is not None else tuple(ROUTES)
    for name in names:
        if name not in ROUTES:
            raise UsageError(f"the route {name!r} is not known (give some of {', '.join(ROUTES)})")
    if not arguments.compile:
        names = tuple(name for name in names if ROUTES[name].runs != "compiled")
    if not names:
        raise UsageError("no route is left (leave out --no-compile)")
    return names


def _options(arguments: argparse.Namespace, model: Model) -> Options:
    from ditune.bench.measure import Options

    if arguments.weights is not None and arguments.layers is not None:
        raise UsageError("--layers is for random weights (leave it out, or --weights)")
    if arguments.weights is not None and not os.path.isdir(arguments.weights):
        raise UsageError(f"{arguments.weights} is no folder (give the pipeline's folder transformer)")
    if arguments.json is not None and not pathlib.Path(arguments.json).absolute().parent.is_dir():
        raise UsageError(f"the folder of {arguments.json} is not there (make it first)")
    return Options(
        routes=_routes(arguments),
        size=_size(arguments, model.size),
        layers=arguments.layers,
        weights=arguments.weights,
        mask=arguments.mask,
        steps=arguments.steps,
        rounds=arguments.rounds,
        sustained=arguments.sustained,
        kernels=arguments.kernels,
        tune=arguments.tune,
        device=arguments.device,
    )


def _check_device(name: str) -> None:
    import torch

    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UsageError(f"--device {name} is none (give cuda, cuda:N or cpu)") from error
    if device.type not in ("cuda", "cpu"):
        raise UsageError(f"--device {name} cannot be measured (give cuda, cuda:N or cpu)")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise NoDeviceError(f"there is no GPU {device.index or 0} that torch can use (give --device cpu to try it out)")


# ---- to files and terminals


def _write(file: str, text: str) -> None:
    """All of it or nothing."""
    beside = pathlib.Path(f"{file}.{os.getpid()}")
    try:
        beside.write_text(text)
        beside.replace(file)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise UsageError(f"{file} cannot be written: {error.strerror} (give another --json)") from error


def _say(line: str) -> None:
    print(f"ditune.bench: {line}", file=sys.stderr, flush=True)


def _run(words: Sequence[str], models: Mapping[str, Model] | None, backend: str) -> int:
    import torch

    from ditune.bench.measure import bench
    from ditune.bench.models import MODELS
    from ditune.bench.output import as_json, as_table

    arguments = _parser().parse_args(words)
    model = _model(arguments.model, MODELS if models is None else models)
    options = dataclasses.replace(_options(arguments, model), backend=backend)
    _check_device(options.device)
    if torch.device(options.device).type == "cuda":
        torch.cuda.set_device(options.device if ":" in options.device else 0)
    found = bench(model, options, _say)
    print(as_table(arguments.model, options, found), flush=True)
    if arguments.json is not None:
        _write(arguments.json, json.dumps(as_json(arguments.model, options, found), indent=2) + "\n")
    return _DONE if any(row.samples for row in found.rows) else _BAD


def main(words: Sequence[str], models: Mapping[str, Model] | None = None, backend: str = "inductor") -> int:
    """The exit code. Tests give models and a backend of torch.compile of their own."""
    try:
        return _run(words, models, backend)
    except UsageError as error:
        failure, code = str(error), _WRONG
    except ImportError as error:
        failure, code = f"{error} (pip install torch diffusers)", _FAILED
    except DituneError as error:
        failure, code = str(error), _FAILED
    except KeyboardInterrupt:
        failure, code = "interrupted (nothing was written)", 130
    print(f"ditune: error: {failure}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
