"""Weights by name, run folder or file: safetensors beside a JSON card, checked by hash, loaded strictly."""

from scalor.pretrained.store import Loaded, card, fill, fits, load, load_all, names, save, whole_name

__all__ = ["Loaded", "card", "fill", "fits", "load", "load_all", "names", "save", "whole_name"]
