const { ok } = require("node:assert/strict");
ok(1);
ok(0, "zero is not ok");
