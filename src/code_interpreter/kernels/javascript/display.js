// The module `tslab` of user code: displays, as the package of that name offers them.

"use strict";

const { randomBytes } = require("crypto");

const TYPES = {
  javascript: "text/javascript",
  html: "text/html",
  markdown: "text/markdown",
  latex: "text/latex",
  svg: "image/svg+xml",
  png: "image/png",
  jpeg: "image/jpeg",
  gif: "image/gif",
  pdf: "application/pdf",
  text: "text/plain",
};

let send = () => {
  throw new Error("There is no kernel to display this");
};

class Display {
  #id;
  #update = false;

  constructor(id) {
    this.#id = id;
  }

  raw(type, content) {
    const data = content instanceof Uint8Array ? Buffer.from(content).toString("base64") : content;
    const transient = { display_id: this.#id };
    send(this.#update ? "update_display_data" : "display_data", { data: { [type]: data }, metadata: {}, transient });
    this.#update = this.#id !== undefined;
  }
}

for (const [name, type] of Object.entries(TYPES)) {
  Display.prototype[name] = function (content) {
    this.raw(type, content);
  };
}

/** Displays once per call. */
exports.display = new Display();

/** Return a display whose later calls replace what the first has shown. */
exports.newDisplay = () => new Display(randomBytes(8).toString("hex"));

exports.versions = { node: process.version };

/** Set what sends a message on behalf of the running cell. */
Object.defineProperty(exports, "connect", { value: (sender) => (send = sender) });
