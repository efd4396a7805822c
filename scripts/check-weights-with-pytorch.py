#!/usr/bin/env python3
"""Rebuilds a checkpoint's ensemble in PyTorch and compares it with the program's predictions.

usage: scripts/check-weights-with-pytorch.py CHECKPOINT PREDICTIONS.jsonl   (see check-weights-with-pytorch.sh)
"""
import json, sys
import numpy, torch
from safetensors.numpy import load_file

ACTIVATIONS = {
    "silu": torch.nn.SiLU, "relu": torch.nn.ReLU, "tanh": torch.nn.Tanh, "elu": torch.nn.ELU, "mish": torch.nn.Mish,
    "sigmoid": torch.nn.Sigmoid, "softplus": torch.nn.Softplus, "gelu": torch.nn.GELU, "identity": torch.nn.Identity,
    "gelu_tanh": lambda: torch.nn.GELU(approximate="tanh"),
}
# What the model sees of an observation, where that is not the observation itself (mbrl list environments).
FEATURES = {"CartPoleSwingUp-v0": lambda o: torch.stack([o[:, 1].sin(), o[:, 1].cos(), o[:, 0], o[:, 2], o[:, 3]], 1)}


def main(checkpoint, predictions):
    state = json.load(open(f"{checkpoint}/state.json"))
    settings = state["settings"]["model"]
    weights = load_file(f"{checkpoint}/weights.safetensors")
    prefix = next(name for name in weights if ".members.0." in name).split("members.0.")[0]
    statistics = {name: weights[next(k for k in weights if k.endswith(name))] for name in (
        "model.normalizer.mean", "model.normalizer.deviation",
        "targetNormalizer.mean", "targetNormalizer.deviation")}
    rows = [json.loads(line) for line in open(predictions)]
    observation = torch.tensor([row["observation"] for row in rows])
    action = torch.tensor([row["action"] for row in rows])
    features = FEATURES.get(state["environment"], lambda o: o)(observation)
    mean, deviation = (torch.tensor(statistics[f"model.normalizer.{k}"]) for k in ("mean", "deviation"))
    inputs = ((torch.cat([features, action], 1).double() - mean) / deviation).float()
    worst = 0.0
    for member in range(settings["ensembleSize"]):
        layers = []
        for layer in range(len(settings["hiddenSizes"]) + 1):
            weight = torch.tensor(weights[f"{prefix}members.{member}.layers.{layer}.weight"])
            linear = torch.nn.Linear(weight.shape[1], weight.shape[0])
            linear.load_state_dict(
                {"weight": weight, "bias": torch.tensor(weights[f"{prefix}members.{member}.layers.{layer}.bias"])})
            layers += [linear, ACTIVATIONS[settings["activation"]]()]
        network = torch.nn.Sequential(*layers[:-1])
        with torch.no_grad():
            targets = len(statistics["targetNormalizer.mean"])
            output = network(inputs)[:, :targets].double()
        output = output * torch.tensor(statistics["targetNormalizer.deviation"]) + torch.tensor(
            statistics["targetNormalizer.mean"])
        size = observation.shape[1]
        if settings["target"] == "change":
            output[:, :size] += observation.double()
        expected = torch.tensor([row["members"][member] for row in rows]).double()
        worst = max(worst, float(((output - expected).abs() / expected.abs().clamp(min=1)).max()))
    print(f"{len(rows)} transitions × {settings['ensembleSize']} networks, {len(weights)} weight tensors read: "
          f"largest difference between PyTorch {torch.__version__} and mbrl {worst:.2e} (allowed 1e-5)")
    if not worst <= 1e-5:
        sys.exit("check-weights-with-pytorch: the predictions differ")


main(*sys.argv[1:])
