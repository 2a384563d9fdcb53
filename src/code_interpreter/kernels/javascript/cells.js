// What a cell of JavaScript is compiled to. Pure.
//
// A cell is the body of a function, as a program is for Node, so that it means what it means there.
// What must stay true: the user's text keeps its lines and columns. What has to be said beside it
// stands on a line before it, or takes exactly the place of what it replaces.
//
// - What the cell declares at its top is offered to later cells, by accessors.
// - The value of the last statement, if it is an expression, goes to `$cell.value`.
// - `import` statements, `import()` and `import.meta` become what a function can contain. A cell
//   with one of the statements, or with `import.meta`, is an ES module: strict, without `this`.
// - `export` is left out.

"use strict";

const acorn = require("./packages")("acorn");

// What a cell is compiled with, beside its text.
const PARAMETERS = [
  ...["exports", "require", "module", "__filename", "__dirname"],
  ...["$cell", "$mport", "$meta"],
];

const OPTIONS = {
  ecmaVersion: "latest",
  sourceType: "script",
  allowAwaitOutsideFunction: true,
  allowHashBang: true,
  allowImportExportEverywhere: true,
  allowReturnOutsideFunction: true,
};

/**
 * Return what to compile, and what it needs.
 *
 * @param {string} source The cell.
 * @param {(mentioned: string[], imported: string[]) => string[]} hidden Says which of the names
 *   that the cell mentions or imports would be a global's, so that it has to declare them.
 * @param {Set<string>} [types] The imported names that have no value; of TypeScript, which is strict.
 * @returns {{parameters: string[], head: string, body: string, tail: string, imports: object[],
 *   module: boolean, assigned: string[], keeps: (name: string) => string}} `head` is the line before
 *   `body`, and `tail` goes behind it. `assigned` are the names of others that the cell may change.
 *   `keeps` says what the cell still has of its own when it has ended: the `variable`, which its
 *   functions may change; a `copy`, which none of them changes; or `nothing`.
 * @throws {SyntaxError} The parser does not understand it; with `loc`.
 */
function transform(source, hidden, types) {
  const tree = parse(source);
  const found = survey(tree);
  const edits = [...found.edits];
  if (source.startsWith("#!")) edits.push({ start: 0, end: 2, text: "//" });
  const imports = [];
  for (const statement of tree.body) rewriteModule(statement, edits, imports, types);

  const declared = new Set(tree.body.flatMap(declares).concat(found.vars));
  const constants = new Set(tree.body.flatMap(constant));
  const imported = imports.flatMap(({ bindings }) => bindings.map(({ local }) => local));
  const free = [...found.mentioned].filter((name) => !declared.has(name));
  const carried = hidden(free, imported);
  const awaits = found.awaits && !declared.has("await");
  const wrapped = awaits || found.module;

  let head = types || found.module || isStrict(tree) ? '"use strict";' : "";
  if (wrapped) head += `return (${awaits ? "async " : ""}() => {`;
  for (const name of carried) head += `let ${name} = $cell.read("${name}");`;
  for (const name of carried) declared.add(name);
  head += `$cell.offer({${[...declared].map(accessors).join(",")}});`;
  const last = lastExpression(tree);
  if (last) {
    const { before, statement } = last;
    if (before === undefined) head += "$cell.value=(";
    else edits.push({ start: before, end: before, text: ";$cell.value=(" });
    const end = source[statement.end - 1] === ";" ? statement.end - 1 : statement.end;
    edits.push({ start: end, end, text: ")" });
  }
  return {
    parameters: PARAMETERS.filter((name) => !carried.includes(name)),
    head,
    body: apply(source, edits),
    tail: wrapped ? "\n})()" : "",
    imports,
    module: found.module,
    assigned: [...found.assigned].filter((name) => !declared.has(name)),
    keeps: (name) => {
      if (found.evaluates || (found.inner.has(name) && found.assigned.has(name))) return "variable";
      return found.inner.has(name) || constants.has(name) ? "copy" : "nothing";
    },
  };
}

function parse(source) {
  try {
    return acorn.parse(source, OPTIONS);
  } catch (error) {
    try {
      // A program in which `await` is a name.
      return acorn.parse(source, { ...OPTIONS, allowAwaitOutsideFunction: false });
    } catch {
      throw error;
    }
  }
}

// One walk over all of the tree.
function survey(tree) {
  const found = {
    ...{ edits: [], vars: [], mentioned: new Set(), inner: new Set(), assigned: new Set() },
    ...{ awaits: false, module: false, evaluates: false },
  };
  const assign = (target) => bound(target).forEach((name) => found.assigned.add(name));
  const walk = (node, inFunction) => {
    let inside = inFunction;
    switch (node.type) {
      case "Identifier":
        found.mentioned.add(node.name);
        if (inFunction) found.inner.add(node.name);
        break;
      case "AssignmentExpression":
        assign(node.left);
        break;
      case "UpdateExpression":
        assign(node.argument);
        break;
      case "CallExpression":
        found.evaluates ||= node.callee.name === "eval";
        break;
      case "WithStatement":
        found.evaluates = true;
        break;
      case "FunctionDeclaration":
      case "FunctionExpression":
      case "ArrowFunctionExpression":
      case "StaticBlock":
      case "PropertyDefinition":
        inside = true;
        break;
      case "AwaitExpression":
        found.awaits ||= !inFunction;
        break;
      case "ForInStatement":
      case "ForOfStatement":
        found.awaits ||= node.await && !inFunction;
        assign(node.left);
        break;
      case "VariableDeclaration":
        if (inFunction) break;
        if (node.kind === "await using") found.awaits = true;
        if (node.kind === "var") found.vars.push(...node.declarations.flatMap(bound));
        break;
      case "ImportExpression":
        found.edits.push({ start: node.start, end: node.start + 6, text: "$mport" });
        break;
      case "MetaProperty":
        if (node.meta.name !== "import") break;
        found.module = true;
        found.edits.push({ start: node.start, end: node.start + 6, text: "$meta " });
        found.edits.push(blank(node.start + 6, node.end));
        break;
      case "ImportDeclaration":
      case "ExportAllDeclaration":
      case "ExportDefaultDeclaration":
      case "ExportNamedDeclaration":
        found.module = true;
        break;
    }
    for (const key in node) {
      const child = node[key];
      if (Array.isArray(child)) for (const one of child) one?.type && walk(one, inside);
      else if (child?.type) walk(child, inside);
    }
  };
  walk(tree, false);
  return found;
}

function rewriteModule(node, edits, imports, types = new Set()) {
  switch (node.type) {
    case "ImportDeclaration": {
      edits.push(blank(node.start, node.end));
      const specifiers = node.specifiers.filter((one) => !types.has(one.local.name));
      if (node.specifiers.length && !specifiers.length) break; // what has types only is not loaded
      imports.push({
        source: node.source.value,
        bindings: specifiers.map((one) => ({ local: one.local.name, imported: imported(one) })),
      });
      break;
    }
    case "ExportAllDeclaration":
    case "ExportNamedDeclaration":
      if (node.source) imports.push({ source: node.source.value, bindings: [] });
      edits.push(blank(node.start, node.declaration ? node.declaration.start : node.end));
      break;
    case "ExportDefaultDeclaration": {
      const [start, end] = [node.start, node.declaration.start];
      // Without a name, what is exported becomes an expression.
      const keep = node.declaration.id ? "" : "void 0,";
      edits.push({ start, end, text: (old) => keep + spaces(old.slice(keep.length)) });
      break;
    }
  }
}

// The name of what is imported; undefined for the whole namespace.
function imported(specifier) {
  if (specifier.type === "ImportDefaultSpecifier") return "default";
  return specifier.imported && (specifier.imported.name ?? specifier.imported.value);
}

function isStrict(tree) {
  return tree.body.some((statement) => statement.directive === "use strict");
}

// The last expression, and where the statement before it ends.
function lastExpression({ body }) {
  let at = body.length - 1;
  while (at >= 0 && body[at].type === "EmptyStatement") at -= 1;
  if (at < 0 || body[at].type !== "ExpressionStatement") return undefined;
  return { statement: body[at], before: at > 0 ? body[at - 1].end : undefined };
}

// The names that a statement at the top declares, but for `var`.
function declares(node) {
  switch (node.type) {
    case "ExportNamedDeclaration":
    case "ExportDefaultDeclaration":
      return node.declaration ? declares(node.declaration) : [];
    case "FunctionDeclaration":
    case "ClassDeclaration":
      return node.id ? [node.id.name] : [];
    case "VariableDeclaration":
      return node.declarations.flatMap(bound);
    default:
      return [];
  }
}

function constant(node) {
  const declaration = node.type === "ExportNamedDeclaration" ? node.declaration : node;
  const fixed = declaration?.type === "VariableDeclaration" && !/^(let|var)$/.test(declaration.kind);
  return fixed ? declares(declaration) : [];
}

function bound(node) {
  switch (node?.type) {
    case "Identifier":
      return [node.name];
    case "VariableDeclarator":
      return bound(node.id);
    case "ObjectPattern":
      return node.properties.flatMap((one) => bound(one.value ?? one.argument));
    case "ArrayPattern":
      return node.elements.flatMap(bound);
    case "AssignmentPattern":
      return bound(node.left);
    case "RestElement":
      return bound(node.argument);
    default:
      return [];
  }
}

const accessors = (name) => `get ${name}(){return ${name}},set ${name}(${name}_){${name}=${name}_}`;

const spaces = (text) => text.replace(/[^\r\n\u2028\u2029]/g, " ");

const blank = (start, end) => ({ start, end, text: spaces });

function apply(source, edits) {
  const pieces = [];
  let at = 0;
  for (const { start, end, text } of [...edits].sort((a, b) => a.start - b.start)) {
    if (start < at) continue; // inside of what has been left out
    pieces.push(source.slice(at, start));
    pieces.push(typeof text === "function" ? text(source.slice(start, end)) : text);
    at = end;
  }
  pieces.push(source.slice(at));
  return pieces.join("");
}

module.exports = { PARAMETERS, transform };
