"""Train one classifier, or with ``-m`` a study of many. See README.md and ``--help``."""

from zmodel.train import main

if __name__ == "__main__":
    main()
