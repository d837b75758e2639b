// What the scripts for node stand on: where the proxy is, checks by name, and how they are reported. `checks.py` does the
// same for Python and says how it is run.

import { ok } from "node:assert";

export const BASE_URL = process.env.BASE_URL ?? "http://localhost:8000/v1";
export const API_KEY = process.env.API_KEY ?? "sk-local-key1";

// Codex itself, and a model without codex's tools and instructions.
export const AGENT = "codex-local";
export const PLAIN = "gpt-5.5";

// A red square of eight pixels.
export const PNG =
  "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAEUlEQVR42mP4z8CAFTEMLQkAKP8/wc53yE8AAAAASUVORK5CYII=";
export const IMAGE = `data:image/png;base64,${PNG}`;

/** What the sample model says to `[[words=COUNT]]`, a word each. */
export const words = (count) => Array.from({ length: count }, (_, index) => `word${index + 1} `);

/** The results of tools that the sample model has read out, in alphabetical order. */
export function results(text) {
  const [, list] = text.split("Tool results: ");
  ok(list, text);
  return list.split("; ").sort();
}

export async function all(stream) {
  const items = [];
  for await (const item of await stream) items.push(item);
  return items;
}

/** Runs each check by its name; what it returns is its line. The last line of a script. */
export async function run(checks) {
  const wanted = process.argv.slice(2);
  const unknown = wanted.filter((name) => !Object.hasOwn(checks, name));
  const failed = [];
  if (unknown.length > 0) {
    console.error(`there is no check ${unknown.join(", ")}`);
    process.exit(1);
  }
  for (const [check, call] of Object.entries(checks)) {
    if (wanted.length > 0 && !wanted.includes(check)) continue;
    try {
      console.log(JSON.stringify({ check, ...(await call()) }));
    } catch (error) {
      failed.push(check);
      console.error(`FAILED ${check}:`, error);
    }
  }
  if (failed.length > 0) {
    console.error(`${failed.length} of ${Object.keys(checks).length} checks failed: ${failed.join(", ")}`);
    process.exitCode = 1;
  }
}
