// The packages that the installer has put into the folder that our first argument names.

"use strict";

const { createRequire } = require("module");
const path = require("path");

module.exports = createRequire(path.join(process.argv[2], "package.json"));
