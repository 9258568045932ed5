#!/usr/bin/env python3
"""lipcert from Python, in the order in which one would ask.  The marks # %% make cells of this file in
notebooks and editors; run as a script it prints everything.  docs/python.md explains more."""

# %% A network and an image ------------------------------------------------------------------------
import os

import numpy as np

import lipcert

here = os.path.dirname(os.path.abspath(__file__))
net = lipcert.Network(os.path.join(here, "digits.onnx"))
table = np.loadtxt(os.path.join(here, "digits.csv"), delimiter=",")
label, image = int(table[3, 0]), table[3, 1:] / 16
scores = net.eval(image)
print(net.info.inputs, "inputs,", net.info.neurons, "ReLUs,", net.info.outputs, "outputs")
print("label", label, "- the network says", int(scores.argmax()))

# %% How fast can all scores change, anywhere? -----------------------------------------------------
everywhere = lipcert.bound(net, norm=2)
print(
    "all outputs, R^64, norm 2:    {:.4f} <= L <= {:.4f}".format(
        everywhere.lower,
         everywhere.upper))

# %% How fast can the preference for 3 over 8 change near this image? ------------------------------
eps = 0.05
box = lipcert.Box(image, eps, clip=(0, 1))
margin = lipcert.bound(net, norm="inf", region=box, output=(3, 8))
print("f_3 - f_8, near the image:    {:.4f} <= L <= {:.4f}".format(margin.lower, margin.upper))
for step in margin.steps:
    print(
    "    {:10} {:5} {:.4f}  {:.2f} s".format(
        step.method,
        step.side,
        step.value,
         step.seconds))
lead = scores[3] - scores[8]
verdict = "no" if margin.upper * eps < lead else "perhaps an"
print("lead {:.3f}, loses at most {:.3f}: {} image in the box is more an 8 than a 3".format(
    lead, margin.upper * eps, verdict))

# %% The lower bound has a witness: look at it -----------------------------------------------------
x, t = margin.witness
row = net.jacobian(x)[3] - net.jacobian(x)[8]
print("at the witness |J t| = {:.4f}, |t| = {:g}".format(abs(row @ t), np.abs(t).max()))

# %% Do not take the library's word for it ---------------------------------------------------------
margin.save_certificate("digit-3-8.cert")
margin.to_json("digit-3-8.json")
margin.plot("digit-3-8.svg", shape=(8, 8))  # as the last line of a cell it is shown
print("lipcheck:", lipcert.check(net, "digit-3-8.cert").verdict)

# %% A network of one's own: a list of (W, b) ------------------------------------------------------
rng = np.random.RandomState(0)
layers = [(rng.randn(8, 2), rng.randn(8)), (rng.randn(
    8, 8) / 3, rng.randn(8)), (rng.randn(1, 8), None)]
small = lipcert.bound(layers, region=lipcert.Ball([0, 0], 1), norm=2, time_limit=10)
print("random 2-8-8-1, unit ball:    {:.4f} <= L <= {:.4f}".format(small.lower, small.upper))
