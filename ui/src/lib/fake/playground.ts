/** The playground's answers for the fake host. */

import type { PlaygroundEvent } from '../../bindings/PlaygroundEvent';
import type { Host } from '../host';

const ANSWER = 'Hello there, nice meeting you.';
/** For screenshots: all that Markdown may contain, and what must not load or run. */
const MARKDOWN = `## Reverse proxies

A **reverse proxy** stands *in front of* servers and answers for them. See [the article](https://en.wikipedia.org/wiki/Reverse_proxy).

| Task | Where |
| --- | --- |
| TLS | proxy |
| Answers | server |

1. It takes a request.
2. It asks a server:

\`\`\`python
def ask(url: str) -> str:
    return fetch(f"http://127.0.0.1:8000{url}").text
\`\`\`

> A picture from elsewhere: ![tracking pixel](https://evil.test/pixel.png) <img src=x onerror=alert(1)>
`;

type PlaygroundCommands = Pick<
  Host,
  'sendPrompt' | 'stopPrompt' | 'copyConversation' | 'conversations' | 'keepConversations' | 'openLink'
>;

export function playgroundCommands(live: boolean, isRunning: () => boolean): PlaygroundCommands {
  let run = 0;
  let kept = '';
  return {
    sendPrompt: async ({ model, messages }, onEvent) => {
      if (!isRunning())
        return onEvent({ kind: 'failed', message: 'The proxy is stopped. Start it at the bottom left.' });
      const thisRun = ++run;
      const prompt = messages.at(-1)?.content ?? '';
      const events: PlaygroundEvent[] = [];
      if (/explain|why/i.test(prompt))
        events.push({ kind: 'reasoning', text: 'The user wants a **short** explanation.' });
      const text = /explain/i.test(prompt) ? MARKDOWN : ANSWER;
      for (const word of text.split(/(?<= )/)) events.push({ kind: 'text', text: word, firstMs: 384 });
      for (const event of events) {
        if (live) await new Promise((done) => setTimeout(done, prompt.length > 60 ? 400 : 12));
        if (thisRun !== run) return;
        onEvent(event);
      }
      const usage = { input: 21, output: 9, reasoning: 0 };
      onEvent({ kind: 'done', firstMs: 384, totalMs: 912, model, usage });
    },
    stopPrompt: async () => void (run += 1),
    copyConversation: async () => {},
    conversations: async () => kept,
    keepConversations: async (conversations) => void (kept = conversations),
    openLink: async () => {},
  };
}
