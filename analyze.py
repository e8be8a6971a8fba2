"""Can this study be believed? Reads a study, judges it, writes its report. See ``--help``."""

from zmodel.analyze import main  # an @hydra.main: completion of the shell looks for this word

if __name__ == "__main__":
    main()
