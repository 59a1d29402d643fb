# SPDX-License-Identifier: Apache-2.0
"""bench: one denoising step of a model by every route, in one run and interleaved."""

from __future__ import annotations

import contextlib
import gc
import statistics
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

import ditune.torch
from ditune.bench.clock import Clock, Sample, Sustained
from ditune.bench.compare import denoise, psnr, relative
from ditune.bench.groups import BASELINES, Group, plan
from ditune.bench.kernels import Kernel, kernels_of
from ditune.bench.models import Inputs, Model, Size, build, draw_inputs
from ditune.bench.routes import ROUTES, Prepare, Route, Step, as_it_is, bytes_of, sharing_copy, start, taken_weights
from ditune.errors import DituneError


@dataclass(frozen=True)
class Options:
    routes: tuple[str, ...] = tuple(ROUTES)
    size: Size | None = None  # None: the model's
    layers: int | None = None  # at most, of each list of blocks
    weights: str | None = None  # a folder that from_pretrained reads; None: random
    mask: bool = True  # whether attention gets the mask that diffusers makes
    steps: int = 4  # of Euler, to a latent that is compared; 0: none
    rounds: int = 10
    sustained: float = 2.0  # seconds without a pause, for the energy; 0: none
    kernels: bool = False  # whether a step of each route is told by kernel
    tune: float | None = None  # seconds for `ditune tune` of each model; None: what is tuned already
    device: str = "cuda"
    backend: str = "inductor"  # of torch.compile


@dataclass
class Row:
    """What was measured of a route, or why it was not."""

    name: str
    reason: str | None = None
    group: int | None = None
    samples: list[Sample] = field(default_factory=list)
    ratio: float | None = None  # to the baseline of its group
    first_s: float | None = None
    tune_s: float | None = None
    peak_bytes: int | None = None
    sustained: Sustained | None = None
    error: float | None = None  # relative, to bf16 eager
    psnr_db: float | None = None  # infinite where the latents are equal
    kernels: tuple[Kernel, ...] | None = None  # of one step
    operations: Counter[str] | None = None  # ditune's, by how their records match; "exact" are tuned

    def median(self) -> float:
        return statistics.median(sample.ms for sample in self.samples)


@dataclass
class Findings:
    rows: list[Row]
    baseline: str | None
    groups: list[Group]
    tokens: int
    size: Size
    parameters: int | None
    driver: str | None


Say = Callable[[str], None]


def bench(model: Model, options: Options, say: Say = lambda line: None) -> Findings:
    """Raises DituneError where nothing can be measured; what fails of a route is in its row."""
    device = torch.device(options.device)
    with torch.no_grad(), _many_compiled():
        return _Bench(model, options, device, say).run()


@contextlib.contextmanager
def _many_compiled() -> Iterator[None]:
    """Each route compiles the same blocks' code once more, and torch.compile gives up, silently, after a few."""
    wanted = {"recompile_limit": 64, "accumulated_recompile_limit": 1024, "fail_on_recompile_limit_hit": True}
    config: Any = torch._dynamo.config
    with config.patch({name: value for name, value in wanted.items() if hasattr(config, name)}):
        yield


@dataclass
class _Runner:
    row: Row
    step: Callable[[], Any]


class _Bench:
    def __init__(self, model: Model, options: Options, device: torch.device, say: Say) -> None:
        self.model, self.options, self.device, self.say = model, options, device, say
        self.clock = Clock(device)
        self.size = options.size or model.size
        self.tokens = model.tokens(self.size)
        self.rows = {name: Row(name) for name in options.routes}
        self.float: nn.Module | None = None
        self.inputs: Inputs = {}

    def run(self) -> Findings:
        there, free = self._there(), self.clock.free()
        if not there:
            return Findings(list(self.rows.values()), None, [], self.tokens, self.size, None, None)
        base, transient = self._begun()
        parameters, weights = sum(each.numel() for each in base.parameters()), bytes_of(base)
        taken = taken_weights(base)
        del base
        groups = plan(there, lambda _: taken + taken // 50, int(0.92 * free) - weights - 2 * transient)
        for number, group in enumerate(groups):
            self._measure(number, group)
        driver = self.clock.nvml.driver() if self.clock.nvml else None
        return Findings(list(self.rows.values()), self._baseline(), groups, self.tokens, self.size, parameters, driver)

    # ---- the model, its inputs, and what the routes should give

    def _begun(self) -> tuple[nn.Module, int]:
        """The float model, and the bytes that its step takes. Without these there is nothing to measure."""
        try:
            base = self._base()
            return base, self._reference(base)
        except DituneError:
            raise
        except torch.cuda.OutOfMemoryError as error:
            raise DituneError("the model in bf16 does not fit into the GPU's memory (give fewer --layers)") from error
        except Exception as error:
            raise DituneError(f"the model in bf16 cannot be run: {why(error)} (try another diffusers)") from error

    def _base(self) -> nn.Module:
        """The float model, which all routes start from."""
        if self.float is None:
            self.say("making the model" if self.options.weights is None else f"reading {self.options.weights}")
            base: Any = build(self.model, device=self.device, layers=self.options.layers, weights=self.options.weights)
            if not self.inputs:
                self.inputs = draw_inputs(self.model, base.config, self.size, self.device)
            if not self.options.mask and self.model.without_mask:
                self.model.without_mask(base, self.inputs)
            self.float = base
        return self.float

    def _output(self, made: Any) -> Tensor:
        output = made[0]
        output = torch.stack(output) if isinstance(output, list) else output
        return output[:, self.size.text :] if self.model.text_first else output

    def _reference(self, base: nn.Module) -> int:
        """Keeps what bf16 gives. The bytes that a step takes beside weights and inputs."""
        self._run(base)
        before = self.clock.allocated()
        self.clock.begin_peak()
        self.wanted = self._output(self._run(base)).float()
        transient = self.clock.peak() - before
        self.wanted_latent = self._denoise(base) if self.options.steps else None
        return transient

    def _run(self, step: Step) -> Any:
        return step(**self.inputs)

    def _denoise(self, step: Step) -> Tensor:
        latent = denoise(self.model, step, self.inputs, self.size, self.options.steps)
        return self._output([latent])

    # ---- a group

    def _there(self) -> list[Route]:
        routes = []
        for name, row in self.rows.items():
            row.reason = ROUTES[name].missing(self.device)
            if row.reason is None:
                routes.append(ROUTES[name])
        return routes

    def _measure(self, number: int, group: Group) -> None:
        prepared: dict[Prepare, nn.Module] = {}
        runners = []
        for route in group.routes:
            row = self.rows[route.name]
            if row.group is not None:
                row = Row(route.name)  # of a baseline that another group has told
            row.group = number
            try:
                if route.prepare not in prepared:
                    prepared[route.prepare] = self._prepared(route, row, group.alone)
                runners.append(self._warmed(route, row, prepared[route.prepare]))
                self.say(f"{row.name}: first call {row.first_s:.1f} s")
            except Exception as error:
                self._failed(row, error, len(runners))
            self._forget(compiled=False)
        self._interleave(runners)
        self._compare([runner.row for runner in runners])
        runners.clear()
        prepared.clear()
        self._forget()

    def _prepared(self, route: Route, row: Row, alone: bool) -> nn.Module:
        if route.prepare is as_it_is:
            return self._base()
        source = self._base()
        if alone:
            self.float = None  # its weights go one by one
        else:
            source = sharing_copy(source)
        made = route.prepare(source)
        if self.options.tune is not None and route.tunes:
            row.tune_s = self._tuned(made)
        return made

    def _tuned(self, made: nn.Module) -> float:
        budget = self.options.tune or None
        return self.clock.seconds(lambda: ditune.torch.tune(made, self.inputs, time_budget=budget))

    def _warmed(self, route: Route, row: Row, made: nn.Module) -> _Runner:
        step = start(route, made, self.options.backend)
        before = self.clock.allocated()
        self.clock.begin_peak()
        with ditune.torch.record() as operations:
            row.first_s = self.clock.seconds(lambda: self._run(step))
        row.operations = self.clock.matches(operations)
        output = self._output(self._run(step)).float()
        self.clock.wait()
        if self.clock.cuda:
            row.peak_bytes = bytes_of(made) + _bytes(self.inputs) + self.clock.peak() - before
        row.error = relative(output, self.wanted)
        if self.wanted_latent is not None:
            row.psnr_db = psnr(self._denoise(step), self.wanted_latent)
        return _Runner(row, lambda: self._run(step))

    def _failed(self, row: Row, error: Exception, beside: int) -> None:
        row.samples.clear()
        row.reason = why(error)
        if isinstance(error, torch.cuda.OutOfMemoryError):
            row.reason = f"out of GPU memory beside {beside} routes (name fewer in --routes)"
        self.say(f"{row.name}: {row.reason}")

    def _forget(self, compiled: bool = True) -> None:
        if compiled:
            torch._dynamo.reset()
        if self.clock.cuda:
            gc.collect()
            torch.cuda.empty_cache()

    # ---- time

    def _interleave(self, runners: list[_Runner]) -> None:
        """A step of each in turn, the first in turn another in each round. The first round is left out."""
        for number in range(self.options.rounds + 1):
            turn = number % max(1, len(runners))
            for runner in (*runners[turn:], *runners[:turn]):
                try:
                    sample = self.clock.sample(runner.step)
                except Exception as error:
                    self._failed(runner.row, error, len(runners) - 1)
                    runners.remove(runner)
                    continue
                if number:
                    runner.row.samples.append(sample)
        for runner in runners:
            try:
                self._look_closer(runner)
            except Exception as error:
                self._failed(runner.row, error, len(runners) - 1)

    def _look_closer(self, runner: _Runner) -> None:
        """At one route by itself, once all of them have been timed in turn."""
        row, seconds = runner.row, self.options.sustained
        if seconds:
            row.sustained = self.clock.sustained(runner.step, row.median(), seconds)
        if self.options.kernels:
            row.kernels = kernels_of(runner.step, self.device)

    def _baseline(self) -> str | None:
        return next((name for name in BASELINES if name in self.rows and self.rows[name].samples), None)

    def _compare(self, rows: Sequence[Row]) -> None:
        """With the baseline of the group; where the group has none, with that of the first."""
        name = self._baseline()
        if name is None:
            return
        baseline = next((row for row in rows if row.name == name and row.samples), self.rows[name])
        for row in rows:
            if row.samples:
                row.ratio = row.median() / baseline.median()


def _bytes(inputs: Inputs) -> int:
    found = [value if isinstance(value, list) else [value] for value in inputs.values()]
    return sum(each.nbytes for values in found for each in values if isinstance(each, Tensor))


def why(error: Exception) -> str:
    """One line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = lines[0] if lines else "no message"
    text = text if isinstance(error, DituneError) else f"{type(error).__name__}: {text}"
    return text if len(text) <= 200 else f"{text[:197]}..."
