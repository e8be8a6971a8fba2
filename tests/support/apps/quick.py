"""See quick.yaml."""

import os
import signal
import time
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from zmodel.cli.command import command
from zmodel.core.interrupt import Interrupted, Paused, stop
from zmodel.core.running_trial import pauses_after, running_trial


@command
@hydra.main(config_path=".", config_name="quick")
def main(cfg: DictConfig):
    trial = running_trial()
    number = trial.number if trial else None
    folder = Path(HydraConfig.get().runtime.output_dir)
    first = int(Path(cfg.ckpt_path).read_text()) if cfg.ckpt_path else 0
    for epoch in range(first, cfg.epochs):
        time.sleep(cfg.seconds)
        names = {"x": cfg.x, "layers": cfg.layers, "number": number, "epoch": epoch}
        if eval(cfg.dies, names):
            os.kill(os.getpid(), signal.SIGKILL)
        if eval(cfg.fails, names):
            raise RuntimeError("told to fail")
        here = Path(HydraConfig.get().runtime.output_dir)
        assert here == folder, "another trial's configuration"
        if trial:
            trial.report(epoch, cfg.x * (epoch + 1))
            if trial.should_prune():
                trial.pruned = True
                break
        pauses = pauses_after(epoch + 1)
        if (pauses or stop.signum is not None) and epoch + 1 < cfg.epochs:
            (folder / "checkpoints").mkdir(exist_ok=True)
            (folder / "checkpoints" / "last.ckpt").write_text(str(epoch + 1))
            raise Paused if pauses else Interrupted(stop.signum)
    return eval(cfg.returns, {"x": cfg.x, "layers": cfg.layers, "number": number, "exit": exit})


if __name__ == "__main__":
    main()
