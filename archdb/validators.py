"""From a pydantic record to the JSON Schema by which MongoDB refuses a malformed document."""

from typing import Any

from archdb.records import Record

LARGEST = 1.7976931348623157e308  # beyond it there is only infinity
NUMBER = {"bsonType": ["double", "int", "long"], "minimum": -LARGEST, "maximum": LARGEST}
BSON: dict[str, dict[str, Any]] = {
    "string": {"bsonType": "string"},
    "integer": {"bsonType": ["int", "long"]},
    "number": NUMBER,
    "boolean": {"bsonType": "bool"},
    "null": {"bsonType": "null"},
}


def validator(record: type[Record]) -> dict[str, Any]:
    """The ``$jsonSchema`` of a record, in the dialect that MongoDB knows: bsonType, and no references.

    Fields that the record does not have are allowed: a newer version may have written them.
    """
    schema = record.model_json_schema(by_alias=True, mode="validation")
    return {"$jsonSchema": _translate(schema, schema.get("$defs", {}))}


def _translate(schema: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        return _translate(known[schema["$ref"].rsplit("/", 1)[1]], known)
    if "anyOf" in schema:
        return {"anyOf": [_translate(one, known) for one in schema["anyOf"]]}
    if "const" in schema or "enum" in schema:
        return {"enum": list(schema.get("enum") or [schema["const"]])}
    if schema.get("format") == "binary":
        return {"bsonType": "binData"}
    kind = schema.get("type")
    if kind == "array":
        translated: dict[str, Any] = {"bsonType": "array"}
        if "items" in schema:
            translated["items"] = _translate(schema["items"], known)
        return translated
    if kind == "object":
        translated = {"bsonType": "object"}
        if "properties" in schema:
            translated["properties"] = {name: _translate(one, known) for name, one in schema["properties"].items()}
        if schema.get("required"):
            translated["required"] = schema["required"]
        if isinstance(schema.get("additionalProperties"), dict):
            translated["additionalProperties"] = _translate(schema["additionalProperties"], known)
        return translated
    return dict(BSON[kind]) if kind else {}
