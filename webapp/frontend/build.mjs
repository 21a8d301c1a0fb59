// Builds the pages' scripts and styles into dist/: one file per page, names without a hash
// (the site's static storage adds hashes). The face finder's runtime and model are copied beside
// them, so that a page never asks another host for anything.
import { build, context } from "esbuild";
import { copyFile, cp, mkdir, readdir, rm } from "node:fs/promises";
import { faceFinderWithoutReports, refuseAddresses } from "./silence.mjs";
import { existsSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const here = path.dirname(fileURLToPath(import.meta.url));
const dist = path.join(here, "dist");
const MODEL = "mediapipe/modules/face_detection/face_detection_short_range.tflite";

/** Where the face finder's model lies: it comes with the Python package, not with npm's. */
async function findModel() {
  if (process.env.MIMIA_FACE_MODEL) return process.env.MIMIA_FACE_MODEL;
  for (const venv of [process.env.VIRTUAL_ENV, path.join(here, "../../.venv")]) {
    if (!venv || !existsSync(path.join(venv, "lib"))) continue;
    for (const python of await readdir(path.join(venv, "lib"))) {
      const model = path.join(venv, "lib", python, "site-packages", MODEL);
      if (existsSync(model)) return model;
    }
  }
  return null;
}

async function copyFaceFinder() {
  const to = path.join(dist, "vision");
  await mkdir(to, { recursive: true });
  const wasm = path.join(here, "node_modules/@mediapipe/tasks-vision/wasm");
  for (const name of ["vision_wasm_module_internal.js", "vision_wasm_module_internal.wasm"]) {
    await copyFile(path.join(wasm, name), path.join(to, name));
  }
  const model = await findModel();
  if (model) await copyFile(model, path.join(to, "face.tflite"));
  else console.error("face model not found: the camera page will work without framing hints");
}

const options = {
  absWorkingDir: here,
  entryPoints: {
    record: "src/record/page.ts",
    "face-worker": "src/record/face-worker.ts",
    screening: "src/screening/page.ts",
    worklist: "src/clinic/worklist.ts",
    case: "src/clinic/case.ts",
    erased: "src/erased.ts",
    site: "src/site.ts",
    strength: "src/strength.ts",
    style: "src/styles/style.css",
  },
  outdir: "dist",
  bundle: true,
  format: "esm",
  target: ["es2022", "safari16", "firefox115", "chrome110"],
  minify: true,
  legalComments: "none",
  logLevel: "warning",
  plugins: [faceFinderWithoutReports],
};

await rm(dist, { recursive: true, force: true });
await mkdir(dist, { recursive: true });
await cp(path.join(here, "public"), dist, { recursive: true });
await copyFaceFinder();
if (process.argv.includes("--watch")) await (await context(options)).watch();
else {
  await build(options);
  await refuseAddresses(dist);
}
