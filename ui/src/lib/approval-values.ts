/** Answers to questions and forms: what they begin with, and what is wrong with them. */

import type { ApprovalQuestion } from '../bindings/ApprovalQuestion';
import type { FormField } from '../bindings/FormField';
import type { InputQuestion } from '../bindings/InputQuestion';

/** The values by question id or field name. */
export type Values = Record<string, string[]>;
export type Errors = Partial<Record<string, string>>;

/** The error of a field whose text is typed, such as a number. */
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const INTEGER = /^[+-]?\d+$/;

export function initialValues(question: ApprovalQuestion): Values {
  switch (question.kind) {
    case 'input':
      return Object.fromEntries(question.questions.map(({ id }) => [id, []]));
    case 'form':
      return Object.fromEntries(
        question.fields.map(({ name, input, initial }) => [
          name,
          input.type === 'boolean' && initial.length === 0 ? ['false'] : [...initial],
        ]),
      );
    default:
      return {};
  }
}

/** Without empty texts. */
export function filled(values: Values): Values {
  return Object.fromEntries(Object.entries(values).map(([name, all]) => [name, all.filter((one) => one !== '')]));
}

export function errorsIn(question: ApprovalQuestion, values: Values): Errors {
  const errors =
    question.kind === 'input'
      ? question.questions.map((one) => [one.id, questionError(one, values[one.id] ?? [])])
      : question.kind === 'form'
        ? question.fields.map((field) => [field.name, fieldError(field, values[field.name] ?? [])])
        : [];
  return Object.fromEntries(errors.filter(([, error]) => error !== undefined));
}

function questionError({ options }: InputQuestion, values: readonly string[]): string | undefined {
  if (values.some((value) => value.trim() !== '')) return undefined;
  return options.length > 0 ? 'Choose an answer.' : 'Enter an answer.';
}

function fieldError({ input, required }: FormField, values: readonly string[]): string | undefined {
  const text = (values[0] ?? '').trim();
  if (text === '') {
    if (!required) return undefined;
    return { choice: 'Choose one.', choices: 'Choose at least one.' }[input.type as string] ?? 'Fill this in.';
  }
  if (input.type === 'number' && !NUMBER.test(text)) return 'Enter a number, such as 2.5.';
  if (input.type === 'integer' && !INTEGER.test(text)) return 'Enter a whole number.';
  return undefined;
}
