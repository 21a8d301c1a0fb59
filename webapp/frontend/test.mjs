// Bundles tests/*.test.ts and runs them with Node's own test runner; with words, only the files
// whose names begin with one of them: npm test -- sender machine
import { build } from "esbuild";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const here = path.dirname(fileURLToPath(import.meta.url));
const out = mkdtempSync(path.join(here, "node_modules", ".tests-"));
const words = process.argv.slice(2);
const isWanted = (name) => !words.length || words.some((word) => name.startsWith(word));
const names = readdirSync(path.join(here, "tests")).filter(
  (name) => name.endsWith(".test.ts") && isWanted(name),
);
if (!names.length) throw new Error(`no test file begins with ${words.join(" or ")}`);
await build({
  absWorkingDir: here,
  entryPoints: names.map((name) => `tests/${name}`),
  outdir: out,
  bundle: true,
  format: "esm",
  platform: "node",
  packages: "external",
  outExtension: { ".js": ".mjs" },
  logLevel: "warning",
});
const files = readdirSync(out).map((name) => path.join(out, name));
const ends = path.join(here, "tests", "ends.mjs");
const command = ["--import", ends, "--test", ...files];
const { status } = spawnSync(process.execPath, command, { stdio: "inherit", cwd: here });
rmSync(out, { recursive: true, force: true });
process.exit(status ?? 1);
