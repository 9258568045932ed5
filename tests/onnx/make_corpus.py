#!/usr/bin/python3
"""Write the seeds of the ONNX fuzzing corpus: make_corpus.py FOLDER

Seeds are the small ones among the models of models.py, good and bad, so that every operator and every
refusal is a mutation away; larger ones, and those that use up the reader's budget, add nothing but
time."""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import models

LARGEST = 700
SLOW = ("bad-budget", "bad-huge-broadcast", "bad-huge-product")


def seeds():
    for name, model in models.agreeing():
        yield name, model.SerializeToString()
    for name, content, _ in models.refused():
        yield "bad-" + name, content


def is_worth(name, taken):
    """One or two seeds of a family (the name up to its first parameter) are enough."""
    family = name.split("-[")[0].split("-(")[0].rstrip("0123456789")
    taken[family] = taken.get(family, 0) + 1
    return taken[family] <= 2


def main():
    folder = sys.argv[1]
    os.makedirs(folder, exist_ok=True)
    taken = {}
    for name, content in seeds():
        if len(content) <= LARGEST and name not in SLOW and is_worth(name, taken):
            clean = "".join(c if c.isalnum() or c in "+-" else "_" for c in name)
            with open(os.path.join(folder, clean + ".onnx"), "wb") as file:
                file.write(content)


if __name__ == "__main__":
    main()
