// Shared by the Node scripts: where the proxy is, and how checks are run and reported. `checks.py` does the same for Python
// and explains how to run it.

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

/** The words of the sample model's answer to `[[words=COUNT]]`. */
export const words = (count) => Array.from({ length: count }, (_, index) => `word${index + 1} `);

/** The tool results that the sample model repeats, in alphabetical order. */
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

/** Runs the checks of a script, and prints their results. */
export async function run(checks) {
  const selected = process.argv.slice(2);
  const unknown = selected.filter((name) => !Object.hasOwn(checks, name));
  const failed = [];
  if (unknown.length > 0) {
    console.error(`there is no check ${unknown.join(", ")}`);
    process.exit(1);
  }
  for (const [check, call] of Object.entries(checks)) {
    if (selected.length > 0 && !selected.includes(check)) continue;
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
