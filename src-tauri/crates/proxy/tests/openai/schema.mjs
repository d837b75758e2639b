// Generates schema.json from the types in OpenAI's package for Node, which are generated from OpenAI's API description and
// include for each field whether it is optional and whether it is nullable. README.md explains how to run it.
//
// Every object is closed: an unknown field is an error unless `OURS` lists it.

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

/** A definition by name. It must exist, so that a rename in a new release is noticed. */
function definition(name) {
  if (!definitions[name]) throw new Error(`${name} does not exist in OpenAI's package`);
  return definitions[name];
}

// TypeScript has a single number type. In OpenAI's Python package these fields are `float`, all others `int`. The values of
// maps are left unchanged.
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

function useIntegers(schema, field) {
  if (Array.isArray(schema)) {
    for (const one of schema) useIntegers(one, field);
  } else if (schema && typeof schema === "object") {
    if (!FRACTIONS.has(field)) {
      if (schema.type === "number") schema.type = "integer";
      if (Array.isArray(schema.type)) schema.type = schema.type.map((type) => (type === "number" ? "integer" : type));
    }
    for (const [name, value] of Object.entries(schema.properties ?? {})) useIntegers(value, name);
    useIntegers(schema.items, field);
    useIntegers(schema.anyOf, field);
  }
}
for (const definition of Object.values(definitions)) useIntegers(definition, "");

// Differences between the package's types and what OpenAI's API sends.

// The package computes `output_text`; the API does not send it.
delete definition("Response").properties.output_text;
definition("Response").required = definition("Response").required.filter((name) => name !== "output_text");

// The package has one type for complete answers and chunks of /v1/completions. Before the last chunk `finish_reason` is
// null, and with `include_usage` so is `usage`.
const nullable = (schema) => ({ anyOf: [schema, { type: "null" }] });
definitions.CompletionChunk = structuredClone(definition("Completion"));
definitions.CompletionChunk.properties.choices.items.$ref = "#/definitions/CompletionChunkChoice";
definitions.CompletionChunk.properties.usage = nullable(definition("Completion").properties.usage);
definitions.CompletionChunkChoice = structuredClone(definition("CompletionChoice"));
definitions.CompletionChunkChoice.properties.finish_reason = nullable(definition("CompletionChoice").properties.finish_reason);

// OpenAI's API description requires the function's name in this event; the types omit it.
definition("ResponseFunctionCallArgumentsDoneEvent").properties.name = { type: "string" };

// The types list only codes for invalid requests. `response.failed` has others: codex, a client of that API, reads
// `context_length_exceeded` and `insufficient_quota` there. The proxy has codes of its own too.
definition("ResponseError").properties.code = { type: "string" };

// The proxy's additional fields, all optional: clients ignore unknown fields.
const OURS = {
  // The reasoning summary, in the field that DeepSeek, vLLM, LiteLLM, Open WebUI and the AI SDK use.
  ChatCompletionMessage: { reasoning_content: { type: "string" } },
  // How many files codex changed, in the last chunk.
  ChatCompletionChunk: { codex_proxy: { type: "object" } },
  CompletionChunk: { codex_proxy: { type: "object" } },
  "ChatCompletionChunk.Choice.Delta": { reasoning_content: { type: "string" } },
  // Open WebUI displays `name` and reads its model settings from `info`.
  Model: { name: { type: "string" }, info: { type: "object" } },
};
for (const [name, fields] of Object.entries(OURS)) Object.assign(definition(name).properties, fields);

// One line per definition, so that the diff of a new release is readable.
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
