// The original README's Python example, translated to JavaScript; only the address and the key come from the
// environment.

import OpenAI from "openai";

// Configure client to use local proxy
const client = new OpenAI({
  baseURL: process.env.BASE_URL ?? "http://localhost:8000/v1",
  apiKey: process.env.API_KEY ?? "sk-local-key1",
});

// List models
const models = await client.models.list();
console.log(`Available models: ${JSON.stringify(models.data.map((model) => model.id))}`);

// Non-streaming chat completion
const response = await client.chat.completions.create({
  model: "codex-local",
  messages: [{ role: "user", content: "What is the capital of France?" }],
});
console.log(response.choices[0].message.content);

// Streaming chat completion
const stream = await client.chat.completions.create({
  model: "codex-local",
  messages: [{ role: "user", content: "Tell me a joke" }],
  stream: true,
});

for await (const chunk of stream) {
  if (chunk.choices[0].delta.content) {
    process.stdout.write(chunk.choices[0].delta.content);
  }
}
console.log();
