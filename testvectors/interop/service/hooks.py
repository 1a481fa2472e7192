"""What schemathesis does not know of itself: how bodies of our media types are written and
read, and which of its cases cannot be."""

import json

import schemathesis
from schemathesis.generation import GenerationMode


@schemathesis.serializer("application/vc", "application/vc+ld+json", "application/vp")
def credential(ctx, value):
    return json.dumps(value).encode()


@schemathesis.serializer("application/x-ndjson")
def rows(ctx, value):
    if isinstance(value, bytes):
        return value
    return "\n".join(json.dumps(v) for v in (value if isinstance(value, list) else [value])).encode()


@schemathesis.deserializer("application/vc", "application/did+json", "application/did+ld+json",
                           "application/jwk-set+json", "application/schema+json")
def document(ctx, response):
    return json.loads(response.content)


# Negative cases that are no faults. Every part of a multipart body is bytes, as a file is:
# "of a wrong type", which is how schemathesis breaks the schema of a part, it is still a
# file. And validate answers 200 and says what is wrong, preview fills in what is missing.
@schemathesis.hook
def filter_case(ctx, case):
    if case.meta is None or case.meta.generation.mode != GenerationMode.NEGATIVE:
        return True
    return case.media_type != "multipart/form-data" and not case.path.endswith(("/{id}/validate", "/{id}/preview"))
