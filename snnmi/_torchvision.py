"""torchvision's data sets, also beside a CPU-only torch.

torchvision built for CUDA brings `nms` in compiled code that a CPU-only torch cannot load, and its import dies while it
describes that operator. Nothing here calls it, so its schema is declared by hand and the import tried again.
"""

import sys

import torch

try:
    from torchvision import datasets
except RuntimeError as error:
    if "operator torchvision::nms does not exist" not in str(error):
        raise
    _library = torch.library.Library("torchvision", "FRAGMENT")  # a schema lives as long as this object
    for name in ("nms", "qnms"):
        _library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        del sys.modules[name]
    from torchvision import datasets

__all__ = ["datasets"]
