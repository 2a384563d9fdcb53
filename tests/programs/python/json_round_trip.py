import json
from datetime import date
from decimal import Decimal

data = {"name": "Zoë", "when": date(2024, 2, 29), "sum": Decimal("1.10"), "list": [1, None, True]}
text = json.dumps(data, default=str, indent=2, sort_keys=True)
print(text)
print(json.loads(text)["name"], json.dumps("é"))
