/** Recipes and connection checks for the fake host. */

import type { CheckStep } from '../../bindings/CheckStep';
import type { Recipe } from '../../bindings/Recipe';

export function recipesFor(baseUrl: string, key: string, dockerAllowed: boolean): Recipe[] {
  const dockerUrl = baseUrl.replace('127.0.0.1', 'host.docker.internal');
  const webUi = (url: string) => [
    { label: 'URL', text: url, code: false },
    { label: 'Key', text: key, code: false },
  ];
  return [
    {
      id: 'openWebUi',
      title: 'Open WebUI on this computer',
      intro:
        'In Open WebUI: Admin Panel → Settings → Connections → OpenAI API → +. Paste both, save, then choose a model in a new chat.',
      pieces: webUi(baseUrl),
      warning: null,
      canOpenDocker: false,
    },
    {
      id: 'openWebUiDocker',
      title: 'Open WebUI in Docker on Linux',
      intro:
        'In Open WebUI: Admin Panel → Settings → Connections → OpenAI API → +. The container needs the host name of this computer.',
      pieces: [
        ...webUi(dockerUrl),
        {
          label: 'Command',
          text: 'docker run -d -p 3000:8080 \\\n  --add-host=host.docker.internal:host-gateway \\\n  -v open-webui:/app/backend/data \\\n  --name open-webui ghcr.io/open-webui/open-webui:main',
          code: true,
        },
      ],
      warning: dockerAllowed
        ? null
        : "Containers can't connect yet, because the proxy accepts only apps on this computer.",
      canOpenDocker: !dockerAllowed,
    },
    {
      id: 'openWebUiDockerDesktop',
      title: 'Open WebUI in Docker Desktop',
      intro:
        'Docker Desktop routes host.docker.internal to this computer, so no other setting is needed. OrbStack, Colima and Rancher Desktop do the same; in Podman, use host.containers.internal instead.',
      pieces: webUi(dockerUrl),
      warning: null,
      canOpenDocker: false,
    },
    {
      id: 'curl',
      title: 'curl',
      intro: 'Run in a terminal. The answer is streamed.',
      pieces: [
        {
          label: 'Command',
          text: `curl -N ${baseUrl}/chat/completions \\\n  -H "Authorization: Bearer ${key}" \\\n  -H "Content-Type: application/json" \\\n  -d '{"model": "codex-local", "stream": true,\n       "messages": [{"role": "user", "content": "What is 2+2?"}]}'`,
          code: true,
        },
      ],
      warning: null,
      canOpenDocker: false,
    },
    {
      id: 'python',
      title: 'Python',
      intro: 'Uses the openai package (`pip install openai`).',
      pieces: [
        {
          label: 'Code',
          text: `from openai import OpenAI\n\nclient = OpenAI(base_url="${baseUrl}", api_key="${key}")\nstream = client.chat.completions.create(\n    model="codex-local",\n    messages=[{"role": "user", "content": "Tell me a joke"}],\n    stream=True,\n)\nfor chunk in stream:\n    print(chunk.choices[0].delta.content or "", end="", flush=True)`,
          code: true,
        },
      ],
      warning: null,
      canOpenDocker: false,
    },
    {
      id: 'node',
      title: 'Node',
      intro: 'Uses the openai package (`npm install openai`).',
      pieces: [
        {
          label: 'Code',
          text: `import OpenAI from "openai";\n\nconst client = new OpenAI({ baseURL: "${baseUrl}", apiKey: "${key}" });\nconst stream = await client.chat.completions.create({\n  model: "codex-local",\n  messages: [{ role: "user", content: "Tell me a joke" }],\n  stream: true,\n});\nfor await (const chunk of stream)\n  process.stdout.write(chunk.choices[0]?.delta?.content ?? "");`,
          code: true,
        },
      ],
      warning: null,
      canOpenDocker: false,
    },
    {
      id: 'other',
      title: 'Other apps',
      intro: 'Works with any app that takes an OpenAI base URL and key. If the app adds /v1 itself, leave it out.',
      pieces: [
        { label: 'Base URL', text: baseUrl, code: false },
        { label: 'Key', text: key, code: false },
        { label: 'Model', text: 'codex-local', code: false },
      ],
      warning: "Cursor can't connect: its servers call the address, and they can't reach this computer.",
      canOpenDocker: false,
    },
  ];
}

export function connectionCheck(running: boolean, dockerAllowed: boolean): CheckStep[] {
  if (!running) {
    return [
      {
        what: 'The proxy answers',
        ok: false,
        detail: 'Nothing is listening at this address. Start the proxy at the bottom left.',
        ms: 2,
      },
    ];
  }
  return [
    { what: 'The proxy answers', ok: true, detail: 'Codex Proxy 0.3.0 at 127.0.0.1:8000', ms: 1 },
    { what: 'The key is accepted', ok: true, detail: 'Default, …k7Fd', ms: 1 },
    { what: 'Models are listed', ok: true, detail: '9 models, codex-local among them', ms: 3 },
    { what: 'Streamed a short answer', ok: true, detail: 'First token after 0.38 s', ms: 912 },
    dockerAllowed
      ? { what: 'Containers can connect', ok: true, detail: 'Listening on the Docker bridge, 172.17.0.1', ms: 1 }
      : {
          what: 'Containers can connect',
          ok: false,
          detail: 'The proxy accepts only apps on this computer. Allow Docker containers under Docker on Linux.',
          ms: 0,
        },
  ];
}
