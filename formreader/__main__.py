"""``python -m formreader`` is ``formreader``."""

from formreader.cli import main

if __name__ == "__main__":
    main()
