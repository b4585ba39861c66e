"""Writes golden.json beside this: what PyTorch Metric Learning says of random batches.

    pip install torch pytorch-metric-learning && python tests/data/metric_learning/make_golden.py
"""

import json
from pathlib import Path

import pytorch_metric_learning
import torch
from pytorch_metric_learning import losses, miners

torch.set_default_dtype(torch.float64)

DIMENSIONS = 6
CLASSES = 5
LOSSES = {
    "circle": lambda: losses.CircleLoss(m=0.4, gamma=80),
    "triplet": lambda: losses.TripletMarginLoss(margin=0.05),
    "multi_similarity": lambda: losses.MultiSimilarityLoss(alpha=2, beta=50, base=0.5),
    "proxy_anchor": lambda: losses.ProxyAnchorLoss(CLASSES, DIMENSIONS, margin=0.1, alpha=32),
    "arcface": lambda: losses.ArcFaceLoss(CLASSES, DIMENSIONS, margin=28.6, scale=64),
    "contrastive": lambda: losses.ContrastiveLoss(pos_margin=0, neg_margin=1),
}
MINERS = {
    "none": None,
    "multi_similarity": miners.MultiSimilarityMiner(epsilon=0.1),
    "semi_hard": miners.TripletMarginMiner(margin=0.2, type_of_triplets="semihard"),
    "hard": miners.BatchHardMiner(),
}


def rounded(tensor):
    # What a float32 holds is given as it is; gradients are compared to fewer digits.
    return [float(f"{value:.9g}") for value in tensor.flatten().tolist()]


def main():
    torch.manual_seed(7)
    batches = []
    for size in (4, 9, 12, 16):
        centres = torch.randn(CLASSES, DIMENSIONS)
        classes = torch.arange(size) % CLASSES if size % 2 else torch.randint(CLASSES, (size,))
        embeddings = (centres[classes] + 0.7 * torch.randn(size, DIMENSIONS)).float()
        batch = {"classes": classes.tolist(), "embeddings": embeddings.flatten().tolist(), "mined": {}, "losses": []}
        embeddings = embeddings.double()
        for miner_name, miner in MINERS.items():
            mined = None if miner is None else miner(embeddings, classes)
            if mined is not None:
                batch["mined"][miner_name] = sorted(zip(*(part.tolist() for part in mined[:2]))) if len(mined) == 4 else []
                if len(mined) == 4:
                    negatives = sorted(zip(mined[2].tolist(), mined[3].tolist()))
                    batch["mined"][miner_name] = {"positives": batch["mined"][miner_name], "negatives": negatives}
                else:
                    batch["mined"][miner_name] = {"triplets": sorted(zip(*(part.tolist() for part in mined)))}
            # Of a single triplet it says 0, which no definition does.
            if mined is not None and all(len(part) <= 1 for part in mined):
                continue
            for name, make in LOSSES.items():
                loss = make()
                own = next(iter(loss.parameters()), None)
                if own is not None:
                    own.data = torch.randn_like(own).float().double()
                given = embeddings.clone().requires_grad_()
                value = loss(given, classes, mined) if own is None else loss(given, classes)
                value.backward()
                entry = {"loss": name, "miner": miner_name, "value": value.item(), "gradient": rounded(given.grad)}
                if own is not None:
                    # Proxies a row; ArcFace keeps its weights a column.
                    turn = (lambda tensor: tensor.T) if name == "arcface" else (lambda tensor: tensor)
                    entry["parameters"] = turn(own.data).flatten().tolist()
                    entry["parameter_gradient"] = rounded(turn(own.grad))
                if own is None or miner_name == "none":
                    batch["losses"].append(entry)
        batches.append(batch)
    document = {
        "source": f"PyTorch Metric Learning {pytorch_metric_learning.__version__}",
        "dimensions": DIMENSIONS,
        "class_count": CLASSES,
        "batches": batches,
    }
    Path(__file__).with_name("golden.json").write_text(json.dumps(document, separators=(",", ":")) + "\n")


main()
