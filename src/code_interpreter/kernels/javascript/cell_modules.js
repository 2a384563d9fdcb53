// What cells load: `require`, `import` and `import()`, as a program in the working directory has them.
//
// What must stay true: Node resolves and loads. Where it finds nothing for an `import`, the rules of
// `require` are tried, which know more: NODE_PATH, folders, names without an ending. A module of the
// user's that has changed since it was loaded is loaded anew.

"use strict";

const fs = require("fs");
const Module = require("module");
const path = require("path");
const workers = require("worker_threads");
const { pathToFileURL, fileURLToPath } = require("url");

const NOT_FOUND = new Set(["ERR_MODULE_NOT_FOUND", "ERR_UNSUPPORTED_DIR_IMPORT"]);

const loaders = new Map(); // Node's own `import`, per file that it is for
const versions = new Map(); // of files that were imported: the first state, and what follows its URL
const states = new Map(); // of files in `require.cache`
const extra = new Map(); // modules that exist only here
let nodePath = process.env.NODE_PATH;

/** Offer a module to user code, unless it has one of that name itself. */
function provide(name, file) {
  extra.set(name, file);
}

const resolveFilename = Module._resolveFilename;
Module._resolveFilename = function (request, ...rest) {
  try {
    return resolveFilename.call(this, request, ...rest);
  } catch (error) {
    if (extra.has(request)) return extra.get(request);
    // TypeScript imports its files by the names that they have once compiled.
    if (!Module._extensions[".ts"]?.own || !/^\.{0,2}\/.*\.js$/.test(request)) throw error;
    return resolveFilename.call(this, request.replace(/js$/, "ts"), ...rest);
  }
};

/** Return the `import` of code in this file. */
function importer(file) {
  const own = loader(file);
  return async (specifier, options) => {
    const wanted = `${specifier}`;
    if (/^\.{0,2}\/|^file:/.test(wanted)) {
      const found = locate(wanted, file);
      if (found) return load(found, own, options);
    }
    try {
      return await own(wanted, options);
    } catch (error) {
      if (!NOT_FOUND.has(error?.code)) throw error;
      const found = locate(wanted, file);
      if (!found || !mentions(error, wanted)) throw error;
      return load(found, own, options);
    }
  };
}

// Whether what is missing is this, and not what it imports itself.
function mentions(error, specifier) {
  return error.message.includes(`'${specifier}'`);
}

// The file that `require` would load; undefined for none.
function locate(specifier, file) {
  const [bare] = specifier.split(/[?#]/);
  if (bare !== specifier) return undefined; // only Node knows what that means
  try {
    const name = specifier.startsWith("file:") ? fileURLToPath(specifier) : specifier;
    return Module.createRequire(file).resolve(name);
  } catch {
    return undefined;
  }
}

function load(file, own, options) {
  if (file.endsWith(".json") || file.endsWith(".node") || Module._extensions[path.extname(file)]?.own) {
    return namespace(Module.createRequire(file)(file));
  }
  return own(`${pathToFileURL(file)}${version(file)}`, options);
}

function namespace(value) {
  const named = value !== null && typeof value === "object" ? value : {};
  return Object.assign(Object.create(null), named, value?.__esModule ? {} : { default: value });
}

function loader(file) {
  if (!loaders.has(file)) {
    const module = new Module(file);
    module.filename = file;
    module._compile("module.exports = (name, options) => import(name);", file);
    loaders.set(file, module.exports);
  }
  return loaders.get(file);
}

// What to put behind a file's URL, so that it is loaded anew when it has changed.
function version(file) {
  const state = stateOf(file);
  if (!versions.has(file)) versions.set(file, state);
  return versions.get(file) === state ? "" : `?${state}`;
}

function stateOf(file) {
  const { mtimeMs, size } = fs.statSync(file, { throwIfNoEntry: false }) ?? {};
  return `${mtimeMs}-${size}`;
}

/** See what has changed on disk and in the environment since the last cell. */
function refresh() {
  if (process.env.NODE_PATH !== nodePath) {
    nodePath = process.env.NODE_PATH;
    Module._initPaths();
  }
  for (const [file, state] of states) {
    if (stateOf(file) !== state) forget(file);
  }
}

/** Remember in which state the user's own modules were loaded. */
function remember() {
  for (const file of Object.keys(Module._cache)) {
    if (!states.has(file) && !file.includes(`${path.sep}node_modules${path.sep}`)) {
      states.set(file, stateOf(file));
    }
  }
}

// A module, and all that have it.
function forget(file) {
  const module = Module._cache[file];
  states.delete(file);
  if (!module) return;
  delete Module._cache[file];
  for (const [name, other] of Object.entries(Module._cache)) {
    if (other?.children.includes(module)) forget(name);
  }
}

const codes = new Map(); // of cells, by file

/** Remember the code of a cell, for workers that are to run the same file. */
function keep(file, code) {
  codes.set(file, code);
}

// No file of that name exists, so `new Worker(__filename)` gets the code.
workers.Worker = class Worker extends workers.Worker {
  constructor(file, options) {
    const name = file instanceof URL && file.protocol === "file:" ? fileURLToPath(file) : file;
    const code = codes.get(name);
    if (code === undefined) super(file, options);
    else super(code, { ...options, eval: true });
  }
};
Module.syncBuiltinESMExports();

/** Make the module that all cells are, as `require.main` has it. */
function createMain() {
  const main = new Module(".", null);
  main.parent = null;
  process.mainModule = main;
  return main;
}

/** Put the main module where a cell is, and return its `require`. */
function requirer(main, file) {
  main.filename = file;
  main.children = [];
  process.argv[1] = file;
  main.paths = Module._nodeModulePaths(path.dirname(file));
  const { resolve } = Module.createRequire(file);
  const require = (id) => main.require(id);
  return Object.assign(require, {
    resolve,
    main,
    extensions: Module._extensions,
    cache: Module._cache,
  });
}

/** Return the `import.meta` of a cell. */
function meta(file) {
  const url = pathToFileURL(file).href;
  return Object.assign(Object.create(null), {
    dirname: path.dirname(file),
    filename: file,
    resolve: (specifier) => {
      if (Module.isBuiltin(specifier)) return specifier.replace(/^(?!node:)/, "node:");
      const found = locate(specifier, file);
      return found ? pathToFileURL(found).href : new URL(specifier, url).href;
    },
    url,
  });
}

module.exports = { createMain, importer, keep, meta, provide, refresh, remember, requirer };
