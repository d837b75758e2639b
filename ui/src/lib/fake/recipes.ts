/** Recipes and connection checks for the fake host. */

import type { CheckStep } from '../../bindings/CheckStep';
import type { PictureCheck } from '../../bindings/PictureCheck';
import type { Recipe } from '../../bindings/Recipe';
import { SAMPLE_PICTURE } from './picture';

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
      suggested: true,
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
      suggested: false,
    },
    {
      id: 'openWebUiDockerDesktop',
      title: 'Open WebUI in Docker Desktop',
      intro:
        'Docker Desktop routes host.docker.internal to this computer, so no other setting is needed. OrbStack, Colima and Rancher Desktop do the same; in Podman, use host.containers.internal instead.',
      pieces: webUi(dockerUrl),
      warning: null,
      canOpenDocker: false,
      suggested: false,
    },
    ...(['openWebUi', 'openWebUiDocker', 'openWebUiDockerDesktop'] as const).map((place) => ({
      id: `${place}Images`,
      title: 'Images in Open WebUI',
      intro:
        'In Open WebUI: Admin Panel → Settings → Images. Turn on Image Generation, choose the engine Open AI, paste these and save. Image Edit takes the same. It needs a Codex that is signed in with ChatGPT.',
      pieces: [
        ...webUi(place === 'openWebUi' ? baseUrl : dockerUrl),
        { label: 'Model', text: 'gpt-image-1', code: false },
      ],
      warning: null,
      canOpenDocker: false,
      suggested: false,
    })),
    {
      id: 'curl',
      title: 'curl',
      intro: 'Run in a terminal. The answer is streamed.',
      pieces: [
        {
          label: 'List models',
          text: `curl ${baseUrl}/models \\\n  -H "Authorization: Bearer ${key}"`,
          code: true,
        },
        {
          label: 'Send a prompt',
          text: `curl -N ${baseUrl}/chat/completions \\\n  -H "Authorization: Bearer ${key}" \\\n  -H "Content-Type: application/json" \\\n  -d '{"model": "codex-local", "stream": true,\n       "messages": [{"role": "user", "content": "What is 2+2?"}]}'`,
          code: true,
        },
      ],
      warning: null,
      canOpenDocker: false,
      suggested: false,
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
      suggested: false,
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
      suggested: false,
    },
    pasted('cline', 'Cline', "In Cline's settings, choose the API provider OpenAI Compatible.", [
      ['Base URL', baseUrl],
      ['API Key', key],
      ['Model ID', 'gpt-6.1-sol'],
    ]),
    pasted('zed', 'Zed', "Add the provider to Zed's `settings.json`.", [['API key', key]]),
    pasted('vscode', 'VS Code', 'Run Chat: Open Language Models (JSON) in the command palette.', [['API key', key]]),
    pasted('jan', 'Jan', 'In Jan: Settings → Model Providers → Add Provider.', [['Base URL', baseUrl]]),
    pasted('n8n', 'n8n', 'Create a credential of the type OpenAI.', [
      ['API Key', key],
      ['Base URL', baseUrl],
    ]),
    pasted('homeAssistant', 'Home Assistant', 'Install Extended OpenAI Conversation.', [['Base Url', baseUrl]]),
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
      suggested: false,
    },
  ];
}

function pasted(id: string, title: string, intro: string, fields: [string, string][]): Recipe {
  const pieces = fields.map(([label, text]) => ({ label, text, code: false }));
  return { id, title, intro, pieces, warning: null, canOpenDocker: false, suggested: false };
}

export function connectionCheck(running: boolean, inDocker: boolean, dockerAllowed: boolean): CheckStep[] {
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
  const steps = [
    { what: 'The proxy answers', ok: true, detail: 'Codex Proxy 0.3.0 at 127.0.0.1:8000', ms: 1 },
    { what: 'Models are listed', ok: true, detail: '9 models', ms: 3 },
    { what: 'Wrong key is rejected', ok: true, detail: 'Rejected with a message that apps can show', ms: 1 },
    { what: 'Streamed a short answer from gpt-6.1-sol', ok: true, detail: 'First token after 0.38 s', ms: 912 },
  ];
  if (!inDocker) return steps;
  const containers = dockerAllowed
    ? { what: 'Containers can reach it', ok: true, detail: 'Listening on the Docker bridge, 172.17.0.1', ms: 1 }
    : {
        what: 'Containers can reach it',
        ok: false,
        detail: "Containers can't connect yet, because the proxy accepts only apps on this computer.",
        ms: 0,
      };
  return steps.toSpliced(1, 0, containers);
}

export function pictureCheck(running: boolean): PictureCheck {
  const [step] = connectionCheck(running, false, true);
  if (!running && step) return { step, picture: null };
  const detail = 'From the prompt “A green check mark”, 1024x1024';
  return { step: { what: 'Generated a picture', ok: true, detail, ms: 21_400 }, picture: SAMPLE_PICTURE };
}
