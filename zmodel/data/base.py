"""The base class of all data sets.

A new one implements the three abstract members, in ~30 lines:

    class Blobs(InMemoryData):
        class_names = ("left", "right")

        def load_train(self) -> Arrays:
            with np.load(self.data_dir / "blobs.npz") as file:
                return Arrays(file["x"].astype(np.float32), file["y"].astype(np.int64))

        def load_test(self) -> Arrays: ...

and conf/data/blobs.yaml, which names it in `_target_`. The rest is done here: checks, split, hash.

Shapes: N samples, a sample is (features,), (channels, length) or (channels, height, width).
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from pytorch_lightning.utilities.seed import isolate_rng

from zmodel.core.arguments import at_least, below_one
from zmodel.data.arrays import Arrays, check_arrays, check_shape, effective, mean_one
from zmodel.data.batches import Augment, Part
from zmodel.data.drawn_split import Indices, checked_folds, fold_split, stratified_split
from zmodel.data.loaders import InMemoryLoaders
from zmodel.data.normalise import Floats, Normaliser, fit_normaliser
from zmodel.data.targets import Classes, Measured, Targets
from zmodel.table.preparation import Preparation

log = logging.getLogger(__name__)

FOLDS, FEW = 5, 500
"""With 100 validation samples of 500 the standard error of an accuracy is up to .05."""


class InMemoryData(InMemoryLoaders, ABC):
    """A data set that fits in memory: of classes, or of measured values to predict.

    batch_size        samples per training batch (of one process)
    epoch_steps       least training batches of an epoch: small data are passed over several times,
                      so that patience, allowance and curves count epochs of a useful length
    eval_batch_size   most samples per validation and test batch; has no effect on the metrics
    val_fraction      share of the training part that validation gets, of every class alike
    split_seed        decides the validation split; with `reshuffle` the run adds its own seed
    normalize         subtract the mean and divide by the deviation, per channel (per feature for
                      vectors), both taken from what is trained on
    augment           called as augment(x, generator) on training batches, after normalisation
    folds, fold       cut the training part into so many and validate on one (from 0), not on
                      val_fraction; "auto" is for the run to settle (fitting_folds)
    train_on_all      train on training and validation samples (the final retraining of chosen
                      settings); validation metrics are then no estimate any more
    data_dir          where sources and caches lie

    Guarantees: loading leaves the global random state of Python, NumPy and torch as it was. The
    test set is loaded in stage "test" and never earlier. See InMemoryLoaders for those of batches.
    Raises ValueError that names the data set, what was expected and what was found.
    """

    def __init__(
        self,
        *,
        batch_size: int = 100,
        epoch_steps: int = 1,
        eval_batch_size: int = 4096,
        val_fraction: float = 0.2,
        split_seed: int = 0,
        reshuffle: bool = False,
        normalize: bool = True,
        augment: Augment | None = None,
        folds: int | str | None = None,
        fold: int = 0,
        train_on_all: bool = False,
        data_dir: str | Path = "data",
    ) -> None:
        super().__init__(batch_size, eval_batch_size, augment, epoch_steps)
        at_least("data.split_seed", split_seed, 0)
        below_one("val_fraction", val_fraction, zero=False)
        number = checked_folds(folds, fold)
        if number is not None and train_on_all:
            raise ValueError(
                "data.folds keeps samples for validation that data.train_on_all trains on, got "
                f"folds={folds} and train_on_all=true; set one of them to null."
            )
        self.val_fraction, self.split_seed, self.reshuffle = val_fraction, split_seed, reshuffle
        self.folds, self.fold, self.train_on_all = number, fold, train_on_all
        self.normalize, self.data_dir = normalize, Path(data_dir).expanduser()
        self._hash: str | None = None
        self._ahead: Arrays | None = None  # loaded before setup()
        self.normaliser: Normaliser | None = None
        """Fitted to the training samples by setup(); None when nothing is normalised."""
        self.preparation: Preparation | None = None
        """Fitted to them before; None when samples are numbers already."""

    # --- what a data set implements ---

    @property
    @abstractmethod
    def class_names(self) -> Sequence[str]:
        """Names of the classes 0..C-1; a plain class attribute will do."""

    @abstractmethod
    def load_train(self) -> Arrays:
        """Training and validation samples together, always in the same order."""

    @abstractmethod
    def load_test(self) -> Arrays:
        """Samples that no decision may depend on."""

    def split(self, train: Arrays) -> tuple[Indices, Indices]:
        """(training, validation) indices into `train`; override for a given split."""
        strata, names = self.targets.strata(train.y)
        return stratified_split(strata, self.val_fraction, self.split_seed, names)

    def split_fold(self, train: Arrays, folds: int) -> tuple[Indices, Indices]:
        """The same for the present one of `folds`; override where samples form groups."""
        strata, names = self.targets.strata(train.y)
        return fold_split(strata, None, folds, self.fold, self.split_seed, names)

    @property
    def holes(self) -> bool:
        """Whether samples may have missing values (NaN), which the preparation fills."""
        return False

    def fit_preparation(self, x: Floats) -> Preparation | None:
        """What makes numbers of words and missing values, fitted to what is trained on."""
        return None

    def most_folds(self, train: Arrays) -> int:
        """As many folds as can be cut; override where samples form groups or a split is given."""
        return int(np.bincount(self.targets.strata(train.y)[0]).min())

    # --- what everybody else uses ---

    @property
    def targets(self) -> Targets:
        """What y are: classes, or ``Measured``."""
        return Classes(tuple(self.class_names))

    @property
    def target_names(self) -> tuple[str, ...]:
        """Names of the values that a regression predicts; none of a data set of classes."""
        return self.targets.names if isinstance(self.targets, Measured) else ()

    def fitting_folds(self) -> int | None:
        """FOLDS for fewer than FEW samples of training and validation together, else None."""
        with isolate_rng(include_cuda=False):
            train = self._ahead = self.load_train()
        folds = min(FOLDS, self.most_folds(train))
        return folds if len(train.y) < FEW and folds >= 2 else None

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one sample."""
        self.setup("fit")
        return tuple(self.parts["val"][0].shape[1:])

    @property
    def num_classes(self) -> int:
        """Outputs of a network: as many as classes, or as values to predict."""
        self.setup("fit")
        return len(self.targets.names)

    @property
    def class_counts(self) -> list[float]:
        """How many samples of each class are trained on; where they have weights, their sum."""
        _, y, *weights = self.samples_of("train")
        per_sample = weights[0].cpu() if weights else None
        return y.cpu().bincount(per_sample, minlength=self.num_classes).tolist()

    def content_hash(self) -> str:
        """SHA-256 of training and validation samples, labels, weights, split and normalisation.

        The test set is left out, for it is not loaded before the end; `train_on_all` too, so
        that a final retraining has the hash of the study it belongs to.
        """
        if self._hash is None:
            self._load_train()
            assert self._hash is not None
        return self._hash

    def setup(self, stage: str | None = None) -> None:
        """Load what `stage` needs ("test" and None: everything), once."""
        if "val" not in self.parts:
            train, rest, val = self._load_train()
            seen = train if self.train_on_all else train.take(rest)
            self.preparation = self.fit_preparation(seen.x)
            seen = self._prepared(seen).narrowed()
            if self.normalize:
                self.normaliser = fit_normaliser(seen.x)
            elif seen.x.dtype == np.float64:
                log.warning(
                    f"{self.source}: some values differ by less than single precision can tell, "
                    "which is what networks compute in; set data.normalize=true."
                )
            self.parts["train"] = self._tensors(seen, mean_one)
            self.parts["val"] = self._tensors(self._prepared(train.take(val)), effective)
        if stage in ("test", None) and "test" not in self.parts:
            with isolate_rng(include_cuda=False):
                test = self.load_test()
            where = f"{self.source}, test part"
            check_arrays(where, test, self.targets, self.holes)
            test = self._prepared(test)
            check_shape(where, test.x.shape[1:], self.input_shape)
            self.targets.check_part(where, test.y)
            self.parts["test"] = self._tensors(test, effective)

    @property
    def source(self) -> str:
        """How messages call this data set."""
        return type(self).__name__

    # --- how it is done ---

    def _load_train(self) -> tuple[Arrays, Indices, Indices]:
        """Checked arrays, training indices, validation indices."""
        train, self._ahead = self._ahead, None
        if train is None:
            with isolate_rng(include_cuda=False):
                train = self.load_train()
        where, targets = f"{self.source}, training part", self.targets
        check_arrays(where, train, targets, self.holes)
        targets.check_part(where, train.y)
        if not (self.holes and np.isnan(train.x).any()):
            train = train.narrowed()
        try:
            rest, val = self.split_fold(train, self.folds) if self.folds else self.split(train)
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from error
        assert len(np.intersect1d(rest, val)) == 0, "split() must return disjoint indices"
        targets.check_part(f"{where} without validation", train.y[rest])
        targets.check_part(f"{self.source}, validation part", train.y[val])
        # here, since every run tells it, and loading again takes longer
        self._hash = train.digest(val, f"{train.x.shape} normalize={self.normalize}")
        return train, rest, val

    def _prepared(self, arrays: Arrays) -> Arrays:
        return arrays if not self.preparation else arrays._replace(x=self.preparation(arrays.x))

    def _tensors(self, arrays: Arrays, scaled: Callable[[Floats], Floats]) -> Part:
        if self.normaliser is not None:
            arrays = arrays._replace(x=self.normaliser(arrays.x))
        return arrays.tensors(scaled)
