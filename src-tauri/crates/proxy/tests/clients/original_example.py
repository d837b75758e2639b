"""The original README's example "Using OpenAI Python Client", unchanged except that the address and the key come from the
environment."""

import os

from openai import OpenAI

# Configure client to use local proxy
client = OpenAI(
    base_url=os.environ.get("BASE_URL", "http://localhost:8000/v1"),
    api_key=os.environ.get("API_KEY", "sk-local-key1")
)

# List models
models = client.models.list()
print(f"Available models: {[m.id for m in models.data]}")

# Non-streaming chat completion
response = client.chat.completions.create(
    model="codex-local",
    messages=[
        {"role": "user", "content": "What is the capital of France?"}
    ]
)
print(response.choices[0].message.content)

# Streaming chat completion
stream = client.chat.completions.create(
    model="codex-local",
    messages=[
        {"role": "user", "content": "Tell me a joke"}
    ],
    stream=True
)

for chunk in stream:
    if chunk.choices[0].delta.content:
        print(chunk.choices[0].delta.content, end="", flush=True)
print()
