"""The entry point of a project made from the lightning-hydra-template."""

import hydra
from omegaconf import DictConfig

from zmodel.run import run as train  # the one line: it was `from project.train import train`


@hydra.main(
    config_path="configs",
    config_name="train.yaml",
    execution_whitelist=[
        "project.*",
        "zmodel.*",
        "pytorch_lightning.*",
        "torch.optim.*",
        "optuna.*",
    ],
)
def main(cfg: DictConfig):
    return train(cfg)


if __name__ == "__main__":
    main()
