// What cells have declared, for the cells after them.
//
// A name becomes an accessor of the global object that reads and writes the variable itself, where
// the cell has it: later code sees every change, and a constant stays one. Accessors are slow (0.1
// us), so when the cell has ended, a variable that none of its functions can change becomes a plain
// property; it is an accessor again when a later cell assigns to it, unless only that cell can tell.
//
// A name that is a global of Node's (`crypto`, `URL`) is never replaced there, since packages need
// the original: the cells that mention it declare it anew, from its current value.

"use strict";

const { PARAMETERS } = require("./cells");

const native = new Set([...Object.getOwnPropertyNames(globalThis), "__proto__", ...PARAMETERS]);
const bindings = new Map(); // of all names: an accessor's descriptor
const copies = new Set(); // names whose plain property has the value of a variable that still exists

/** Return which of these names a cell must declare, to have them at all. */
function hidden(mentioned, imported) {
  const known = mentioned.filter((name) => bindings.has(name));
  return [...new Set([...known, ...imported])].filter((name) => native.has(name));
}

/** Return the value of a native name that a cell has declared. */
function read(name) {
  return bindings.get(name).get();
}

/**
 * Have later cells see these variables.
 *
 * @param {object} accessors A getter and a setter for each.
 * @param {(name: string) => string} keeps What the cell has of each when it has ended.
 * @returns {() => void} To be called then: what the cell has not come to declare is again what it
 *   was before.
 */
function offer(accessors, keeps) {
  const before = [];
  for (const name of Object.keys(accessors)) {
    const { get, set } = Object.getOwnPropertyDescriptor(accessors, name);
    const own = native.has(name) ? undefined : Object.getOwnPropertyDescriptor(globalThis, name);
    before.push([name, get, bindings.get(name), own]);
    copies.delete(name);
    bind(name, { get, set, configurable: true });
  }
  return () => {
    for (const [name, get, binding, own] of before) {
      if (bindings.get(name)?.get !== get) continue;
      if (!initialised(get)) unbind(name, binding, own);
      else if (!native.has(name) && keeps(name) !== "variable") {
        const value = { value: get(), writable: true, configurable: true, enumerable: false };
        if (Reflect.defineProperty(globalThis, name, value) && keeps(name) === "copy") copies.add(name);
      }
    }
  };
}

/** Make these names variables again where they are copies: a cell is going to assign to them. */
function thaw(names) {
  for (const name of names) {
    if (copies.delete(name)) Reflect.defineProperty(globalThis, name, bindings.get(name));
  }
}

function bind(name, binding) {
  bindings.set(name, binding);
  if (native.has(name)) return;
  // What user code has made immutable stays.
  Reflect.defineProperty(globalThis, name, binding);
}

function unbind(name, binding, own) {
  if (binding) bindings.set(name, binding);
  else bindings.delete(name);
  if (native.has(name)) return;
  if (own) Reflect.defineProperty(globalThis, name, own);
  else Reflect.deleteProperty(globalThis, name);
}

function initialised(get) {
  try {
    get();
    return true;
  } catch {
    return false;
  }
}

module.exports = { hidden, offer, read, thaw };
