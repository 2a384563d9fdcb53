// Runs cells: one at a time, to its end or its first error.
//
// What must stay true:
// - Only what Node itself refuses is an error: V8 compiles what the user wrote, and its errors are
//   the user's. Lines and columns are those of the cell.
// - An error that nobody catches, in a callback or a promise, ends the cell, as it ends a program.
// - A busy cell is interrupted by SIGINT. One that awaits is not: nothing could stop its code from
//   going on, into later cells.

"use strict";

const path = require("path");
const util = require("util");
const vm = require("vm");

const { PARAMETERS, transform } = require("./cells");
const modules = require("./cell_modules");
const scope = require("./cell_scope");

const later = setImmediate; // user code may replace it
const { isPromise, isNativeError } = util.types;

const ENTER = "code_interpreter.enter";
const enter = Symbol.for(ENTER);
const guarded = new vm.Script(`globalThis[Symbol.for("${ENTER}")]()`);
const INTERRUPTED = "ERR_SCRIPT_EXECUTION_INTERRUPTED";

const main = modules.createMain();
const shown = new Map(); // of all cells, by file: what the user wrote, and where it is in the code

const EXIT = Symbol("exit"); // what `process.exit` throws where nothing else stops the code

let abandon; // ends the running cell with this outcome; undefined while none runs
let guarding = false; // SIGINT stops the code that is running

/**
 * Run a cell.
 *
 * @param {string} source What the user wrote.
 * @param {{code: string, types?: Set<string>, map?: object}} compiled The same as JavaScript; the
 *   imported names that have no value; where the lines are, if they have moved.
 * @param {string} file What the cell is to be called.
 * @param {() => void} begin Called when V8 has compiled it, right before it runs.
 * @returns {Promise<{value: unknown} | {error: object}>} The value of its last expression, or the
 *   content of an `error` message.
 */
async function run(source, compiled, file, begin) {
  modules.refresh();
  modules.keep(file, compiled.code);
  shown.set(file, { lines: source.split(/\r?\n/), map: compiled.map });
  process.exitCode = undefined;
  const failed = new Promise((resolve) => {
    abandon = resolve;
  });
  const ended = await Promise.race([attempt(compiled, file, begin), failed]);
  // Rejections are told only when all that was to follow them has run.
  const late = new Promise((resolve) => later(resolve, ended));
  const outcome = await Promise.race([failed, late]);
  abandon = undefined;
  modules.remember();
  if (outcome.error || !process.exitCode) return outcome;
  return exited(process.exitCode);
}

async function attempt({ code, types }, file, begin) {
  const cell = { value: undefined, read: scope.read };
  const settles = [];
  try {
    const compiled = compile(code, file, types);
    const require = modules.requirer(main, file);
    cell.offer = (accessors) => settles.push(scope.offer(accessors, compiled.keeps));
    const namespaces = await Promise.all(compiled.imports.map(({ source }) => modules.importer(file)(source)));
    compiled.imports.forEach(({ source, bindings }, at) => {
      settles.push(scope.offer(imported(source, bindings, namespaces[at]), () => "variable"));
    });
    scope.thaw(compiled.assigned);
    begin();
    await call(compiled, file, require, cell);
    if (isPromise(cell.value)) cell.value = await cell.value;
    return { value: cell.value };
  } catch (error) {
    return { error: describe(error) };
  } finally {
    for (const settle of settles) settle();
  }
}

function compile(code, file, types) {
  let cell;
  try {
    cell = transform(code, scope.hidden, types);
  } catch (error) {
    throw refusal(code, file, error);
  }
  const { parameters, head, body, tail } = cell;
  const start = compileFunction(`${head}\n${body}${tail}`, file, parameters, -1);
  return { ...cell, start };
}

function compileFunction(code, file, parameters, lineOffset) {
  return vm.compileFunction(code, parameters, {
    filename: file,
    lineOffset,
    importModuleDynamically: vm.constants?.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  });
}

// What V8 says of what the parser does not understand.
function refusal(code, file, parsers) {
  try {
    compileFunction(code, file, PARAMETERS, 0);
  } catch (error) {
    if (!/^(await is only valid|Cannot use import|Cannot use 'import|Unexpected token 'export')/.test(error.message)) {
      return error;
    }
  }
  const { line, column } = parsers.loc;
  const error = new SyntaxError(parsers.message.replace(/ \(\d+:\d+\)$/, ""));
  const shown = [`${file}:${line}`, code.split("\n")[line - 1], `${" ".repeat(column)}^`, ""];
  error.stack = [...shown, `SyntaxError: ${error.message}`].join("\n");
  return error;
}

function imported(source, bindings, namespace) {
  const accessors = {};
  for (const { local, imported } of bindings) {
    Object.defineProperty(accessors, local, {
      enumerable: true,
      get: imported === undefined ? () => namespace : member(source, namespace, imported),
      set: () => {
        throw new TypeError("Assignment to constant variable.");
      },
    });
  }
  return accessors;
}

function member(source, namespace, name) {
  if (name in namespace) return () => namespace[name];
  // Of a CommonJS module, Node does not always know the names.
  const { default: whole } = namespace;
  if (whole !== null && /^(object|function)$/.test(typeof whole) && name in whole) return () => whole[name];
  throw new SyntaxError(`The requested module '${source}' does not provide an export named '${name}'`);
}

// Call the cell from a turn of the event loop that is its own, so that few frames are ours.
function call({ start, parameters, module }, file, require, cell) {
  const values = {
    exports: main.exports,
    require,
    module: main,
    __filename: file,
    __dirname: path.dirname(file),
    $cell: cell,
    $mport: modules.importer(file),
    $meta: module && modules.meta(file),
  };
  const given = parameters.map((name) => values[name]);
  return new Promise((resolve, reject) => {
    later(() => {
      try {
        resolve(guard(() => start.apply(module ? undefined : main.exports, given)));
      } catch (error) {
        reject(error);
      }
    });
  });
}

// Until this has ended, and what it has made follow at once, SIGINT ends it.
function guard(act) {
  let result;
  globalThis[enter] = () => {
    delete globalThis[enter];
    result = act();
  };
  guarding = true;
  try {
    guarded.runInThisContext({ breakOnSigint: true, displayErrors: false });
  } finally {
    guarding = false;
  }
  return result;
}

// Anything can be thrown, and what it says of itself can throw too.
function describe(thrown) {
  try {
    const text = util.inspect(thrown);
    if (!(thrown instanceof Error || isNativeError(thrown))) {
      return { ename: "Uncaught", evalue: text, traceback: [] };
    }
    const { message, code } = thrown;
    if (code === INTERRUPTED) return { ename: "KeyboardInterrupt", evalue: "", traceback: [] };
    const ename = thrown.name === "Error" ? thrown.constructor.name : thrown.name;
    const stack = usersOwn(text.split("\n")).map(placed);
    return { ename: `${ename}`, evalue: `${message}`, traceback: [...excerpt(stack), ...stack] };
  } catch {
    return { ename: "Uncaught", evalue: "a value that cannot be shown", traceback: [] };
  }
}

// A stack without our own frames, and those of Node's that lead to them.
function usersOwn(lines) {
  const kept = [];
  let inside = false;
  for (const line of lines) {
    const frame = /^\s+at /.test(line);
    if (!frame) inside = false;
    else if (line.includes(__dirname) || /^\s+at .*\bnode:(internal\/)?vm:/.test(line)) inside = true;
    if (!frame || !inside) kept.push(line);
    else if (line.endsWith(" {") && kept.length) kept[kept.length - 1] += " {"; // opens its properties
  }
  return kept;
}

// A line of a stack, with the user's line and column.
function placed(line) {
  const [, before, file, row, column, after] = /^(\s+at (?:.*\()?)(\/.*):(\d+):(\d+)(\)?.*)$/.exec(line) ?? [];
  const place = shown.get(file)?.map?.findEntry(row - 1, column - 1);
  if (place?.originalLine === undefined) return line;
  return `${before}${file}:${place.originalLine + 1}:${place.originalColumn + 1}${after}`;
}

// The line that failed, as Node shows it; nothing if the text has it already.
function excerpt(lines) {
  if (!/^\s+at /.test(lines[1] ?? "") && lines.some((line) => /^\s*\^+$/.test(line))) return [];
  for (const line of lines) {
    const [, file, row, column] = /^\s+at (?:.*\()?(\/.*):(\d+):(\d+)\)?(?: \{)?$/.exec(line) ?? [];
    const source = shown.get(file)?.lines[row - 1];
    if (source !== undefined) {
      const indent = source.slice(0, column - 1).replace(/[^\t]/g, " ");
      return [`${file}:${row}`, source, `${indent}^`, ""];
    }
  }
  return [];
}

// What a program does at its end, a cell does where it stands: the kernel lives on.
const reallyExit = process.reallyExit;
const exitListeners = process.listeners("exit");
process.reallyExit = (status) => {
  if (!abandon) return reallyExit.call(process, status);
  process._exiting = false;
  for (const listener of process.listeners("exit")) {
    if (!exitListeners.includes(listener)) process.off("exit", listener);
  }
  abandon(exited(status));
  if (guarding) {
    // No `catch` and no `finally` of the user's stops this.
    process.kill(process.pid, "SIGINT");
    for (;;);
  }
  throw EXIT;
};

function exited(status) {
  if (!status) return { value: undefined };
  return { error: { ename: "ExitStatus", evalue: `${status}`, traceback: [] } };
}

function uncaught(thrown) {
  if (thrown === EXIT) return undefined;
  if (process.listenerCount("uncaughtException") > 1) return; // user code takes it
  const error = describe(thrown);
  if (abandon) return abandon({ error });
  const text = error.traceback.join("\n") || error.evalue;
  process.stderr.write(`Uncaught:\n${text}\n`);
}

/** Take the errors that nobody catches; to be called before each cell, since user code can undo it. */
function listen() {
  if (!process.listeners("uncaughtException").includes(uncaught)) process.on("uncaughtException", uncaught);
  if (!process.listeners("SIGINT").includes(ignore)) process.on("SIGINT", ignore);
}

function ignore() {}

module.exports = { describe, listen, run };
