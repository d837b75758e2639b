// The same checks as in harness.py, for Node.

import { deepStrictEqual, ok } from "node:assert";

export const BASE_URL = process.env.BASE_URL ?? "http://localhost:8000/v1";
export const API_KEY = process.env.API_KEY ?? "sk-demo";
export const MODEL = "gpt-5.5";

// A red square of eight pixels.
export const PNG =
  "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAEUlEQVR42mP4z8CAFTEMLQkAKP8/wc53yE8AAAAASUVORK5CYII=";
export const IMAGE = `data:image/png;base64,${PNG}`;

const WEATHER = { city: "Köln", degrees: 7 };
export const getWeather = ({ city }) => `${city}: fine`;

const say = (text) => `Answer. [[say=${JSON.stringify(text)}]]`;

const CHECKS = {
  async answer(client) {
    const text = await client(say("Hello there"));
    ok(text.includes("Hello there"), text);
  },

  async stream(client) {
    const deltas = [];
    for await (const delta of await client("Count. [[words=5 every=50]]")) if (delta) deltas.push(delta);
    ok(deltas.join("").includes("word1 word2 word3 word4 word5"), `${deltas}`);
    ok(deltas.length > 1, "it came at once");
  },

  async tools(client) {
    const text = await client('Use it. [[tool=get_weather:{"city":"Köln"}]]');
    ok(text.includes("Tool results") && text.includes("fine"), text);
  },

  async schema(client) {
    deepStrictEqual(await client(say(JSON.stringify(WEATHER))), WEATHER);
  },

  async picture(client) {
    const text = await client("What is it? [[echo]]");
    ok(text.includes("[image]"), text);
  },
};

/** Runs the checks of one API of the client, and prints a line for each: the API, the check, and `ok` or what went wrong. */
export async function run(api, clients) {
  for (const [name, client] of Object.entries(clients)) {
    let result = "ok";
    try {
      await CHECKS[name](client);
    } catch (error) {
      console.error(error);
      result = `${error}`.split(/\s+/).join(" ").slice(0, 300);
    }
    console.log([api, name, result].join("\t"));
  }
}
