import json

try:
    json.loads("{not json")
except json.JSONDecodeError as error:
    raise RuntimeError("cannot read the settings") from error
