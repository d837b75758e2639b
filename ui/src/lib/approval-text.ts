/** The words of an approval's card. */

import type { Approval } from '../bindings/Approval';
import type { ApprovalQuestion } from '../bindings/ApprovalQuestion';
import { plural } from './format';

/** The card's title. */
export function approvalTitle(question: ApprovalQuestion): string {
  switch (question.kind) {
    case 'command':
      return 'Codex asks to run a command';
    case 'fileChange':
      return `Codex asks to change ${plural(question.files.length, 'file')}`;
    case 'permissions':
      return 'Codex asks for permissions';
    case 'input':
      return question.questions.length === 1
        ? 'Codex has a question'
        : `Codex has ${question.questions.length} questions`;
    case 'form':
      return question.fields.length === 0
        ? `${question.server} asks for permission`
        : `${question.server} asks for details`;
    case 'url':
      return `${question.server} asks to open a link`;
  }
}

/** A line that tells it apart from others in the list. */
export function approvalSummary({ question }: Approval): string {
  switch (question.kind) {
    case 'command':
      return withoutShell(question.command);
    case 'fileChange':
      return question.files.map(({ path }) => path.split(/[\\/]/).pop()).join(', ');
    case 'permissions':
      return question.wants.join(', ');
    case 'input':
      return question.questions.map((one) => one.question).join(' ');
    case 'form':
      return question.message;
    case 'url':
      return question.url;
  }
}

/** What a shell is given to run. Only for telling commands apart: the card shows all of it. */
function withoutShell(command: string): string {
  return /^\S*\/(?:bash|zsh|dash|sh) -l?c '([^]*)'$/.exec(command)?.[1] ?? command;
}

/** How long something takes from now, in whole units: `48 s`, `4 min 05 s`. */
export function formatLeft(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, '0')} s`;
}

/** Splits a text at its escapes, such as `\u{202e}`, which stand for characters that cannot be seen. */
export function splitEscapes(text: string): { text: string; escaped: boolean }[] {
  return text
    .split(/(\\u\{[0-9a-f]+\})/)
    .map((part, index) => ({ text: part, escaped: index % 2 === 1 }))
    .filter((part) => part.text !== '');
}

export const hasEscapes = (text: string) => splitEscapes(text).some(({ escaped }) => escaped);
