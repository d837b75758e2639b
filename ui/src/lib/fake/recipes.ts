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
      title: 'Open WebUI on this machine',
      intro:
        'In Open WebUI: Admin Panel → Settings → Connections → OpenAI API → +. Paste both, save, and choose a model in a new chat.',
      pieces: webUi(baseUrl),
      warning: null,
      canOpenDocker: false,
    },
    {
      id: 'openWebUiDocker',
      title: 'Open WebUI in Docker on Linux',
      intro:
        'In Open WebUI: Admin Panel → Settings → Connections → OpenAI API → +. The container must know the name of this machine.',
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
        : 'Containers cannot reach this address yet: the proxy listens for programs on this machine only.',
      canOpenDocker: !dockerAllowed,
    },
    {
      id: 'openWebUiDockerDesktop',
      title: 'Open WebUI in Docker Desktop',
      intro: 'Docker Desktop passes host.docker.internal on to this machine, so nothing has to be opened.',
      pieces: webUi(dockerUrl),
      warning: null,
      canOpenDocker: false,
    },
    {
      id: 'curl',
      title: 'curl',
      intro: 'In a terminal. The answer arrives word by word.',
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
      intro: 'With the package openai (`pip install openai`).',
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
      intro: 'With the package openai (`npm install openai`).',
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
      title: 'Any other client',
      intro: 'Anything that takes a base URL and a key for OpenAI works. If it adds /v1 itself, leave that off.',
      pieces: [
        { label: 'Base URL', text: baseUrl, code: false },
        { label: 'Key', text: key, code: false },
        { label: 'Model', text: 'codex-local', code: false },
      ],
      warning: 'Cursor cannot be connected: its own servers call the address, and they do not reach this machine.',
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
        detail: 'Nobody answers at this address. Start the proxy at the lower left.',
        ms: 2,
      },
    ];
  }
  return [
    { what: 'The proxy answers', ok: true, detail: 'Codex Proxy 0.3.0 at 127.0.0.1:8000', ms: 1 },
    { what: 'The key opens it', ok: true, detail: 'Default, …k7Fd', ms: 1 },
    { what: 'The model list arrives', ok: true, detail: '9 models, codex-local among them', ms: 3 },
    { what: 'A streamed answer arrives word by word', ok: true, detail: 'First token after 0.38 s', ms: 912 },
    dockerAllowed
      ? { what: 'Containers reach it', ok: true, detail: 'It listens on the Docker bridge, 172.17.0.1', ms: 1 }
      : {
          what: 'Containers reach it',
          ok: false,
          detail:
            'The proxy listens for programs on this machine only. Let Docker containers in, in the recipe for Docker on Linux.',
          ms: 0,
        },
  ];
}
