"""Whole-network fine-tuning: a torchvision trunk and an embedding head learn together, from pictures in folders, with
the losses, miners and samplers of PyTorch Metric Learning, and become a model bundle that Eidetic takes.

    pip install 'eidetic[train]'
    python -m eidetic.train ~/shoes --trunk mobilenet_v3_small --name shoes-model
    eidetic index ~/shoes -c shoes --model shoes-model-training/shoes-model

`eidetic train` (docs/training.md) learns a head alone, which takes no GPU and no PyTorch; the options that both have
mean the same. PyTorch is imported when `fine_tune` is called, not before.
"""

from .learning import fine_tune
from .options import Options
from .report import Epoch, Report

__all__ = ["Epoch", "Options", "Report", "fine_tune"]
