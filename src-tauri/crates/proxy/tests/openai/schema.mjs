// Makes schema.json of the types in OpenAI's package for Node, which are generated from OpenAI's own description of its API
// and say of each field whether it may be missing and whether it may be null. README.md says how to run it.
//
// Every object is closed: a field that OpenAI does not have is an error unless `OURS` names it.

import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { createGenerator } from "ts-json-schema-generator";

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const { dependencies } = JSON.parse(readFileSync(here("package.json"), "utf8"));

const { definitions } = createGenerator({
  path: here("roots.ts"),
  tsconfig: here("tsconfig.json"),
  type: "Roots",
  jsDoc: "none",
  skipTypeCheck: true,
}).createSchema("Roots");
delete definitions.Roots;

/** A definition by its name, which must be there: a release that names it otherwise must not pass unseen. */
function of(name) {
  if (!definitions[name]) throw new Error(`${name} is gone from OpenAI's package`);
  return definitions[name];
}

// TypeScript has one kind of number. Of these fields OpenAI's package for Python says `float`, of all others `int`. A map's
// values stay as they are.
const FRACTIONS = new Set([
  "completed_at",
  "created_at",
  "embedding_weight",
  "logprob",
  "score",
  "score_threshold",
  "temperature",
  "text_weight",
  "token_logprobs",
  "top_p",
  "value",
]);

function countInWholeNumbers(schema, field) {
  if (Array.isArray(schema)) {
    for (const one of schema) countInWholeNumbers(one, field);
  } else if (schema && typeof schema === "object") {
    if (!FRACTIONS.has(field)) {
      if (schema.type === "number") schema.type = "integer";
      if (Array.isArray(schema.type)) schema.type = schema.type.map((type) => (type === "number" ? "integer" : type));
    }
    for (const [name, value] of Object.entries(schema.properties ?? {})) countInWholeNumbers(value, name);
    countInWholeNumbers(schema.items, field);
    countInWholeNumbers(schema.anyOf, field);
  }
}
for (const definition of Object.values(definitions)) countInWholeNumbers(definition, "");

// Where the package's types are not what OpenAI's API sends.

// `output_text` is put together by the package from what was received; the API does not send it.
delete of("Response").properties.output_text;
of("Response").required = of("Response").required.filter((name) => name !== "output_text");

// The package has one type for the whole answer of /v1/completions and for its chunks. A chunk before the last has no
// `finish_reason` yet, and with `include_usage` a `usage` of null.
const nullable = (schema) => ({ anyOf: [schema, { type: "null" }] });
definitions.CompletionChunk = structuredClone(of("Completion"));
definitions.CompletionChunk.properties.choices.items.$ref = "#/definitions/CompletionChunkChoice";
definitions.CompletionChunk.properties.usage = nullable(of("Completion").properties.usage);
definitions.CompletionChunkChoice = structuredClone(of("CompletionChoice"));
definitions.CompletionChunkChoice.properties.finish_reason = nullable(of("CompletionChoice").properties.finish_reason);

// OpenAI's description of its API has the function's name in this event, and requires it; the types leave it out.
of("ResponseFunctionCallArgumentsDoneEvent").properties.name = { type: "string" };

// The types list the codes that name a fault of the request. `response.failed` has others as well: codex itself, a client of that
// API, reads `context_length_exceeded` and `insufficient_quota` there. And what only this proxy can run into has a code too.
of("ResponseError").properties.code = { type: "string" };

// What the proxy sends beyond OpenAI's fields, all of it optional: clients that don't know these pass over them.
const OURS = {
  // The reasoning's summary, where DeepSeek, vLLM, LiteLLM, Open WebUI and the AI SDK have it.
  ChatCompletionMessage: { reasoning_content: { type: "string" } },
  "ChatCompletionChunk.Choice.Delta": { reasoning_content: { type: "string" } },
  // Open WebUI shows the one and reads its model settings from the other.
  Model: { name: { type: "string" }, info: { type: "object" } },
};
for (const [name, fields] of Object.entries(OURS)) Object.assign(of(name).properties, fields);

// A line for each definition, so that a new release's differences can be read.
const comment =
  `Made by schema.mjs from openai ${dependencies.openai} of the npm registry. Copyright 2026 OpenAI, Apache-2.0 (LICENSE); ` +
  "changed as schema.mjs says. Do not edit.";
const lines = Object.keys(definitions)
  .sort()
  .map((name) => `${JSON.stringify(name)}: ${JSON.stringify(definitions[name])}`);
writeFileSync(
  here("schema.json"),
  `{"$schema": "http://json-schema.org/draft-07/schema#",\n"$comment": ${JSON.stringify(comment)},\n"definitions": {\n${lines.join(",\n")}\n}}\n`,
);
console.log(`schema.json has ${lines.length} definitions`);
