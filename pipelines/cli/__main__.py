"""python -m cliptrace.pipelines.cli, as the program itself."""

from cliptrace.pipelines.cli import program

if __name__ == "__main__":
    program()
