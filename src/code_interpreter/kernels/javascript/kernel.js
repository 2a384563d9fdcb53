// The kernel of JavaScript and TypeScript: speaks Jupyter's protocol, and hands cells to their runner.
//
//     node kernel.js PACKAGES CONNECTION_FILE javascript|typescript
//
// PACKAGES is the folder that holds what npm has installed for us.
//
// What must stay true: every message that is sent arrives, at any rate, even from code that leaves the
// event loop no turn; what user code prints is sent when it prints it.

"use strict";

const load = require("./packages");
const [, , , connectionFile, language] = process.argv;

const crypto = require("crypto");
const fs = require("fs");
const path = require("path");
const { StringDecoder } = require("string_decoder");
const util = require("util");

const zeromq = load("zeromq");

const display = require("./display");
const modules = require("./cell_modules");
const runner = require("./cell_runner");
const typescript = language === "typescript" ? require("./typescript_cells") : undefined;

const DELIMITER = Buffer.from("<IDS|MSG>");
const connection = JSON.parse(fs.readFileSync(connectionFile, "utf8"));
const session = crypto.randomUUID();

const iopub = new zeromq.Publisher({ sendHighWaterMark: 0, sendTimeout: 0 });
const shell = new zeromq.Router({ sendHighWaterMark: 0 });
const control = new zeromq.Router({ sendHighWaterMark: 0 });
const stdin = new zeromq.Router();
const heartbeat = new zeromq.Reply();

let count = 0; // of cells
let request; // the latest to execute something: what is printed later is its output, too

function sign(parts) {
  const hash = crypto.createHmac("sha256", connection.key);
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
}

// The request in a message; undefined for what is not of our client.
function decode(frames) {
  const at = frames.findIndex((frame) => frame.equals(DELIMITER));
  const [signature, ...parts] = frames.slice(at + 1);
  if (at < 0 || parts.length < 4 || `${signature}` !== sign(parts.slice(0, 4))) return undefined;
  return {
    identities: frames.slice(0, at),
    header: JSON.parse(parts[0]),
    parent: `${parts[0]}`, // of all answers
    content: JSON.parse(parts[3]),
  };
}

let numbers = 0;
function encode(kind, { header, parent }, content) {
  numbers += 1;
  const { username } = header;
  const date = new Date().toISOString();
  const ours = { msg_id: `${session}_${numbers}`, session, username, date, msg_type: kind, version: "5.3" };
  const parts = [JSON.stringify(ours), parent, "{}", JSON.stringify(content)];
  return [DELIMITER, sign(parts), ...parts];
}

function publish(kind, content, about = request) {
  iopub.send(encode(kind, about, content));
}

const answers = {
  kernel_info_request: () => ({
    status: "ok",
    protocol_version: "5.3",
    implementation: "code-interpreter",
    implementation_version: "1",
    language_info: {
      name: language,
      version: process.versions.node,
      mimetype: `text/${language}`,
      file_extension: language === "typescript" ? ".ts" : ".js",
    },
    banner: `Node ${process.version}`,
  }),
  is_complete_request: () => ({ status: "unknown" }),
  comm_info_request: () => ({ status: "ok", comms: {} }),
  history_request: () => ({ status: "ok", history: [] }),
  complete_request: ({ content: { cursor_pos: at } }) => {
    return { status: "ok", matches: [], cursor_start: at, cursor_end: at, metadata: {} };
  },
  inspect_request: () => ({ status: "ok", found: false, data: {}, metadata: {} }),
  interrupt_request: () => ({ status: "ok" }),
  shutdown_request: ({ content: { restart } }) => ({ status: "ok", restart }),
  execute_request: execute,
};

async function serve(socket) {
  for await (const frames of socket) {
    const asked = decode(frames);
    const kind = asked?.header.msg_type;
    if (!Object.hasOwn(answers, kind ?? "")) continue;
    publish("status", { execution_state: "busy" }, asked);
    const content = await answers[kind](asked);
    await socket.send([...asked.identities, ...encode(kind.replace("request", "reply"), asked, content)]);
    publish("status", { execution_state: "idle" }, asked);
    if (kind === "shutdown_request") process.exit();
  }
}

async function execute(asked) {
  request = asked;
  const { code, silent } = asked.content;
  if (!silent) count += 1;
  const number = count;
  prepare();
  const file = path.join(process.cwd(), `cell${number}.${typescript ? "ts" : "js"}`);
  let begun = silent;
  const begin = () => {
    if (!begun) publish("execute_input", { code, execution_count: number });
    begun = true;
  };
  const compiled = typescript ? typescript.compile(code, file) : { code };
  let outcome = compiled.error ? compiled : await runner.run(code, compiled, file, begin);
  if (!outcome.error && outcome.value !== undefined && outcome.value !== null && !silent) {
    outcome = show(outcome.value, number);
  }
  if (!outcome.error) return { status: "ok", execution_count: number, user_expressions: {}, payload: [] };
  begin(); // it was not, if it could not be compiled
  if (!silent) publish("error", outcome.error);
  return { status: "error", execution_count: number, ...outcome.error };
}

function show(value, number) {
  try {
    const data = { "text/plain": util.format(value) };
    publish("execute_result", { execution_count: number, data, metadata: {} });
    return {};
  } catch (error) {
    return { error: runner.describe(error) };
  }
}

// What user code may have replaced for good.
function prepare() {
  for (const name of ["stdout", "stderr"]) process[name].write = writers[name];
  runner.listen();
}

function writer(name) {
  const decoder = new StringDecoder("utf8");
  const stream = process[name];
  const original = stream.write;
  return (chunk, encoding, callback = encoding) => {
    if (typeof chunk !== "string" && !(chunk instanceof Uint8Array)) return original.call(stream, chunk);
    let text = chunk;
    if (typeof chunk !== "string") text = decoder.write(chunk);
    else if (/^(hex|base64|base64url|latin1|binary)$/.test(encoding)) text = decoder.write(Buffer.from(chunk, encoding));
    if (text) publish("stream", { name, text });
    if (typeof callback === "function") process.nextTick(callback);
    return true;
  };
}

const writers = { stdout: writer("stdout"), stderr: writer("stderr") };

async function start() {
  await typescript?.prepare();
  const { transport, ip } = connection;
  const address = (name) => `${transport}://${ip}${transport === "ipc" ? "-" : ":"}${connection[`${name}_port`]}`;
  const sockets = { iopub, shell, control, stdin, hb: heartbeat };
  await Promise.all(Object.entries(sockets).map(([name, socket]) => socket.bind(address(name))));
  for (const socket of [shell, control]) serve(socket);
  for await (const frames of heartbeat) await heartbeat.send(frames);
}

// What a program finds of its own start.
process.argv.splice(1, Infinity, path.join(process.cwd(), "cell.js"));
delete require.cache[__filename];
modules.provide("tslab", require.resolve("./display"));
display.connect((kind, content) => publish(kind, content));
start();
