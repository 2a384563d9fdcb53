// The JavaScript and TypeScript kernels' program: tslab, speaking Jupyter as other kernels do.
//
//     node _tslab_kernel.js TSLAB CONNECTION_FILE javascript|typescript
//
// TSLAB is the folder of the package. It is started from here, not by its own command, so that
// what it lacks can be put right before it runs:
//
// - Its zeromq drops messages when 512 of them were sent in one turn of the event loop, or 1,000
//   wait for the reader. Here they are sent at once, without a limit.
// - It prints the last expression's value and every error as text among the user's own, and does
//   not say when a cell begins. Here `execute_result`, `error` and `execute_input` say so.
//   `execute_input` comes when the cell is compiled: before, an interrupt would be lost.
// - An error that nobody catches, in a callback or a promise, leaves the cell waiting for what
//   will not come. Here it ends the cell, as it ends a program.
// - It takes `await (…)` outside of functions for a call of something named `await`.
// - Having missed a module once, it breaks for good when a folder for modules appears. Here it
//   looks again after every complaint, and watches no folders.
// - What a cell has declared is forgotten when the cell fails, and `const fs = require("fs")` a
//   cell or two later in any case. Here it stays.
// - For 0.2 s after an error it refuses whatever it is sent. Here it takes the next cell at once.
// - Asked to interrupt a cell that awaits, it ends the cell and lets its code run on, into later
//   cells. Here such a cell does not end; who asked may kill the kernel.
// - `process.stdout.write` destroys the characters that a chunk's end cuts in two, and never calls
//   back.
//
// What an error is called and which lines of it are shown is decided by the reader, `execd/_tslab`.

"use strict";

const { createRequire } = require("module");
const path = require("path");
const { StringDecoder } = require("string_decoder");
const util = require("util");

const [tslab, connectionFile, language] = process.argv.slice(2);
const load = createRequire(path.join(tslab, "dist", "main.js"));

const compiler = "@tslab/typescript-for-tslab";
const ts = load(compiler);
require.cache[load.resolve(compiler)].exports = { ...ts, createWatchCompilerHost };
const modules = ts.createModuleResolutionCache(process.cwd(), (name) => name);

const executors = load("./executor");
const jupyter = load("./jupyter");
const zeromq = load("zeromq");

const later = setImmediate; // user code may replace it

let abandon; // makes the running cell give up what it awaits
let publish; // sends a message on behalf of the latest request
let running = false;
let begun = false; // the running cell has said so
let failure; // of the running cell: the content of its `error`
let codes = []; // the compiler's, of its complaints about what it last compiled
let declared = ""; // what all cells have declared, as the compiler wants to be told
let count = 0;

zeromq.Publisher = class extends zeromq.Publisher {
  constructor() {
    super({ sendHighWaterMark: 0, sendTimeout: 0 });
  }
};

const queue = load("./util").TaskQueue.prototype;
const reset = queue.reset;
queue.reset = function () {
  reset.call(this);
};

const server = jupyter.ZmqServer.prototype;
const handleExecute = server.handleExecute;
server.handleExecute = function (socket, request) {
  publish = (kind, content) => {
    const message = request.createReply();
    message.header.msg_type = kind;
    message.content = content;
    message.signAndSend(this.connInfo.key, this.iopub);
  };
  return handleExecute.call(this, socket, request);
};

const decoders = { stdout: new StringDecoder("utf8"), stderr: new StringDecoder("utf8") };
jupyter.JupyterHandlerImpl.prototype.createWriteToIopub = (name, send) => {
  return (chunk, encoding, callback = encoding) => {
    const text = typeof chunk === "string" ? chunk : decoders[name].write(chunk);
    if (text) send(name, text);
    if (typeof callback === "function") process.nextTick(callback);
    return true;
  };
};

function createWatchCompilerHost(files, options, system, ...rest) {
  system.watchDirectory = () => ({ close() {} });
  const host = ts.createWatchCompilerHost(files, options, system, ...rest);
  host.resolveModuleNameLiterals = (names, file, redirected, given) =>
    names.map(({ text }) => ts.resolveModuleName(text, file, given, host, modules, redirected));
  host.hasInvalidatedResolutions = () => codes.length > 0;
  return host;
}

const createExecutor = executors.createExecutor;
executors.createExecutor = (folder, converters) => {
  const converter = converters.node;
  const convert = converter.convert;
  converter.convert = (_declared, source) => {
    modules.clear();
    const converted = convert(declared, source);
    const file = parse(source);
    codes = converted.diagnostics.map(({ code }) => code);
    if (!codes.length) declared = lasting(converted.declOutput || "", file);
    converted.hasToplevelAwait = converted.hasToplevelAwait || awaits(file);
    begin();
    return converted;
  };
  const made = createExecutor(folder, converters, { log: showValue, error: report });
  abandon = made.interrupt;
  return { ...made, execute: (source) => execute(made, source), interrupt: () => {} };
};

async function execute(made, source) {
  [running, begun, failure] = [true, false, undefined];
  count += 1;
  let done = false;
  try {
    done = await made.execute(source);
    // Rejections are told only when all that was to follow them has run.
    await new Promise((resolve) => later(resolve));
  } catch (error) {
    fail(describe(error)); // of the compiler itself, or of a value that is not to be shown
  }
  running = false;
  begin();
  if (failure) publish("error", failure);
  return done && !failure;
}

// The declarations that a cell leaves, in a form that the compiler carries on beyond the next cell.
// Of what it cannot type (a package without types) it declares nothing at all.
function lasting(declarations, file) {
  const required = /^import ([\w$]+) = require\((.+)\);$/gm;
  const carried = declarations.replace(required, "export const $1: typeof import($2);");
  const words = new Set(carried.match(/[\w$]+/g));
  const missing = file.statements.flatMap(bound).filter((name) => !words.has(name));
  return [carried, ...missing.map((name) => `export let ${name}: any;\n`)].join("");
}

// The names that a statement binds, if it declares variables or imports.
function bound(node) {
  if (ts.isVariableStatement(node)) return node.declarationList.declarations.flatMap(inside);
  const { name, namedBindings } = (ts.isImportDeclaration(node) && node.importClause) || {};
  return [name, namedBindings].flatMap(inside);
}

function inside(node) {
  if (!node) return [];
  if (ts.isIdentifier(node)) return [node.text];
  return node.elements ? node.elements.flatMap(inside) : inside(node.name);
}

function parse(source) {
  const name = language === "javascript" ? "cell.js" : "cell.ts";
  // Only in a module is `await (` no call.
  return ts.createSourceFile(name, `${source}\nexport {}`, ts.ScriptTarget.Latest);
}

function awaits(node) {
  if (ts.isAwaitExpression(node) || node.awaitModifier) return true;
  return !ts.isFunctionLike(node) && Boolean(ts.forEachChild(node, awaits));
}

function begin() {
  if (begun) return;
  begun = true;
  publish("execute_input", { code: "", execution_count: count });
}

function showValue(value) {
  const data = { "text/plain": util.format(value) };
  publish("execute_result", { execution_count: count, data, metadata: {} });
}

// tslab reports an error as its only argument, and a complaint of the compiler in pieces.
function report(...pieces) {
  if (pieces.length === 1) return fail(describe(pieces[0]));
  fail({ complaints: [], codes });
  failure.complaints?.push(util.format(...pieces));
}

function fail(content) {
  failure = failure || content;
}

// Anything can be thrown, and what it says of itself can throw too.
function describe(thrown) {
  try {
    const text = util.inspect(thrown);
    if (!(thrown instanceof Error || util.types.isNativeError(thrown))) return { evalue: text };
    const { message, code } = thrown;
    const ename = thrown.name === "Error" ? thrown.constructor.name : thrown.name;
    const traceback = text.split("\n");
    return { ename: `${ename}`, evalue: `${message}`, code: `${code}`, traceback };
  } catch {
    return { evalue: "a value that cannot be shown" };
  }
}

function uncaught(thrown) {
  if (running) {
    fail(describe(thrown));
    abandon();
  } else {
    const { evalue, traceback = [evalue] } = describe(thrown);
    process.stderr.write(`Uncaught ${traceback.join("\n")}\n`);
  }
}

load("./main").startKernel({
  configPath: connectionFile,
  enableFindLocal: false, // a project's own tslab would be another program than this one
  jsKernel: language === "javascript",
});
for (const event of ["uncaughtException", "unhandledRejection"]) {
  process.removeAllListeners(event);
  process.on(event, uncaught);
}
