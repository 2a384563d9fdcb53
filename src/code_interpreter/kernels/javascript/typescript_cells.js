// Cells of TypeScript: checked before they run, then made into JavaScript.
//
// To the compiler each cell is a module, which exports all that it declares, and imports what it
// mentions of earlier ones. Types need no second form, and a cell may declare a name anew. Since an
// import cannot be assigned to, a variable is declared with the type of the other's instead.
//
// What must stay true: the library is that of the Node that runs, and lines and columns are the
// cell's. Types are left out by spaces; only what JavaScript lacks (enums, namespaces) is compiled.

"use strict";

const fs = require("fs");
const Module = require("module");
const path = require("path");
const { pathToFileURL } = require("url");

const load = require("./packages");

const ts = load("typescript");

// Libraries beyond ES2022, with what shows that this Node has them.
const LIBRARIES = {
  "es2023.array": () => Array.prototype.toSorted,
  "es2023.collection": () => true,
  "es2024.arraybuffer": () => ArrayBuffer.prototype.transfer,
  "es2024.collection": () => Map.groupBy,
  "es2024.object": () => Object.groupBy,
  "es2024.promise": () => Promise.withResolvers,
  "es2024.sharedmemory": () => Atomics.waitAsync,
  "es2024.string": () => String.prototype.isWellFormed,
  "es2025.collection": () => Set.prototype.union,
  "es2025.float16": () => Math.f16round,
  "es2025.iterator": () => globalThis.Iterator?.prototype.map,
  "es2025.promise": () => Promise.try,
  "es2025.regexp": () => RegExp.escape,
  "esnext.array": () => Array.fromAsync,
  "esnext.decorators": () => true,
  "esnext.disposable": () => Symbol.dispose,
  "esnext.error": () => Error.isError,
};

const OPTIONS = {
  allowImportingTsExtensions: true,
  allowUnreachableCode: true,
  allowUnusedLabels: true,
  lib: ["es2022", ...Object.keys(LIBRARIES).filter((name) => LIBRARIES[name]())].map((name) => `lib.${name}.d.ts`),
  module: ts.ModuleKind.Preserve,
  moduleDetection: ts.ModuleDetectionKind.Force,
  noEmit: true,
  resolveJsonModule: true,
  skipLibCheck: true,
  strict: false,
  target: ts.ScriptTarget.ESNext,
  types: [],
};
const COMPILED = {
  esModuleInterop: true,
  module: ts.ModuleKind.Preserve,
  sourceMap: true,
  target: ts.ScriptTarget.ES2022,
  verbatimModuleSyntax: true,
};
const IGNORED = new Set([
  1108, // `return` at the top, which Node has
]);

const cells = new Map(); // what the compiler reads, by file
const declared = new Map(); // of all names: the cell, and whether it is to be imported
const augmenting = new Set(); // cells that declare what is global
const parsed = new Map(); // of files: their state, and their tree

const own = path.join(__dirname, "display.d.ts");
const node = nodeTypes();

let blank; // leaves types out of a tree
let program; // the latest, whose trees and resolutions the next one takes

// The types of the newest Node that is not newer than ours.
function nodeTypes() {
  const dependencies = Object.keys(load("./package.json").dependencies);
  const versions = dependencies.map((name) => Number(/^types-node-(\d+)$/.exec(name)?.[1])).filter(Boolean);
  const major = Number.parseInt(process.versions.node, 10);
  const fitting = versions.filter((version) => version <= major);
  const best = Math.max(...(fitting.length ? fitting : [Math.min(...versions)]));
  return path.join(path.dirname(load.resolve(`types-node-${best}/package.json`)), "index.d.ts");
}

const host = {
  ...ts.createCompilerHost(OPTIONS),
  getSourceFile(file, options) {
    const state = cells.get(file) ?? stateOf(file);
    if (state === undefined) return undefined;
    if (parsed.get(file)?.state !== state) {
      const text = cells.get(file) ?? fs.readFileSync(file, "utf8");
      const jsDocParsingMode = ts.JSDocParsingMode.ParseNone;
      const tree = ts.createSourceFile(file, text, { ...options, jsDocParsingMode });
      parsed.set(file, { state, tree });
    }
    return parsed.get(file).tree;
  },
  fileExists: (file) => cells.has(file) || ts.sys.fileExists(file),
  readFile: (file) => cells.get(file) ?? ts.sys.readFile(file),
  // Packages that want the types of Node get those that we have.
  resolveTypeReferenceDirectiveReferences: (references, file, redirected, options) =>
    references.map((reference) => {
      const name = reference.fileName ?? reference;
      if (name === "node") return { resolvedTypeReferenceDirective: { primary: true, resolvedFileName: node } };
      return ts.resolveTypeReferenceDirective(name, file, options, ts.sys, redirected);
    }),
};

function stateOf(file) {
  const status = fs.statSync(file, { throwIfNoEntry: false });
  return status?.isFile() ? `${status.mtimeMs}-${status.size}` : undefined;
}

/** Load what is loaded but slowly; to be awaited before all else. */
async function prepare() {
  ({ blankSourceFile: blank } = await import(pathToFileURL(load.resolve("ts-blank-space"))));
  compile("", path.join(process.cwd(), "cell0.ts"));
}

/**
 * Check a cell, and make it JavaScript.
 *
 * @returns {{code: string, types: Set<string>, map?: Module.SourceMap} | {error: object}} `types` are
 *   the imported names that stand for types only. An error is the content of such a message.
 */
function compile(source, file) {
  const names = topLevel(ts.createSourceFile(file, source, ts.ScriptTarget.Latest, true));
  const text = `${source}\n${surroundings(source, names)}`;
  // Always of the same name, so that the compiler need not look anew for all that it knows.
  const current = path.join(path.dirname(file), "[cell].ts");
  cells.set(current, text);
  const paths = (process.env.NODE_PATH ?? "").split(path.delimiter).filter(path.isAbsolute).map((folder) => `${folder}/*`);
  const options = paths.length ? { ...OPTIONS, paths: { "*": paths } } : OPTIONS;
  const rootNames = [node, own, ...augmenting, current];
  const next = ts.createProgram({ rootNames, options, host, oldProgram: program });
  const tree = next.getSourceFile(current);

  const syntax = next.getSyntacticDiagnostics(tree);
  const found = syntax.length ? syntax : next.getSemanticDiagnostics(tree);
  const complaints = found.filter(({ code }) => !IGNORED.has(code)).map((one) => complaint(one, tree, source));
  if (complaints.length) {
    const ename = syntax.length ? "SyntaxError" : "CompileError";
    return { error: { ename, evalue: complaints[0], traceback: complaints } };
  }
  // Not that of a cell that failed: what it has not found may come.
  program = next;
  cells.set(file, text);
  const types = onlyTypes(tree, program.getTypeChecker());
  for (const [name, imported] of names.all) declared.set(name, { file, imported });
  if (names.augments) augmenting.add(file);
  return { ...javascript(source, file), types };
}

function complaint({ start, messageText }, tree, source) {
  const { line, character } = tree.getLineAndCharacterOfPosition(Math.min(start ?? 0, source.length));
  return `${line + 1}:${character + 1} - ${ts.flattenDiagnosticMessageText(messageText, "\n")}`;
}

// What is put behind a cell: what it takes of earlier ones, and what it gives.
function surroundings(source, names) {
  const taken = [];
  const seen = new Set();
  for (const [name] of source.matchAll(/[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*/gu)) {
    const from = declared.get(name);
    if (!from || seen.has(name) || names.all.has(name)) continue;
    seen.add(name);
    const module = JSON.stringify(from.file);
    taken.push(
      from.imported
        ? `import { ${name} } from ${module};`
        : `declare let ${name}: typeof import(${module}).${name};`,
    );
  }
  const given = [...names.all.keys()].filter((name) => !names.exported.has(name));
  return `${taken.join("")}export { ${given.join(", ")} };`;
}

// The names that a cell declares, each with whether others have to import it.
function topLevel(tree) {
  const names = { all: new Map(), exported: new Set(), augments: false };
  const add = (name, imported, exported = false) => {
    names.all.set(name, imported || names.all.get(name) === true);
    if (exported) names.exported.add(name);
  };
  const bind = (name, imported, exported) => {
    if (ts.isIdentifier(name)) add(name.text, imported, exported);
    else for (const element of name.elements) if (element.name) bind(element.name, imported, exported);
  };
  const variables = (list, exported) => {
    for (const { name } of list.declarations) bind(name, false, exported);
  };
  const nested = (at) => {
    if (ts.isFunctionLike(at) || ts.isClassLike(at) || ts.isModuleDeclaration(at)) return;
    if (ts.isVariableDeclarationList(at) && !(at.flags & ts.NodeFlags.BlockScoped)) variables(at, false);
    ts.forEachChild(at, nested);
  };
  for (const statement of tree.statements) {
    const exported = Boolean(ts.getCombinedModifierFlags(statement) & ts.ModifierFlags.Export);
    if (ts.isVariableStatement(statement)) variables(statement.declarationList, exported);
    else if (ts.isImportDeclaration(statement)) {
      const { name, namedBindings } = statement.importClause ?? {};
      if (name) add(name.text, true);
      if (namedBindings?.name) add(namedBindings.name.text, true);
      for (const { name: one } of namedBindings?.elements ?? []) add(one.text, true);
    } else if (ts.isModuleDeclaration(statement) && !(ts.isIdentifier(statement.name) && !(statement.flags & ts.NodeFlags.GlobalAugmentation))) {
      names.augments = true;
    } else if (statement.name && ts.isIdentifier(statement.name)) add(statement.name.text, true, exported);
    else nested(statement);
  }
  return names;
}

// The imported names that have no value.
function onlyTypes(tree, checker) {
  const types = new Set();
  for (const statement of tree.statements) {
    const elements = ts.isImportDeclaration(statement) && statement.importClause?.namedBindings?.elements;
    const clause = ts.isImportDeclaration(statement) && statement.importClause?.name && statement.importClause;
    for (const element of [...(elements || []), ...(clause ? [clause] : [])]) {
      const symbol = checker.getAliasedSymbol(checker.getSymbolAtLocation(element.name));
      if (!checker.isUnknownSymbol(symbol) && !(symbol.flags & ts.SymbolFlags.Value)) types.add(element.name.text);
    }
  }
  return types;
}

function javascript(source, file) {
  let erasable = true;
  const tree = ts.createSourceFile(file, source, ts.ScriptTarget.Latest, true);
  if (decorated(tree)) erasable = false;
  const code = blank(tree, () => (erasable = false));
  if (erasable) return { code };
  const { outputText, sourceMapText } = ts.transpileModule(source, { compilerOptions: COMPILED, fileName: file });
  return { code: outputText.replace(/\/\/# sourceMappingURL=.*$/, ""), map: new Module.SourceMap(JSON.parse(sourceMapText)) };
}

function decorated(at) {
  return ts.isDecorator(at) || Boolean(ts.forEachChild(at, decorated));
}

// Files of the user's that a cell or another file of theirs loads.
function extension(module, file) {
  const { outputText } = ts.transpileModule(fs.readFileSync(file, "utf8"), {
    compilerOptions: { esModuleInterop: true, module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 },
    fileName: file,
  });
  module._compile(outputText, file);
}
extension.own = true;
for (const ending of [".ts", ".cts", ".mts"]) Module._extensions[ending] = extension;

module.exports = { compile, prepare };
