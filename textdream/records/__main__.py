"""`python -m textdream.records > schema/result.schema.json` writes the JSON Schema of the result file."""

import json

from textdream.records import json_schema

print(json.dumps(json_schema(), indent=2, ensure_ascii=False))
