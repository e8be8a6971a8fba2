"""Can this study be believed? Reads a study, judges it, writes its report. See ``--help``."""

from zmodel.analyze import main

if __name__ == "__main__":
    main()
