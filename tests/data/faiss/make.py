"""Makes the FAISS files beside it, and for those that can be read the vectors that FAISS reconstructs of them, by rising
id, as .npy. Needs faiss-cpu (1.15.1 made those that are kept): pip install faiss-cpu numpy"""

from pathlib import Path

import faiss
import numpy

FOLDER = Path(__file__).parent
DIMENSIONS, COUNT = 8, 20
EUCLIDEAN, DOT = faiss.METRIC_L2, faiss.METRIC_INNER_PRODUCT
random = numpy.random.RandomState(7)
TRAINING = random.normal(size=(400, DIMENSIONS)).astype("float32")
VECTORS = random.normal(size=(COUNT, DIMENSIONS)).astype("float32")


def make(name, factory, metric=EUCLIDEAN, ids=None, direct_map=faiss.DirectMap.Array):
    index = faiss.index_factory(DIMENSIONS, factory, metric)
    index.train(TRAINING)
    if ids is None:
        index.add(VECTORS)
    else:
        index.add_with_ids(VECTORS[: len(ids)], numpy.array(ids, dtype="int64"))
    if "IVF" in factory:
        faiss.extract_index_ivf(index).set_direct_map_type(direct_map)
    faiss.write_index(index, str(FOLDER / f"{name}.index"))
    return index


def readable(name, *arguments, **options):
    index = make(name, *arguments, **options)
    ids = sorted(options.get("ids") or range(COUNT))
    rows = numpy.stack([index.reconstruct(i) for i in ids])
    numpy.save(FOLDER / f"{name}.npy", rows)


readable("flat", "Flat")
readable("flat_dot", "Flat", DOT)
readable("ivf_flat", "IVF4,Flat")
readable("ivf_pq", "IVF4,PQ2", DOT)
readable("pq", "PQ4x6")
readable("sqfp16", "SQfp16")
readable("ivf_sq8", "IVF4,SQ8")
readable("pca", "PCA4,Flat")
readable("opq", "OPQ2_4,PQ2x4")
readable("l2norm", "L2norm,Flat", DOT)
readable("idmap", "IDMap2,Flat", ids=[3 * i for i in reversed(range(COUNT))])
# Most lists are empty, so that their sizes are kept as a few pairs.
readable("sparse", "IVF16,Flat", ids=[90, 2, 7], direct_map=faiss.DirectMap.Hashtable)

make("hnsw", "HNSW4,Flat")
make("ivf_hnsw", "IVF4_HNSW4,Flat")
make("pcaw", "PCAW4,Flat")
make("negative", "IVF4,Flat", ids=[5, -1, 2], direct_map=faiss.DirectMap.NoMap)
make("twice", "IVF4,Flat", ids=[5, 2, 5], direct_map=faiss.DirectMap.NoMap)

cityblock = faiss.IndexFlat(DIMENSIONS, faiss.METRIC_L1)
cityblock.add(VECTORS)
faiss.write_index(cityblock, str(FOLDER / "cityblock.index"))
faiss.write_index(faiss.index_factory(DIMENSIONS, "IVF4,Flat"), str(FOLDER / "untrained.index"))
binary = faiss.IndexBinaryFlat(64)
binary.add(numpy.zeros((2, 8), dtype="uint8"))
faiss.write_index_binary(binary, str(FOLDER / "binary.index"))
