"""Collections of Qdrant on its own engine in process (PyPI: qdrant-edge-py), asked and answered in the JSON of Qdrant's
REST API 1.18."""

import json
import shutil
import threading
import uuid

import numpy
import qdrant_edge as edge
from qdrant_translation import (
    HNSW,
    Refusal,
    bad_input,
    filter_in,
    filter_of,
    given,
    hnsw_of,
    index_of,
    not_found,
    not_served,
    one_of,
    order_of,
    params_of,
    payload_wish,
    point_id,
    point_ids,
    points_of,
    quantization_of,
    vector_of,
)

OPTIMIZE_AFTER = 10_000  # changed points: then the engine builds its graphs, as the server does in the background


def exactly(answer):
    """Single-precision numbers are written as short as they may be, as the server does."""
    if isinstance(answer, dict):
        return {key: exactly(value) for key, value in answer.items()}
    if isinstance(answer, list):
        return [exactly(value) for value in answer]
    return float(str(numpy.float32(answer)))


def answer_of(point, scored=False):
    answer = {"id": str(point.id) if isinstance(point.id, uuid.UUID) else point.id}
    if scored:
        answer |= {"version": point.version, "score": exactly(point.score)}
    if point.payload is not None:
        answer["payload"] = point.payload
    if point.vector is not None:
        answer["vector"] = exactly(point.vector)
    if point.order_value is not None:
        answer["order_value"] = point.order_value
    return answer


OPTIMIZERS = {
    "deleted_threshold": 0.2,
    "vacuum_min_vector_number": 1000,
    "default_segment_number": 0,
    "max_segment_size": None,
    "memmap_threshold": None,
    "indexing_threshold": 10000,
    "flush_interval_sec": 5,
    "max_optimization_threads": None,
}
WAL = {"wal_capacity_mb": 32, "wal_segments_ahead": 0, "wal_retain_closed": 1}


class Collection:
    """One collection, in one shard. Calls may come from any thread; changes come one after another."""

    def __init__(self, folder, config=None):
        self.folder, self.lock = folder, threading.RLock()
        self.operations = self.changed = 0
        if config is None:
            self.config = json.loads((folder / "collection.json").read_text())
            self.shard = edge.EdgeShard.load(str(folder / "shard"))
            return
        self.config = config
        engine = self.engine_config()
        folder.mkdir(parents=True)
        self.shard = edge.EdgeShard.create(str(folder / "shard"), engine)
        self.save()

    def save(self):
        (self.folder / "collection.json").write_text(json.dumps(self.config))

    def engine_config(self):
        if self.config.get("sparse_vectors"):
            raise not_served("sparse vectors")
        vectors = self.config.get("vectors") or {}
        engine_vectors = vector_of(vectors) if "size" in vectors else {k: vector_of(v) for k, v in vectors.items()}
        return edge.EdgeConfig(
            vectors=engine_vectors,
            on_disk_payload=self.config.get("on_disk_payload"),
            hnsw_config=hnsw_of(HNSW | (self.config.get("hnsw_config") or {})),
            quantization_config=quantization_of(self.config.get("quantization_config")),
        )

    def change(self, said):
        """PATCH: what is named changes, the rest stays; metadata are merged, and removed by an empty object."""
        with self.lock:
            config = json.loads(json.dumps(self.config))
            for name in ("hnsw_config", "optimizers_config"):
                config[name] = (config.get(name) or {}) | (said.get(name) or {})
            for name, changes in (said.get("vectors") or {}).items():
                vectors = config["vectors"]
                if name not in vectors and not (name == "" and "size" in vectors):
                    raise bad_input(f"Not existing vector name error: {name}")
                (vectors if name == "" else vectors[name]).update(changes)
            if "quantization_config" in said:
                quantization = said["quantization_config"]
                config["quantization_config"] = None if quantization == "Disabled" else quantization
            if said.get("metadata") is not None:
                config["metadata"] = ((config.get("metadata") or {}) | said["metadata"]) if said["metadata"] else None
            if unknown := said.keys() - config.keys() - {"params", "quantization_config", "metadata"}:
                raise not_served(f"a change of {unknown.pop()}")
            config["params"] = (config.get("params") or {}) | (said.get("params") or {})
            before, self.config = self.config, config
            if self.engine_config_differs(before):
                self.shard.close()
                self.shard = edge.EdgeShard.load(str(self.folder / "shard"), self.engine_config())
                self.shard.optimize()
            self.save()

    def engine_config_differs(self, before):
        names = ("vectors", "hnsw_config", "quantization_config")
        return any((before.get(name) or {}) != (self.config.get(name) or {}) for name in names)

    def info(self):
        info, config = self.shard.info(), self.config
        params = {"vectors": config.get("vectors") or {}, "shard_number": 1, "replication_factor": 1,
                  "write_consistency_factor": 1, "on_disk_payload": True}  # fmt: skip
        asked = {name: config[name] for name in params if config.get(name) is not None}
        schema = {
            name: {"data_type": str(index.data_type).rpartition(".")[2].lower(), "points": index.points}
            for name, index in sorted(info.payload_schema.items())
        }
        return {
            "status": "green",
            "optimizer_status": "ok",
            "indexed_vectors_count": info.indexed_vectors_count,
            "points_count": info.points_count,
            "segments_count": info.segments_count,
            "config": {
                "params": params | asked | (config.get("params") or {}),
                "hnsw_config": HNSW | (config.get("hnsw_config") or {}),
                "optimizer_config": OPTIMIZERS | (config.get("optimizers_config") or {}),
                "wal_config": WAL | (config.get("wal_config") or {}),
                "quantization_config": config.get("quantization_config"),
                **({"metadata": config["metadata"]} if config.get("metadata") else {}),
            },
            "payload_schema": schema,
        }

    def update(self, *operations, points=0):
        with self.lock:
            for operation in operations:
                self.ask(self.shard.update, operation)
            self.operations += 1
            self.changed += points
            if self.changed >= OPTIMIZE_AFTER:
                self.shard.optimize()
                self.changed = 0
            return self.operations - 1

    def ask(self, question, *arguments):
        try:
            return question(*arguments)
        except Exception as failure:  # the engine raises no narrower one
            text = str(failure)
            raise (not_found if text.startswith("No point with id") else bad_input)(text) from failure

    def upsert(self, said):
        mode = given(said.get("update_mode"), lambda name: UPDATE_MODES[name])
        points = points_of(said)
        operation = edge.UpdateOperation.upsert_points(points, filter_in(said, "update_filter"), mode)
        return self.update(operation, points=len(points))

    def selected(self, said, by_ids, by_filter, *more):
        """The operations for the points that a request names: by ids, by a filter, or both."""
        if said.get("points") is None and said.get("filter") is None:
            raise Refusal(422, "Validation error in JSON body: Either list of point ids or filter must be provided")
        wanted = []
        if said.get("points") is not None:
            wanted.append(by_ids(point_ids(said["points"]), *more))
        if said.get("filter") is not None:
            wanted.append(by_filter(filter_of(said["filter"]), *more))
        return self.update(*wanted)

    def delete(self, said):
        change = edge.UpdateOperation
        return self.selected(said, change.delete_points, change.delete_points_by_filter)

    def set_payload(self, said):
        change = edge.UpdateOperation
        return self.selected(said, change.set_payload, change.set_payload_by_filter, said["payload"], said.get("key"))

    def overwrite_payload(self, said):
        change = edge.UpdateOperation
        more = (said["payload"], said.get("key"))
        return self.selected(said, change.overwrite_payload, change.overwrite_payload_by_filter, *more)

    def delete_payload(self, said):
        change = edge.UpdateOperation
        return self.selected(said, change.delete_payload, change.delete_payload_by_filter, said["keys"])

    def clear_payload(self, said):
        change = edge.UpdateOperation
        return self.selected(said, change.clear_payload, change.clear_payload_by_filter)

    def update_vectors(self, said):
        vectors = [edge.PointVectors(point_id(each["id"]), each["vector"]) for each in said["points"]]
        return self.update(edge.UpdateOperation.update_vectors(vectors, filter_in(said, "update_filter")))

    def delete_vectors(self, said):
        change = edge.UpdateOperation
        return self.selected(said, change.delete_vectors, change.delete_vectors_by_filter, said["vector"])

    def create_vector(self, name, said):
        if "dense" not in said or said["dense"].get("multivector_config"):
            raise not_served("new vectors that are sparse, or several under one name")
        dense = said["dense"]
        if name in self.config["vectors"]:
            raise Refusal(409, f"Wrong input: Vector name {name} already exists")
        operation = self.update(
            edge.UpdateOperation.create_dense_vector(
                name, dense["size"], one_of(edge.Distance, dense["distance"], capitalised=False)
            )
        )
        with self.lock:
            self.config["vectors"][name] = {"size": dense["size"], "distance": dense["distance"]}
            self.save()
        return operation

    def delete_vector(self, name):
        if name not in self.config["vectors"]:
            raise bad_input(f"Not existing vector name error: {name}")
        operation = self.update(edge.UpdateOperation.delete_vector_name(name))
        with self.lock:
            del self.config["vectors"][name]
            self.save()
        return operation

    def create_index(self, said):
        if said.get("field_schema") is None:
            raise not_served("an index without field_schema")
        return self.update(edge.UpdateOperation.create_field_index(said["field_name"], index_of(said["field_schema"])))

    def delete_index(self, name):
        return self.update(edge.UpdateOperation.delete_field_index(name))

    def retrieve(self, said):
        wishes = (payload_wish(said.get("with_payload", True)), said.get("with_vector", False))
        ids = point_ids(said["ids"])
        found = {str(point.id): point for point in self.ask(self.shard.retrieve, ids, *wishes)}
        return [answer_of(found[str(each)]) for each in ids if str(each) in found]

    def scroll(self, said):
        request = edge.ScrollRequest(
            given(said.get("offset"), point_id),
            10 if said.get("limit") is None else said["limit"],
            filter_in(said),
            payload_wish(said.get("with_payload", True)),
            said.get("with_vector") or False,
            given(said.get("order_by"), order_of),
        )
        points, offset = self.ask(self.shard.scroll, request)
        offset = str(offset) if isinstance(offset, uuid.UUID) else offset
        return {"points": [answer_of(point) for point in points], "next_page_offset": offset}

    def count(self, said):
        exact = True if said.get("exact") is None else said["exact"]
        return {"count": self.ask(self.shard.count, edge.CountRequest(exact, filter_in(said)))}

    def facet(self, said):
        limit = 10 if said.get("limit") is None else said["limit"]
        request = edge.FacetRequest(said["key"], limit, said.get("exact") or False, filter_in(said))
        hits = self.ask(self.shard.facet, request)
        ranked = sorted(((hit.value, hit.count) for hit in hits), key=lambda hit: (-hit[1], str(hit[0])))
        return {"hits": [{"value": value, "count": count} for value, count in ranked]}

    def query(self, said):
        scored = self.ask(self.shard.query, self.query_of(said))
        return {"points": [answer_of(point, scored=True) for point in scored]}

    def query_of(self, said):
        if said.get("prefetch") or said.get("lookup_from"):
            raise not_served("prefetch and lookup_from")
        wanted, narrowed = self.scoring_of(said)
        limit = 10 if said.get("limit") is None else said["limit"]
        return edge.QueryRequest(
            limit,
            said.get("offset"),
            wanted,
            None,
            said.get("with_vector") or False,
            payload_wish(said.get("with_payload") or False),
            filter_of(narrowed) if narrowed else None,
            said.get("score_threshold"),
            given(said.get("params"), params_of),
        )

    def scoring_of(self, said):
        """What the engine is to rank by, and the filter. A point that is named by its id is not an answer to itself."""
        asked, narrowed = said.get("query"), said.get("filter")
        if isinstance(asked, dict) and asked.keys() == {"nearest"}:
            asked = asked["nearest"]
        if asked is None:
            return None, narrowed
        if isinstance(asked, dict):
            if asked.keys() == {"order_by"}:
                return order_of(asked["order_by"]), narrowed
            raise not_served(f"the query {', '.join(asked)}")
        using = said.get("using")
        if not isinstance(asked, list):
            found = self.ask(self.shard.retrieve, [point_id(asked)], False, [using] if using else True)
            if not found:
                raise not_found(f"No point with id {asked} found")
            itself = {"must_not": [{"has_id": [asked]}]}
            narrowed = {"must": [narrowed, itself]} if narrowed else itself
            vector = found[0].vector
            asked = vector[using] if isinstance(vector, dict) else vector
        return edge.Query.Nearest(asked, using), narrowed


UPDATE_MODES = {
    "upsert": edge.UpdateMode.Upsert,
    "insert_only": edge.UpdateMode.InsertOnly,
    "update_only": edge.UpdateMode.UpdateOnly,
}


class Collections:
    """All collections of a folder, and the aliases, which change together or not at all."""

    def __init__(self, folder):
        self.folder, self.lock = folder, threading.RLock()
        self.made = 0
        saved = folder / "collections.json"
        state = json.loads(saved.read_text()) if saved.exists() else {"folders": {}, "aliases": {}, "made": 0}
        self.folders, self.aliases, self.made = state["folders"], state["aliases"], state["made"]
        self.collections = {name: Collection(folder / place) for name, place in self.folders.items()}

    def save(self):
        state = {"folders": self.folders, "aliases": self.aliases, "made": self.made}
        (self.folder / "collections.json").write_text(json.dumps(state))

    def __getitem__(self, name):
        with self.lock:
            if found := self.collections.get(self.aliases.get(name, name)):
                return found
        raise not_found(f"Collection `{name}` doesn't exist!")

    def names(self):
        with self.lock:
            return sorted(self.collections)

    def create(self, name, config):
        with self.lock:
            self.refuse_taken(name)
            if name in self.aliases:
                raise bad_input(f"Can't create collection with name {name}. Alias with the same name already exists")
            place = f"collection-{self.made}"
            shutil.rmtree(self.folder / place, ignore_errors=True)
            collection = self.collections[name] = Collection(self.folder / place, config)
            self.folders[name], self.made = place, self.made + 1
            self.save()
            return collection

    def refuse_taken(self, name):
        if name in self.collections:
            raise Refusal(409, f"Wrong input: Collection `{name}` already exists!")

    def delete(self, name):
        """Whether it was there."""
        with self.lock:
            collection = self.collections.pop(name, None)
            self.aliases = {alias: target for alias, target in self.aliases.items() if target != name}
            if collection is None:
                return False
            place = self.folders.pop(name)
            self.save()
            with collection.lock:
                collection.shard.close()
            shutil.rmtree(self.folder / place)
            return True

    def aliases_of(self, name=None):
        with self.lock:
            pairs = sorted((alias, target) for alias, target in self.aliases.items() if name in (None, target))
        return {"aliases": [{"alias_name": alias, "collection_name": target} for alias, target in pairs]}

    def change_aliases(self, actions):
        with self.lock:
            aliases = dict(self.aliases)
            for (kind, said), *_ in (action.items() for action in actions):
                if kind == "create_alias":
                    if said["collection_name"] not in self.collections:
                        raise not_found(f"Collection `{said['collection_name']}` doesn't exist!")
                    self.refuse_taken(said["alias_name"])
                    aliases[said["alias_name"]] = said["collection_name"]
                elif kind == "delete_alias":
                    aliases.pop(said["alias_name"], None)
                else:
                    if said["old_alias_name"] not in aliases:
                        raise not_found(f"Alias {said['old_alias_name']} does not exists!")
                    aliases[said["new_alias_name"]] = aliases.pop(said["old_alias_name"])
            self.aliases = aliases
            self.save()
