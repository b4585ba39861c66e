"""Requests of Qdrant's REST API, checked against its schema before, as what its engine in process takes. What the
engine or this translation does not know is refused, never guessed."""

import uuid

import qdrant_edge as edge

HNSW = {"m": 16, "ef_construct": 100, "full_scan_threshold": 10000, "max_indexing_threads": 0, "on_disk": False}


class Refusal(Exception):
    """An answer other than success: HTTP status, and the text of status.error."""

    def __init__(self, status, text):
        super().__init__(text)
        self.status = status


def bad_input(text):
    return Refusal(400, f"Wrong input: {text}")


def not_found(text):
    return Refusal(404, f"Not found: {text}")


def not_served(what):
    return Refusal(501, f"Not served by this stand-in for Qdrant: {what}")


def given(value, make):
    return None if value is None else make(value)


def one_of(enumeration, name, capitalised=True):
    return getattr(enumeration, name.capitalize() if capitalised else name)


def point_id(said):
    if isinstance(said, int) and 0 <= said < 1 << 64:
        return said
    try:
        return uuid.UUID(said)
    except (ValueError, AttributeError):
        text = f"value {said} is not a valid point ID, valid values are either an unsigned integer or a UUID"
        raise Refusal(400, f"Format error in JSON body: {text}") from None


def point_ids(said):
    return [point_id(each) for each in said]


def quantization_of(config):
    if config is None:
        return None
    (kind, said), *_ = config.items()
    if kind == "scalar":
        return edge.ScalarQuantizationConfig(edge.ScalarType.Int8, said.get("quantile"), said.get("always_ram"))
    if kind == "product":
        return edge.ProductQuantizationConfig(
            one_of(edge.CompressionRatio, said["compression"]), said.get("always_ram")
        )
    if kind == "binary" and not {"encoding", "query_encoding"} & said.keys():
        return edge.BinaryQuantizationConfig(said.get("always_ram"))
    raise not_served(f"this quantization: {config}")


def hnsw_of(config):
    names = (
        "m",
        "ef_construct",
        "full_scan_threshold",
        "max_indexing_threads",
        "on_disk",
        "payload_m",
        "inline_storage",
    )
    return edge.HnswIndexConfig(**{name: config[name] for name in names if config.get(name) is not None})


def vector_of(config):
    if config.get("multivector_config"):
        raise not_served("several vectors under one name")
    return edge.EdgeVectorParams(
        config["size"],
        one_of(edge.Distance, config["distance"], capitalised=False),
        on_disk=config.get("on_disk"),
        datatype=given(config.get("datatype"), lambda name: one_of(edge.VectorStorageDatatype, name)),
        quantization_config=quantization_of(config.get("quantization_config")),
        hnsw_config=given(config.get("hnsw_config"), lambda changes: hnsw_of(HNSW | changes)),
    )


def match_of(match):
    (kind, value), *_ = match.items()
    kinds = {
        "value": edge.MatchValue,
        "any": edge.MatchAny,
        "except": edge.MatchExcept,
        "text": edge.MatchText,
        "text_any": edge.MatchTextAny,
        "phrase": edge.MatchPhrase,
    }
    return kinds[kind](value)


def range_of(bounds):
    kind = edge.RangeDateTime if any(isinstance(bound, str) for bound in bounds.values()) else edge.RangeFloat
    return kind(**bounds)


def condition_of(said):
    if "is_empty" in said and isinstance(said["is_empty"], dict):
        return edge.IsEmptyCondition(said["is_empty"]["key"])
    if "is_null" in said and isinstance(said["is_null"], dict):
        return edge.IsNullCondition(said["is_null"]["key"])
    if "has_id" in said:
        return edge.HasIdCondition(set(point_ids(said["has_id"])))
    if "has_vector" in said:
        return edge.HasVectorCondition(said["has_vector"])
    if "nested" in said:
        return edge.NestedCondition(said["nested"]["key"], filter_of(said["nested"]["filter"]))
    if "key" not in said:
        return filter_of(said)
    if unknown := said.keys() - {"key", "match", "range", "values_count", "is_empty", "is_null"}:
        raise not_served(f"the condition {unknown.pop()}")
    return edge.FieldCondition(
        said["key"],
        match=given(said.get("match"), match_of),
        range=given(said.get("range"), range_of),
        values_count=given(said.get("values_count"), lambda bounds: edge.ValuesCount(**bounds)),
        is_empty=said.get("is_empty"),
        is_null=said.get("is_null"),
    )


def conditions_of(said):
    return [condition_of(each) for each in (said if isinstance(said, list) else [said])]


def filter_of(said):
    fewest = given(said.get("min_should"), lambda it: edge.MinShould(conditions_of(it["conditions"]), it["min_count"]))
    parts = {name: given(said.get(name), conditions_of) for name in ("must", "should", "must_not")}
    return edge.Filter(**parts, min_should=fewest)


def filter_in(request, name="filter"):
    return given(request.get(name), filter_of)


def order_of(said):
    said = {"key": said} if isinstance(said, str) else said
    direction = given(said.get("direction"), lambda name: one_of(edge.Direction, name))
    return edge.OrderBy(said["key"], direction, said.get("start_from"))


def payload_wish(said):
    if isinstance(said, dict):
        selector = edge.PayloadSelector
        return selector.Include(said["include"]) if "include" in said else selector.Exclude(said["exclude"])
    return said


def params_of(said):
    quantization = given(said.get("quantization"), lambda it: edge.QuantizationSearchParams(**it))
    if said.get("acorn"):
        raise not_served("params.acorn")
    return edge.SearchParams(
        said.get("hnsw_ef"), said.get("exact") or False, quantization, said.get("indexed_only") or False
    )


def index_of(said):
    if isinstance(said, str):
        return one_of(edge.PayloadSchemaType, said)
    kinds = {
        "keyword": edge.KeywordIndexParams,
        "integer": edge.IntegerIndexParams,
        "float": edge.FloatIndexParams,
        "bool": edge.BoolIndexParams,
        "datetime": edge.DatetimeIndexParams,
        "uuid": edge.UuidIndexParams,
    }
    if said["type"] not in kinds:
        raise not_served(f"parameters of an index of type {said['type']}")
    return kinds[said["type"]](**{key: value for key, value in said.items() if key != "type"})


def points_of(request):
    if "batch" in request:
        batch = request["batch"]
        vectors = batch["vectors"]
        if isinstance(vectors, dict):
            vectors = [dict(zip(vectors, each, strict=True)) for each in zip(*vectors.values(), strict=True)]
        payloads = batch.get("payloads") or [None] * len(vectors)
        return [edge.Point(*each) for each in zip(point_ids(batch["ids"]), vectors, payloads, strict=True)]
    return [edge.Point(point_id(each["id"]), each["vector"], each.get("payload")) for each in request["points"]]
