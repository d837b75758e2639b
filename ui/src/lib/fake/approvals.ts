/** What Codex asks on the fake host. */

import type { Approval } from '../../bindings/Approval';
import type { ApprovalQuestion } from '../../bindings/ApprovalQuestion';
import type { ApprovalRule } from '../../bindings/ApprovalRule';
import type { Health } from '../../bindings/Health';
import type { Overview } from '../../bindings/Overview';
import { approvalTitle } from '../approval-text';
import { plural } from '../format';
import type { Host } from '../host';
import { RUNNING } from './scenario';

const LIMIT_MS = 5 * 60_000;

const command = (text: string, change: object = {}): ApprovalQuestion => ({
  kind: 'command',
  command: text,
  outsideSandbox: true,
  also: [],
  ...change,
});

const options = (...labels: string[]) => labels.map((label) => ({ label, description: '' }));

const LONG_COMMAND = [
  "python3 - <<'EOF'",
  'import json, pathlib, urllib.request',
  '',
  'SOURCES = ["https://registry.example/index.json", "https://mirror.example/index.json"]',
  'target = pathlib.Path.home() / "projects" / "site" / "data" / "packages.json"',
  'for source in SOURCES:',
  '    try:',
  '        with urllib.request.urlopen(source, timeout=20) as answer:',
  '            packages = json.load(answer)["packages"]',
  '        break',
  '    except OSError as error:',
  '        print(f"{source} cannot be reached, so the next one is tried, and if there is none the old file stays: {error}")',
  'else:',
  '    raise SystemExit(1)',
  'target.parent.mkdir(parents=True, exist_ok=True)',
  'target.write_text(json.dumps({name: one["version"] for name, one in packages.items()}, indent=2))',
  'print(f"{len(packages)} packages written to {target}")',
  'EOF',
].join('\n');

const FILES: ApprovalQuestion = {
  kind: 'fileChange',
  files: [
    {
      path: '/home/me/projects/site/src/server.ts',
      what: 'changed',
      diff: `@@ -12,7 +12,9 @@ export async function serve(options: Options) {
   const app = express();
-  app.use(cors());
-  app.listen(3000);
+  app.use(cors({ origin: options.origin }));
+  app.use(rateLimit({ windowMs: 60_000, limit: options.requestsPerMinute ?? 120, standardHeaders: true }));
+  app.listen(options.port ?? 3000, '127.0.0.1');
+
   return app;
 }
`,
    },
    {
      path: '/home/me/projects/site/src/options.ts',
      what: 'added',
      diff: 'export interface Options {\n  port?: number;\n  origin: string;\n  requestsPerMinute?: number;\n}\n',
    },
    { path: '/home/me/projects/site/old-config.json', what: 'deleted', diff: '{\n  "port": 3000\n}\n' },
  ],
  folderGranted: null,
};

const QUESTIONS: ApprovalQuestion = {
  kind: 'input',
  questions: [
    {
      id: 'database',
      header: 'Database',
      question: 'Which database should the service use?',
      options: [
        { label: 'PostgreSQL', description: 'Runs already on this computer.' },
        { label: 'SQLite', description: 'A file in the project, nothing to install.' },
      ],
      isOther: true,
      isSecret: false,
    },
    {
      id: 'password',
      header: '',
      question: 'What is the password of the user “site”?',
      options: [],
      isOther: false,
      isSecret: true,
    },
  ],
};

const FORM: ApprovalQuestion = {
  kind: 'form',
  server: 'tracker',
  message: 'To file the ticket, the tracker needs to know more about it.',
  fields: [
    {
      name: 'title',
      title: 'Title',
      description: '',
      required: true,
      input: { type: 'text' },
      initial: ['Requests are not limited'],
    },
    {
      name: 'priority',
      title: 'Priority',
      description: '',
      required: true,
      input: { type: 'choice', options: options('low', 'medium', 'high') },
      initial: [],
    },
    {
      name: 'hours',
      title: 'Hours',
      description: 'How long it takes, roughly.',
      required: false,
      input: { type: 'number' },
      initial: [],
    },
    {
      name: 'labels',
      title: 'Labels',
      description: '',
      required: false,
      input: { type: 'choices', options: options('bug', 'security', 'docs') },
      initial: ['security'],
    },
    {
      name: 'notify',
      title: 'Notify the team',
      description: '',
      required: false,
      input: { type: 'boolean' },
      initial: ['true'],
    },
  ],
};

const TOOL: ApprovalQuestion = {
  kind: 'form',
  server: 'tracker',
  message: 'Allow the tracker MCP server to run tool "close_ticket"?\n\n{\n  "ticket": 4711,\n  "reason": "fixed"\n}',
  fields: [],
};

const LINK: ApprovalQuestion = {
  kind: 'url',
  server: 'tracker',
  message: 'Sign in to the tracker, then come back.',
  url: 'https://auth.tracker.example/oauth/authorize?client_id=codex-mcp&redirect_uri=http%3A%2F%2F127.0.0.1%3A41873%2Fcallback&scope=tickets%3Aread+tickets%3Awrite&state=f3b1c0d2',
};

type Asked = Pick<Approval, 'question'> & Partial<Approval>;

const COMMAND: Asked = {
  question: command("/bin/bash -lc 'touch here.txt'"),
  reason: 'May I create a file that marks the build as done?',
  canRemember: true,
};
const LISTEN: Asked = {
  question: command('npm install --save-dev vitest', {
    outsideSandbox: false,
    also: ['Use the network: registry.example'],
  }),
  reason: 'The package has to be downloaded.',
  client: 'Zed',
  key: 'Work laptop',
  canRemember: true,
};

/** Each card, by the URL parameter `asks`. */
export const ASKS = {
  command: [COMMAND],
  long: [
    { question: command(LONG_COMMAND), reason: 'The list of packages comes from the internet.', canRemember: true },
  ],
  hidden: [
    {
      question: command(
        'cp "invoice\\u{202e}fdp.exe" ~/.local/bin/update\\u{200b}r && chmod +x ~/.local/bin/update\\u{200b}r',
      ),
      reason: 'Installs the updater.\nIt is \\u{1b}[32msafe\\u{1b}[0m.',
    },
  ],
  sandboxed: [LISTEN],
  files: [{ question: FILES, reason: 'The folder is outside the working folder.' }],
  permissions: [
    {
      question: {
        kind: 'permissions',
        wants: ['Write in /home/me/projects/shared', 'Use the network'],
      },
      reason: 'The shared components have to change, too.',
    },
  ],
  questions: [{ question: QUESTIONS }],
  form: [{ question: FORM, client: 'Zed', key: 'Work laptop' }],
  tool: [{ question: TOOL, client: 'Zed', key: 'Work laptop' }],
  link: [{ question: LINK, client: 'Zed', key: 'Work laptop' }],
  several: [COMMAND, { question: FILES, client: 'Zed', key: 'Work laptop' }, LISTEN, { question: QUESTIONS }],
  expiring: [{ ...COMMAND, expiresAt: 12_000 }],
} satisfies Record<string, Asked[]>;
export type Asks = keyof typeof ASKS;

export const isAsks = (name: string | null): name is Asks => name !== null && name in ASKS;

export function approvalsFor(asks: Asks | undefined, now: number): Approval[] {
  const asked: readonly Asked[] = asks === undefined ? [] : ASKS[asks];
  return asked.map((one, index) => {
    const askedAt = now - 12_000 + index * 2500;
    return {
      id: `a${index + 1}`,
      request: `r${index + 1}`,
      key: 'Default',
      client: 'Open WebUI',
      model: 'codex-local',
      folder: '/home/me/projects/site',
      reason: null,
      canRemember: false,
      ...one,
      askedAt,
      expiresAt: one.expiresAt === undefined ? askedAt + LIMIT_MS : now + one.expiresAt,
    };
  });
}

export function healthOf(approvals: readonly Approval[]): Health {
  const [first] = approvals;
  if (first === undefined) return RUNNING;
  return {
    level: 'asking',
    title:
      approvals.length === 1 ? approvalTitle(first.question) : `${plural(approvals.length, 'question')} are waiting`,
    detail: 'Nothing happens until you answer.',
    until: null,
    fix: { action: 'showApprovals', label: 'Review…' },
  };
}

const RULES: ApprovalRule[] = [
  { id: 'p1', command: 'cargo test', folder: '/home/me/projects/site', key: 'Default', created: 1_794_000_000 },
  {
    id: 'p2',
    command: 'npm install --save-dev vitest',
    folder: '/home/me/projects/site',
    key: 'Work laptop',
    created: 1_793_000_000,
  },
];

type ApprovalCommands = 'answerApproval' | 'approvalRules' | 'forgetApprovalRule';

export function approvalCommands(
  overview: () => Overview,
  update: (change: Partial<Overview>) => void,
  reject: (message: string) => never,
  hasRules: boolean,
): Pick<Host, ApprovalCommands> {
  let rules = hasRules ? RULES : [];
  return {
    answerApproval: async (id, { answer }) => {
      const answered = overview().approvals.find((one) => one.id === id);
      if (answered === undefined) return reject('This question waits no longer.');
      if (answer === 'allowFromNowOn' && answered.question.kind === 'command') {
        const { folder, key, askedAt } = answered;
        const created = Math.floor(askedAt / 1000);
        rules = [{ id: `p-${id}`, command: answered.question.command, folder, key, created }, ...rules];
      }
      const approvals = overview().approvals.filter((one) => one.id !== id);
      update({ approvals, health: healthOf(approvals) });
    },
    approvalRules: async () => rules,
    forgetApprovalRule: async (id) => void (rules = rules.filter((rule) => rule.id !== id)),
  };
}
