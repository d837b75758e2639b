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
definition("Response").properties.created_at.type = "number";
definition("Response").properties.completed_at.type = ["number", "null"];

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
for (const name of ["ResponseFunctionCallArgumentsDoneEvent", "ResponsesServerEvent.ResponseFunctionCallArgumentsWsDone"])
  definition(name).properties.name = { type: "string" };

// An empty page has no first and last item. The packages read null there, though the types do not say so.
for (const name of ["ChatCompletionList", "ChatCompletionMessageList", "ConversationItemList", "ResponseItemList"])
  for (const field of ["first_id", "last_id"]) definition(name).properties[field].type = ["string", "null"];

// A stored chat has all its messages, which the types describe as if all came from the model. OpenAI's documentation shows
// a user's, with these fields.
Object.assign(definition("ChatCompletionStoreMessage").properties, {
  role: { enum: ["assistant", "developer", "function", "system", "tool", "user"] },
  name: { type: ["string", "null"] },
  tool_call_id: { type: "string" },
});

// The types list only codes for invalid requests. `response.failed` has others: codex, a client of that API, reads
// `context_length_exceeded` and `insufficient_quota` there. The proxy has codes of its own too.
definition("ResponseError").properties.code = { type: "string" };

// The proxy's additional fields, all optional: clients ignore unknown fields.
const text = { type: "string" };
const texts = { type: "array", items: text };
const count = { type: "integer" };
// Generated pictures, in the field and form of OpenRouter's, which Open WebUI displays.
const images = {
  type: "array",
  items: {
    type: "object",
    properties: {
      type: { const: "image_url" },
      image_url: { type: "object", properties: { url: text }, required: ["url"], additionalProperties: false },
      index: count,
    },
    required: ["type", "image_url"],
    additionalProperties: false,
  },
};
const OURS = {
  // The reasoning summary, in the field that DeepSeek, vLLM, LiteLLM, Open WebUI and the AI SDK use.
  ChatCompletionMessage: { reasoning_content: text, images },
  ChatCompletionStoreMessage: { reasoning_content: text, images },
  // How many files codex changed, in the last chunk.
  ChatCompletionChunk: { codex_proxy: { type: "object" } },
  CompletionChunk: { codex_proxy: { type: "object" } },
  // The types have annotations only in a complete message, but OpenAI's models that search the web send them in a chunk too.
  "ChatCompletionChunk.Choice.Delta": {
    reasoning_content: text,
    images,
    annotations: definition("ChatCompletionMessage").properties.annotations,
  },
  // A response has its tools as the client sent them, and codex sends this field.
  WebSearchTool: { search_content_types: texts },
  Model: {
    // Open WebUI displays `name` and reads its model settings from `info`.
    name: text,
    info: { type: "object" },
    // What the model takes, under the names that vLLM, OpenRouter and their readers use.
    context_window: count,
    context_length: count,
    max_model_len: count,
    max_output_tokens: count,
    input_modalities: texts,
    architecture: { type: "object" },
    supported_parameters: texts,
    reasoning: { type: "object" },
    reasoning_effort_levels: texts,
    default_reasoning_effort: text,
  },
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
