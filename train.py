"""Train one classifier, or with ``-m`` a study of many. See README.md and ``--help``."""

from zmodel.train import main  # an @hydra.main: completion of the shell looks for this word

if __name__ == "__main__":
    main()
